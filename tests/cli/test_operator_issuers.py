"""``tally operator issuer``: who is let in, by which keys, and what becomes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.bootstrap import Service
from chalicelib.proof.issuer_profile import Accreditation
from tests.cli.desk import tally, tally_json
from tests.cli.operators import INVENTED, UNIVERSITY, add


@pytest.mark.parametrize(
    ("command", "status"), [("suspend", "suspended"), ("close", "closed"), ("activate", "active")]
)
def test_an_issuers_status_is_set(service: Service, key: Path, command: str, status: str) -> None:
    tally(*add(key))
    assert tally_json("operator", "issuer", command, UNIVERSITY)["status"] == status
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    assert issuer.status == status
    assert status in tally("operator", "issuer", command, UNIVERSITY).stdout
    assert tally("operator", "issuer", command, "did:web:stranger.example").exit_code == 64


def test_a_further_key_keeps_status_and_accreditations(
    service: Service, key: Path, tmp_path: Path
) -> None:
    tally(*add(key))
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    accreditations = (Accreditation("Register", "HE-1", 0),)
    service.registry.put_issuer(replace(issuer, status="suspended", accreditations=accreditations))
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", tmp_path / "new.json")
    assert tally_json(*add(tmp_path / "new.public.json"))["status"] == "suspended"
    after = service.registry.issuer(UNIVERSITY)
    assert after is not None
    assert (len(after.keys), after.accreditations) == (2, accreditations)


def test_a_file_says_all_about_an_issuer(service: Service, key: Path, tmp_path: Path) -> None:
    jwk = {n: v for n, v in json.loads(key.read_text()).items() if n not in ("iss", "kid")}
    entry = {"register": "學位登記冊", "number": "10001", "from_ms": 5, "to_ms": 9}
    names = {"en": "U", "zh": "大"}
    value = {"id": UNIVERSITY, "tenant": "u", "names": names, "keys": [{"jwk": jwk}]}
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps({**value, "status": "closed", "accreditations": [entry]}))
    assert tally("operator", "issuer", "add", path, "--unchecked", INVENTED).exit_code == 0
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    assert issuer.status == "closed"
    assert issuer.accreditations == (Accreditation("學位登記冊", "10001", 5, 9),)
    for wrong in (
        {"status": "merged"},
        {"accreditations": [{**entry, "to_ms": 5}]},
        {"names": {"en": "U\u202e", "zh": "大"}},
    ):
        path.write_text(json.dumps({**value, **wrong}))
        assert tally("operator", "issuer", "add", path, "--unchecked", INVENTED).exit_code == 64
    assert service.registry.issuer(UNIVERSITY) == issuer


def test_a_name_that_cannot_be_seen_is_refused(service: Service, key: Path) -> None:
    assert tally(*add(key, **{"name-en": "University\u200b"})).exit_code == 64
    assert service.registry.issuers() == []


def test_an_issuer_is_registered_by_its_public_key_file(service: Service, key: Path) -> None:
    added = tally_json(*add(key))
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    assert (issuer.tenant, issuer.names) == ("university", {"en": "University", "zh": "大学"})
    assert [known.key.kid.hex() for known in issuer.keys] == added["kids"]
    assert issuer.keys[0].from_ms == service.clock_ms()
    assert added["kids"][0] in tally(*add(key)).stdout


def test_a_second_key_joins_the_first(service: Service, key: Path, tmp_path: Path) -> None:
    tally(*add(key))
    tally("keys", "new", "--issuer", UNIVERSITY, "--out", tmp_path / "new.json")
    assert len(tally_json(*add(tmp_path / "new.public.json"))["kids"]) == 2


def test_a_key_given_again_keeps_its_first_day(service: Service, key: Path) -> None:
    tally(*add(key))
    issuer = service.registry.issuer(UNIVERSITY)
    service.clock_ms.tick()  # type: ignore[attr-defined]
    tally(*add(key))
    assert service.registry.issuer(UNIVERSITY) == issuer


def test_an_issuer_is_registered_by_a_file(service: Service, key: Path, tmp_path: Path) -> None:
    jwk = {n: v for n, v in json.loads(key.read_text()).items() if n not in ("iss", "kid")}
    keys = [{"jwk": jwk, "from_ms": 5, "to_ms": 9, "compromised_ms": 8}]
    value = {"id": UNIVERSITY, "tenant": "u", "names": {"en": "U", "zh": "大"}, "keys": keys}
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps({**value, "notary": True}))
    assert tally("operator", "issuer", "add", path, "--unchecked", INVENTED).exit_code == 0
    issuer = service.registry.issuer(UNIVERSITY)
    assert issuer is not None
    assert issuer.notary
    known = issuer.keys[0]
    assert (known.from_ms, known.to_ms, known.compromised_ms) == (5, 9, 8)
    path.write_text(json.dumps({**value, "names": {"en": "U"}}))
    result = tally("operator", "issuer", "add", path, "--unchecked", INVENTED)
    assert (result.exit_code, "zh is missing" in result.stderr) == (64, True)


@pytest.mark.parametrize(
    "different",
    [
        {"tenant": None},
        {"key": None},
        {"id": "did:web:other.example"},
        {"id": "university"},
        {"tenant": None, "name-en": None, "name-zh": None, "key": None},
    ],
)
def test_options_that_do_not_make_an_issuer(
    service: Service, key: Path, different: dict[str, object]
) -> None:
    assert tally(*add(key, **different)).exit_code == 64
    assert service.registry.issuers() == []


def test_a_plain_jwk_needs_an_id(service: Service, key: Path, tmp_path: Path) -> None:
    jwk = {n: v for n, v in json.loads(key.read_text()).items() if n not in ("iss", "kid")}
    path = tmp_path / "jwk.json"
    path.write_text(json.dumps(jwk))
    assert tally(*add(path)).exit_code == 64
    assert tally(*add(path, id="university")).exit_code == 64
    assert tally(*add(path, id=UNIVERSITY)).exit_code == 0


def test_an_issuer_stays_with_its_tenant(service: Service, key: Path) -> None:
    tally(*add(key))
    result = tally(*add(key, tenant="hospital"))
    assert (result.exit_code, "cannot be changed" in result.stderr) == (64, True)
