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
from chalicelib.notary.notices import profile_of
from chalicelib.notary.ports import Single
from chalicelib.proof.issuer_profile import format_profile
from chalicelib.proof.keys import EDDSA, ES256, format_jwk
from chalicelib.proof.policy import parse_policy
from tests.cli.desk import tally, tally_json
from tests.cli.operators import UNIVERSITY, add
from tests.fakes import MemoryIssuerKeys, MemoryObjects


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
    assert "0 notices were" in tally("operator", "publish").stdout
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


def add_custodial(*kind: str) -> list[object]:
    return [*add(Path("k"), key=None, id=UNIVERSITY), "--custodial", *kind]


@pytest.mark.parametrize(("kind", "alg"), [((), EDDSA), (("ed25519",), EDDSA), (("p256",), ES256)])
def test_an_issuer_that_cannot_sign_gets_a_key_in_kms(
    service: Service, kind: tuple[str, ...], alg: int
) -> None:
    told = tally_json(*add_custodial(*kind))
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    [key] = issuer.keys
    assert (key.key.alg, key.from_ms) == (alg, service.clock_ms())
    assert told["kids"] == told["custodial"] == [key.key.kid.hex()]
    message = b"signed in KMS"
    key.key.verify(service.custody.issuer_keys.signer(key).sign(message), message)


def test_a_key_in_kms_is_a_further_one(service: Service, key: Path) -> None:
    tally(*add(key))
    assert len(tally_json(*add_custodial())["kids"]) == 2
    told = tally_json(*add_custodial("p256"))
    assert (len(told["kids"]), len(told["custodial"])) == (3, 2)


def test_a_key_stays_in_kms_when_the_issuer_is_added_again_from_a_file(
    service: Service, tmp_path: Path
) -> None:
    tally(*add_custodial())
    before = service.registry.issuer(UNIVERSITY)
    assert before is not None
    names = {"en": "University", "zh": "大学"}
    again = {"jwk": format_jwk(before.keys[0].key), "to_ms": 2**50}
    facts = {"id": UNIVERSITY, "tenant": "university", "names": names, "keys": [again]}
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps(facts))
    assert (
        len(
            tally_json(
                "operator", "issuer", "add", path, "--custodial", "--unchecked", "made here"
            )["custodial"]
        )
        == 2
    )
    after = service.registry.issuer(UNIVERSITY)
    assert after is not None
    assert after.keys[0] == replace(before.keys[0], to_ms=2**50)


def test_nobody_is_shown_where_a_key_is(service: Service) -> None:
    tally("operator", "init")
    told = [tally(*add_custodial()).output, tally("operator", "policy").stdout]
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    told.append(format_profile(profile_of(issuer)).decode())
    assert not any("arn:" in text for text in told)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--custodial"],
        [*add(Path("k"), key=None), "--custodial"],
        [*add(Path("k"), key=None, id="did:web:NOT"), "--custodial"],
        [*add(Path("k"), key=None, id=UNIVERSITY)],
        [*add(Path("k"), key=None, id=UNIVERSITY), "--custodial", "rsa"],
        [*add(Path("k"), key=None, id=UNIVERSITY, tenant="other"), "--custodial"],
    ],
    ids=str,
)
def test_what_is_misused_makes_no_key(service: Service, arguments: list[object]) -> None:
    tally(*add_custodial())
    made = dict(cast(MemoryIssuerKeys, service.custody.issuer_keys).keys)
    command = arguments if arguments[0] == "operator" else ["operator", "issuer", "add", *arguments]
    assert tally(*command).exit_code == 64
    assert cast(MemoryIssuerKeys, service.custody.issuer_keys).keys == made


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


def test_a_key_that_is_made_here_is_let_in_unchecked(service: Service) -> None:
    """Nobody can have published it yet; the operator says so, and checks it later."""
    result = tally(*add(Path("k"), key=None, id=UNIVERSITY, unchecked=None), "--custodial")
    assert (result.exit_code, "issuer check" in result.stderr) == (64, True)
    assert service.registry.issuers() == []
