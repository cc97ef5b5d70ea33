"""Lists as they are served, with ``@digitalbazaar/vc-bitstring-status-list`` and
``@sd-jwt/sd-jwt-vc``: good credentials are accepted, and refused those that were revoked, suspended
or superseded."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.proof.credentials.multibase import format_multikey
from chalicelib.proof.credentials.sd_jwt_vc import issue_sd_jwt_vc
from chalicelib.proof.credentials.status_list import StatusEntry, format_status_entry
from chalicelib.proof.credentials.token_status_list import StatusReference, format_reference
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.keys import SigningKey, format_jwk
from chalicelib.proof.payload import StatusChange, Supersede
from chalicelib.proof.statement import entry_id

from ..api.world import COLLEGE, World
from ..fakes import NOTARY
from ..proof.credentials_samples import CLAIMS, CONCEALED, credential, salts
from .peer import Ask, Outcome, ask, ask_all

__all__ = ["ask", "ask_all"]

FATES = ("good", "reinstated", "revoked", "suspended", "superseded")
GOOD = ("good", "reinstated", "newer")
PURPOSES = ("revocation", "suspension")


class Served:
    """Credentials of every fate, and the lists as their verifier fetched them."""

    def __init__(self) -> None:
        self.world = World()
        self.world.clock.now_ms = int(time.time()) * 1000  # the packages look at the real clock
        self.world.register_notary()
        self.entries = dict(zip(FATES, self._allot(len(FATES)), strict=True))
        for fate, entry in self.entries.items():
            self._live(fate, entry["sub"])
        newer = self.entries["superseded"]
        self.entries["newer"] = {**newer, "list": f"{newer['list']}-1"}
        self.world.publish()
        self.lists = {url: self._fetch(url) for url in self._urls()}

    def _bearer(self) -> dict[str, str]:
        now_s = self.world.clock() // 1000
        return self.world.bearer(iat=now_s, exp=now_s + 600)

    def _allot(self, count: int) -> list[dict[str, Any]]:
        asked = {"issuer": COLLEGE, "count": count}
        answer = self.world.post_json("/v1/status-entries", asked, **self._bearer())
        return list(answer.json_body["entries"])

    def _live(self, fate: str, sub: str) -> None:
        first = self._submit(sub)
        now_s = self.world.clock() // 1000
        changes = {
            "reinstated": ("suspend", "reinstate"),
            "revoked": ("revoke",),
            "suspended": ("suspend",),
        }
        for kind in changes.get(fate, ()):
            self._submit(sub, StatusChange(kind, entry_id(first), "other", now_s))
        if fate == "superseded":
            digests = sha256(b"newer"), sm3(b"newer")
            self._submit(sub, Supersede("education/diploma", "raw", *digests, entry_id(first)))

    def _submit(self, sub: str, payload: Any = None) -> bytes:
        iat = self.world.clock() // 1000
        statement = self.world.statement(sub=sub, payload=payload, iat=iat)
        answer = self.world.submit(statement, **self._bearer(), Prefer="wait=5")
        assert answer.status_code == 201, answer.body
        return statement

    def _urls(self) -> list[str]:
        lists = {entry["list"] for entry in self.entries.values()}
        return [f"{url}{end}" for url in lists for end in ("", *(f"/{p}" for p in PURPOSES))]

    def _fetch(self, url: str) -> str:
        if self.world.get(url).status_code == 503:
            self.world.publish()
        answer = self.world.get(url)
        assert answer.status_code == 200, answer.body
        return answer.body.decode()

    @property
    def did_document(self) -> Any:
        return self.world.get("/.well-known/did.json").json_body

    def keys(self) -> dict[str, SigningKey]:
        notary = self.world.service.notary
        assert notary is not None
        return {"token": notary.signer, "bits": notary.list_signer}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def served() -> Any:
    yield Served()
    wiring.use(None)


def status_job(served: Served, entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Check both purposes of a W3C credential."""
    statuses = [
        format_status_entry(StatusEntry(purpose, entry["index"], f"{entry['list']}/{purpose}"))
        for purpose in PURPOSES
    ]
    lists = {url: json.loads(text) for url, text in served.lists.items() if text[0] == "{"}
    key = served.keys()["bits"].public
    return {
        "job": "statusCheck",
        "credential": {**credential(), "issuer": COLLEGE, "credentialStatus": statuses},
        "documents": {**lists, NOTARY: served.did_document},
        "method": f"{NOTARY}#{format_multikey(key)}",
        "multikey": format_multikey(key),
        "matching": False,
        **changes,
    }


