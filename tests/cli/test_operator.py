"""``tally operator``: creating the log, letting issuers in, and looking after it all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from botocore.exceptions import NoCredentialsError

from chalicelib import bootstrap
from chalicelib.bootstrap import MissingSetting, Service
from chalicelib.notary.log import ClockWentBack
from chalicelib.notary.ports import Single
from chalicelib.proof.policy import parse_policy
from tests.cli.desk import tally, tally_json
from tests.cli.operators import UNIVERSITY, add
from tests.fakes import MemoryObjects


def test_the_log_is_created_once(service: Service) -> None:
    first = tally_json("operator", "init")
    again = tally_json("operator", "init")
    assert (first.pop("created"), again.pop("created")) == (True, False)
    assert first == again
    assert service.log.origin in tally("operator", "init").stdout


def test_the_notary_is_registered_with_the_log(service: Service) -> None:
    told = tally_json("operator", "init")
    assert service.notary is not None
    issuer = service.registry.issuer(service.notary.id)
    assert issuer is not None
    assert (told["notary"], issuer.notary) == (issuer.id, True)
    assert [each.key for each in issuer.keys] == [service.notary.signer.public]
    assert issuer.id in tally("operator", "init").stdout
    assert service.registry.issuer(issuer.id) == issuer


def test_a_notary_needs_an_id_that_is_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.notary is not None
    wrong = replace(service, notary=replace(service.notary, id="did:web:localhost:4599%2Fmain"))
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: wrong)
    result = tally("operator", "init")
    assert (result.exit_code, "TALLY_NOTARY_ID" in result.stderr) == (64, True)
    assert service.registry.issuers() == []


def test_news_are_published_at_once(service: Service, key: Path) -> None:
    tally("operator", "init")
    tally(*add(key))
    assert tally_json("operator", "publish")["notices"] == 2
    assert "nothing is pending" in tally("operator", "sequence").stdout
    assert "0 notices" in tally("operator", "publish").stdout
    assert service.log.notices is not None
    notices = service.log.notices.get(UNIVERSITY)
    assert notices is not None
    assert len(notices.profiles) == 1


def test_what_cannot_be_published_is_told(service: Service, key: Path) -> None:
    tally("operator", "init")
    tally(*add(key))
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    service.registry.put_issuer(replace(issuer, names={"en": "University"}))
    told = tally("operator", "publish")
    assert f"{UNIVERSITY}: malformed-profile: a name is 1 to 300" in told.stderr


def test_publishing_before_the_notary_is_registered_says_what_to_do(service: Service) -> None:
    told = tally("operator", "publish")
    assert told.exit_code == 64
    assert "run `tally operator init` first" in told.stderr


def test_without_a_notary_nothing_is_published(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: replace(service, notary=None))
    assert tally_json("operator", "init")["notary"] is None
    assert tally("operator", "publish").exit_code == 64


def test_an_identity_provider(service: Service) -> None:
    iss = "https://login.example"
    where = ("--iss", iss, "--jwks-url", f"{iss}/jwks.json", "--audience", "tally")
    options = (*where, "--tenant", "university", "--tenant", "clinic")
    told = tally_json("operator", "idp", "add", *options)
    assert (told["iss"], told["tenants"]) == (iss, ["university", "clinic"])
    provider = service.registry.identity_provider(iss)
    assert provider is not None
    assert provider.tenants == ("university", "clinic")
    assert provider.algorithms == ("ES256", "EdDSA", "RS256")
    assert iss in tally("operator", "idp", "add", *options).stdout
    unsafe = tally("operator", "idp", "add", *options, "--algorithm", "none")
    assert unsafe.exit_code == 64


@pytest.mark.parametrize("tenant", [(), ("--tenant", ""), ("--tenant", "a\x1b[2J")])
def test_an_identity_provider_is_given_its_tenants(
    service: Service, tenant: tuple[str, ...]
) -> None:
    iss = "https://login.example"
    where = ("--iss", iss, "--jwks-url", f"{iss}/jwks.json", "--audience", "tally")
    done = tally("operator", "idp", "add", *where, *tenant)
    assert (done.exit_code, "--tenant" in done.stderr) == (64, True)
    assert service.registry.identity_provider(iss) is None


@pytest.mark.parametrize(
    "url",
    ["http://login.example/jwks", "file:///jwks", "login.example/jwks", "https://", "https://["],
)
def test_an_identity_providers_keys_travel_over_tls(service: Service, url: str) -> None:
    iss = "https://login.example"
    options = ("--iss", iss, "--jwks-url", url, "--audience", "tally", "--tenant", "university")
    done = tally("operator", "idp", "add", *options)
    assert (done.exit_code, "--jwks-url" in done.stderr) == (64, True)
    assert service.registry.identity_provider(iss) is None


def test_the_policy_is_one(service: Service, key: Path) -> None:
    tally(*add(key))
    policy = parse_policy(tally("operator", "policy").stdout.encode())
    assert policy.tlog.logs == {service.log.origin: (service.log.vkey,)}
    assert list(policy.issuers) == [UNIVERSITY]
    assert tally_json("operator", "policy") == json.loads(tally("operator", "policy").stdout)


def test_sequencing_by_hand(service: Service) -> None:
    tally("operator", "init")
    assert tally_json("operator", "sequence")["blocks"] == [1]
    assert "nothing is pending" in tally("operator", "sequence").stdout
    service.clock_ms.tick(3_600_000)  # type: ignore[attr-defined]
    assert "block 2" in tally("operator", "sequence").stdout


def test_what_is_set_aside_by_hand_is_told(service: Service) -> None:
    tally("operator", "init")
    service.log.pending.add(Single("00" * 32, b"", None))
    told = tally("operator", "sequence").stderr
    assert told.startswith(f"tally: set aside {'00' * 32}: wrong-bytes: ")


def test_the_store_is_audited(service: Service) -> None:
    tally("operator", "init")
    tally("operator", "sequence")
    assert tally_json("operator", "audit")["blocks"] == 1
    service.log.pending.add(Single("00" * 32, b"", None))
    result = tally("operator", "audit")
    assert (result.exit_code, "pending 0000" in result.stderr) == (1, True)
    cast(MemoryObjects, service.log.tiles).data.clear()
    assert tally("operator", "audit").exit_code == 1


TROUBLE = {
    MissingSetting("set TALLY_ORIGIN"): (64, "TALLY_ORIGIN"),
    NoCredentialsError(): (2, "credentials"),
    ClockWentBack("it is yesterday"): (2, "yesterday"),
}


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: type(trouble).__name__)
def test_trouble_becomes_a_sentence(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> Service:
        raise trouble

    monkeypatch.setattr(bootstrap, "service_from_env", fail)
    result = tally("operator", "init")
    code, words = TROUBLE[trouble]
    assert (result.exit_code, words in result.stderr) == (code, True)
