"""``POST /v1/verify``: the verdict that ``tally-verify`` gives, over HTTP."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.notary.limits import VERIFY_BYTES
from chalicelib.proof.credentials.sd_jwt import SdJwt, format_sd_jwt
from chalicelib.proof.document import commit, digest_document
from chalicelib.proof.receipt import HolderPart, format_receipt, parse_receipt
from chalicelib.proof.statement import Register
from tests.api.world import World, problem_of
from tests.proof.credential_world import ASKED, BOUND, Issued, bound
from tests.proof.world import policy_value

DOCUMENT, SALT = b"A diploma", bytes(range(32))


def receipt_of(world: World) -> bytes:
    digests = digest_document(DOCUMENT, "raw")
    payload = Register("education/diploma", "raw", *commit(SALT, digests))
    accept = "application/vnd.tally.receipt+json"
    response = world.submit(world.statement(payload=payload), Prefer="wait=5", Accept=accept)
    holder = HolderPart("raw", SALT, digests.sha256, digests.sm3)
    return format_receipt(replace(parse_receipt(response.body), document=holder))


def ask(world: World, **members: Any) -> Any:
    encoded = {
        name: b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in members.items()
    }
    return world.post_json("/v1/verify", encoded)


def test_a_document_and_its_receipt_are_valid_under_our_own_policy(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), document=DOCUMENT)
    assert response.status_code == 200
    assert response.json_body["verdict"] == "valid"
    assert response.json_body["at_ms"] == world.clock()


def test_another_document_is_invalid(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), document=b"A forgery")
    assert response.json_body["verdict"] == "invalid"


def test_without_the_document_nobody_can_tell(world: World) -> None:
    assert ask(world, receipt=receipt_of(world)).json_body["verdict"] == "cannot tell"


def test_the_clients_policy_decides(world: World) -> None:
    receipt = receipt_of(world)
    policy = world.get("/v1/policy").json_body
    policy["issuers"] = []
    response = ask(world, receipt=receipt, document=DOCUMENT, policy=policy)
    assert response.json_body["verdict"] == "cannot tell"


def test_the_time_is_the_clients_if_it_says_one(world: World) -> None:
    response = ask(world, receipt=receipt_of(world), at="2030-01-01T00:00:00Z")
    assert response.json_body["at_ms"] == 1_893_456_000_000


@pytest.mark.parametrize("receipt", [b"", b"{}", b"\xff", b"[" * 1_000])
def test_an_unreadable_receipt_is_invalid(world: World, receipt: bytes) -> None:
    response = ask(world, receipt=receipt, document=DOCUMENT)
    assert (response.status_code, response.json_body["verdict"]) == (200, "invalid")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"receipt": 1},
        {"receipt": "e3="},
        {"receipt": "e31="},
        {"receipt": "", "document": None},
        {"receipt": "", "at": "yesterday"},
        {"receipt": "", "salt": ""},
        {"receipt": "", "audience": "https://employer.example"},
        {"receipt": "", "nonce": "1"},
        {"receipt": "", "audience": "", "nonce": "1"},
        {"receipt": "", "audience": 1, "nonce": "1"},
    ],
)
def test_a_request_that_is_not_exact_gets_no_verdict(
    world: World, members: dict[str, object]
) -> None:
    response = world.post_json("/v1/verify", members)
    assert (response.status_code, problem_of(response)) == (400, "malformed-json")


def test_an_unreadable_policy_gets_no_verdict(world: World) -> None:
    response = ask(world, receipt=b"{}", policy={"v": 2})
    assert problem_of(response) == "malformed-policy"


def test_a_body_that_is_too_large_is_refused_unread(world: World) -> None:
    response = world.post_json("/v1/verify", b" " * (VERIFY_BYTES + 1))
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")


def test_each_outcome_is_said_in_both_languages(world: World) -> None:
    verdict = ask(world, receipt=receipt_of(world), document=b"A forgery").json_body
    assert (verdict["code"], verdict["texts"]["zh"][:6]) == ("verdict/invalid", "请勿采信该文")
    assert verdict["checks"][0]["code"] == "document/differs"
    assert verdict["checks"][0]["texts"].keys() == {"en", "zh"}


class TestCredentials:
    """Under the client's own policy: what is issued is not the service's."""

    issued = Issued(BOUND)

    def ask(self, world: World, shown: SdJwt, **more: Any) -> Any:
        document = format_sd_jwt(shown).encode()
        receipt = format_receipt(self.issued.receipt)
        given = {"policy": policy_value(), "at": "2027-01-15T08:00:00Z", **more}
        return ask(world, document=document, receipt=receipt, **given).json_body

    def test_a_presentation_with_the_holder_s_signature(self, world: World) -> None:
        shown = bound(self.issued.shown(("degree",)))
        asked = ASKED._asdict()
        verdict = self.ask(world, shown, **asked)
        assert verdict["verdict"] == "valid"
        assert verdict["claims"]["degree"] == {"name": "MEng"}
        assert "birthdate" not in verdict["claims"]
        verdict = self.ask(world, shown, **{**asked, "nonce": "of another request"})
        assert (verdict["verdict"], verdict["checks"][-3]["code"]) == ("invalid", "holder/false")

    def test_claims_of_nobody_known_are_not_told(self, world: World) -> None:
        verdict = self.ask(world, self.issued.whole, policy=policy_value(issuers=[]))
        assert verdict["verdict"] == "cannot tell"
        assert "claims" not in verdict