def token_job(served: Served, entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Verify an SD-JWT VC, its status included."""
    reference = StatusReference(entry["index"], entry["list"])
    now_s = served.world.clock() // 1000
    claims = {**CLAIMS, "iat": now_s, "nbf": now_s, "exp": now_s + 3600}
    issuer = served.world.college
    text = issue_sd_jwt_vc(
        claims | {"status": format_reference(reference)}, CONCEALED, salts(len(CONCEALED)), issuer
    )
    return {
        "job": "sdJwtVerify",
        "sdJwt": text,
        "jwk": format_jwk(issuer.public),
        "at": now_s,
        "lists": served.lists,
        "listJwk": format_jwk(served.keys()["token"].public),
        **changes,
    }


def test_bitstring_status_lists(served: Served, ask_all: Any) -> None:
    outcomes = ask_all([status_job(served, entry) for entry in served.entries.values()])
    found = {
        fate: dict(zip(PURPOSES, each.accepted(), strict=True))
        for fate, each in zip(served.entries, outcomes, strict=True)
    }
    assert found == {
        fate: {
            "revocation": fate in ("revoked", "superseded"),
            "suspension": fate == "suspended",
        }
        for fate in served.entries
    }


def test_token_status_lists(served: Served, ask_all: Any) -> None:
    outcomes: list[Outcome] = ask_all(
        [token_job(served, entry) for entry in served.entries.values()]
    )
    for fate, outcome in zip(served.entries, outcomes, strict=True):
        if fate in GOOD:
            assert outcome.accepted()["payload"]["status"]["status_list"], fate
        else:
            assert outcome.error == "Status is not valid", fate


def test_altered_lists_are_refused(served: Served, ask: Ask) -> None:
    entry = served.entries["revoked"]
    job = status_job(served, entry)
    url = f"{entry['list']}/revocation"
    clear = json.loads(served.lists[f"{entry['list']}-1/revocation"])["credentialSubject"]
    job["documents"][url]["credentialSubject"]["encodedList"] = clear["encodedList"]
    assert "not verified" in str(ask(**job).error)
    header, _, signature = served.lists[entry["list"]].split(".")
    other = served.lists[f"{entry['list']}-1"].split(".")[1]
    forged = {entry["list"]: f"{header}.{other}.{signature}"}
    assert "verification failed" in str(ask(**token_job(served, entry, lists=forged)).error)


def test_lists_that_are_too_old_are_refused(served: Served, ask: Ask) -> None:
    entry = served.entries["good"]
    late = served.world.clock() // 1000 + 1000
    assert "verification failed" in str(ask(**token_job(served, entry, at=late)).error)


def test_lists_that_cannot_be_had_are_no_good_news(served: Served, ask: Ask) -> None:
    entry = served.entries["good"]
    assert ask(**token_job(served, entry, lists={})).error
    assert ask(**status_job(served, entry, documents={NOTARY: served.did_document})).error


def test_the_lists_issuer_is_the_notary_in_its_own_did_document(served: Served, ask: Ask) -> None:
    job = status_job(served, served.entries["good"])
    del job["documents"][NOTARY]["assertionMethod"]
    assert "not verified" in str(ask(**job).error)
    matched = status_job(served, served.entries["good"], matching=True)
    assert "do not match" in str(ask(**matched).error)
