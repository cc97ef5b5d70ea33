"""``POST /credentials/issue``: signed and registered in one step, for the caller's own issuers."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib.api import wiring
from chalicelib.notary.custody.records import record_id
from chalicelib.notary.issue import key_url
from chalicelib.notary.limits import CREDENTIAL_KEPT_BYTES
from chalicelib.notary.vc.issue import ROUTE
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.hashes import sha256
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import ES256, PublicKey
from chalicelib.proof.receipt import HolderPart, format_receipt, parse_receipt
from chalicelib.proof.statement import Register
from tests.api.test_documents import documents_of, signed_by
from tests.api.vc_world import credential, results, signed, status, verify
from tests.api.world import COLLEGE, HOSPITAL, URL, World, problem_of
from tests.fakes import MemoryBitLists, MemoryIssuerKeys

BADGE = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "type": ["VerifiableCredential", "AchievementCredential"],
}


@pytest.fixture
def world(world: World) -> World:
    """With a key of the college's in KMS."""
    world.take_custody()
    return world


def issue(world: World, value: Any, tenant: str = "college", **headers: str) -> Any:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = value if isinstance(value, bytes) else {"credential": value}
    return world.post_json("/credentials/issue", body, **world.issuing(tenant), **named)


def key_of(world: World) -> PublicKey:
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    return issuer.keys[-1].key


def change(world: World, **different: Any) -> None:
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    world.registry.put_issuer(replace(issuer, **different))


class TestIssuing:
    def test_a_credential_is_signed_and_verified_by_the_same_service(self, world: World) -> None:
        response = issue(world, credential(credentialStatus=status(index=9)))
        assert response.status_code == 201
        issued = response.json_body["verifiableCredential"]
        proof = issued.pop("proof")
        assert issued == credential(credentialStatus=status(index=9))
        assert proof["verificationMethod"] == key_url(COLLEGE, key_of(world))
        whole = {**issued, "proof": proof}
        verify_credential(whole, key_of(world), world.clock())
        assert results(verify(world, whole))["proof"] == "pass"

    def test_it_is_registered_and_its_receipt_proves_when(self, world: World) -> None:
        answer = issue(world, credential())
        body = answer.json_body
        accept = "application/vnd.tally.receipt+json"
        found = world.get(answer.headers["Location"], Accept=accept)
        part = body["document"]
        holder = HolderPart(
            part["canonicalization"],
            *(bytes.fromhex(part[name]) for name in ("salt", "sha-256", "sm3")),  # type: ignore[arg-type]
        )
        receipt = replace(parse_receipt(found.body), document=holder)
        options = {"receipt": b64encode(format_receipt(receipt)).decode()}
        verified = verify(world, body["verifiableCredential"], **options)
        assert results(verified)["receipt"] == "pass"
        assert answer.headers["Location"] == f"{URL}/entries/{body['entry']}"
        assert answer.headers["Cache-Control"] == "private, no-store"

    @pytest.mark.parametrize(
        ("different", "profile"),
        [({}, "generic/file"), (BADGE, "education/diploma")],
    )
    def test_what_the_log_calls_it(self, world: World, different: Any, profile: str) -> None:
        response = issue(world, credential(**different))
        accept = "application/vnd.tally.receipt+json"
        found = world.get(response.headers["Location"], Accept=accept)
        payload = parse_receipt(found.body).statement.statement.payload
        assert isinstance(payload, Register)
        assert (payload.profile, payload.canonicalization) == (profile, "jcs")

    def test_the_issuer_may_be_left_out_where_the_tenant_has_one(self, world: World) -> None:
        issued = issue(world, credential(issuer=None)).json_body["verifiableCredential"]
        assert issued["issuer"] == COLLEGE

    def test_and_not_where_it_has_two(self, world: World) -> None:
        other = "did:web:other.example"
        known = world.registry.issuer(COLLEGE)
        assert known is not None
        world.registry.put_issuer(replace(known, id=other))
        response = issue(world, credential(issuer=None))
        assert problem_of(response) == "malformed-credential"
        assert issue(world, credential(issuer=other)).status_code == 201

    def test_it_gets_a_place_in_status_lists_unless_it_has_a_status(self, world: World) -> None:
        list_ = f"{URL}/v1/issuers/{COLLEGE}/lists/0"
        issued = issue(world, credential()).json_body["verifiableCredential"]
        found = [each["statusListCredential"] for each in issued["credentialStatus"]]
        assert found == [f"{list_}/revocation", f"{list_}/suspension"]
        lists = cast(MemoryBitLists, world.service.log.lists)
        assert lists.secrets[COLLEGE].places == 1
        own = credential(credentialStatus=status(index=9))
        assert issue(world, own).json_body["verifiableCredential"]["credentialStatus"] == status(
            index=9
        )
        assert lists.secrets[COLLEGE].places == 1

    def test_nor_where_no_lists_are_kept(self, world: World) -> None:
        world.service = replace(world.service, log=replace(world.service.log, lists=None))
        wiring.use(world.service)
        issued = issue(world, credential()).json_body["verifiableCredential"]
        assert "credentialStatus" not in issued

    def test_it_can_be_had_again_and_is_destroyed_by_its_id(self, world: World) -> None:
        body = issue(world, credential()).json_body
        where = f"/v1/documents/{body['id']}"
        shown = world.get(where, **world.issuing()).json_body
        assert shown["credential"] == body["verifiableCredential"]
        assert (shown["entry_id"], shown["document"]) == (body["entry"], body["document"])
        world.request("DELETE", where, headers=world.issuing())
        assert problem_of(world.get(where, **world.issuing())) == "document-gone"

    def test_it_is_integrated_without_being_asked_for(self, world: World) -> None:
        issue(world, credential())
        assert world.wake.count == 1


KEY = {"Idempotency_Key": '"diploma 17"'}


class TestOnce:
    def test_the_same_request_with_a_key_is_the_same_credential(self, world: World) -> None:
        first, again = (issue(world, credential(), **KEY).json_body for _ in range(2))
        assert first == again
        other = issue(world, credential(), Idempotency_Key="another").json_body
        assert other["document"]["salt"] != first["document"]["salt"]

    def test_without_a_key_each_request_is_another(self, world: World) -> None:
        ids = [issue(world, credential()).json_body["id"] for _ in range(2)]
        assert len(set(ids)) == 2
        digest = sha256(json.dumps({"credential": credential()}).encode())
        known = [record_id("college", ROUTE, key) for key in (digest.hex(), "", str(digest))]
        assert not set(known) & set(documents_of(world).rows)

    def test_the_key_is_another_than_that_of_other_routes(self, world: World) -> None:
        document = {"issuer": COLLEGE, "profile": "generic/file", "document": "AAAA"}
        assert world.issue(document, "diploma 17").status_code == 303
        assert issue(world, credential(), **KEY).status_code == 201

    def test_another_body_is_refused(self, world: World) -> None:
        issue(world, credential(), **KEY)
        response = issue(world, credential(name="other"), **KEY)
        assert (response.status_code, problem_of(response)) == (422, "idempotency-key-reused")

    def test_a_request_at_the_same_time_is_told_to_wait(self, world: World) -> None:
        keys = cast(MemoryIssuerKeys, world.service.custody.issuer_keys)
        signer, answers = keys.signer, []

        def busy(key: Any) -> Any:
            answers.append(issue(world, credential(), **KEY))
            return signer(key)

        keys.signer = busy  # type: ignore[method-assign]
        assert issue(world, credential(), **KEY).status_code == 201
        [meanwhile] = answers
        assert (meanwhile.status_code, problem_of(meanwhile)) == (409, "in-progress")
        assert meanwhile.headers["Retry-After"] == "2"

    def test_what_is_destroyed_has_spent_its_key(self, world: World) -> None:
        body = issue(world, credential(), **KEY).json_body
        world.request("DELETE", f"/v1/documents/{body['id']}", headers=world.issuing())
        response = issue(world, credential(), **KEY)
        assert (response.status_code, problem_of(response)) == (409, "idempotency-key-spent")
        assert body["entry"] in response.json_body["detail"]

    @pytest.mark.parametrize("key", ["", "a b", "é", '"' + "x" * 256 + '"'])
    def test_a_key_that_is_none(self, world: World, key: str) -> None:
        response = issue(world, credential(), Idempotency_Key=key)
        assert problem_of(response) == "malformed-idempotency-key"


LONG = {"id": "urn:uuid:1c2d7a52-0b6a-4f5e-8f6d-6a2f0a4c9f11", "text": "x" * CREDENTIAL_KEPT_BYTES}


def unchanged(world: World) -> None:
    """With the key that it has."""


def suspend(world: World) -> None:
    change(world, status="suspended")


def end_key(world: World) -> None:
    issuer = world.registry.issuer(COLLEGE)
    assert issuer is not None
    change(world, keys=(*issuer.keys[:-1], replace(issuer.keys[-1], to_ms=world.clock())))


def keep_p256(world: World) -> None:
    end_key(world)
    world.take_custody(ES256)


def ask_for_two(world: World) -> None:
    change(world, approval=True)


BAD: dict[str, tuple[Any, int, str, Callable[[World], None]]] = {
    "another tenant's issuer": (credential(issuer=HOSPITAL), 403, "not-your-issuer", unchanged),
    "an issuer that nobody knows": (
        credential(issuer="did:web:stranger.example"),
        *(403, "unknown-issuer", unchanged),
    ),
    "an issuer that is suspended": (credential(), 403, "issuer-not-active", suspend),
    "an issuer whose key ended": (credential(), 403, "no-custodial-key", end_key),
    "left out, and its key ended": (
        credential(issuer=None),
        *(400, "malformed-credential", end_key),
    ),
    "a key of another kind": (credential(), 400, "cannot-issue", keep_p256),
    "an issuer that asks for two persons": (credential(), 403, "approval-required", ask_for_two),
    "an issuer without id": (
        credential(issuer={"name": "College"}),
        *(400, "malformed-credential", unchanged),
    ),
    "nobody as its subject": (
        credential(credentialSubject={}),
        *(400, "malformed-credential", unchanged),
    ),
    "with a proof already": (signed(), 400, "malformed-credential", unchanged),
    "a number that would not be read again": (
        credential(credentialSubject={"points": 1e20}),
        *(400, "malformed-credential", unchanged),
    ),
    "no object": ("credential", 400, "malformed-credential", unchanged),
    "no credential": (b"{}", 400, "malformed-json", unchanged),
    "a member twice": (
        b'{"credential": {}, "credential": {}}',
        *(400, "malformed-json", unchanged),
    ),
    "an option": (
        b'{"credential": {}, "options": {"checks": []}}',
        *(400, "unknown-option", unchanged),
    ),
    "too long to be kept": (
        credential(credentialSubject=LONG),
        *(413, "too-many-bytes", unchanged),
    ),
}


class TestRefused:
    @pytest.mark.parametrize("name", BAD)
    def test_what_is_not_to_be_issued(self, world: World, name: str) -> None:
        value, code, problem, prepare = BAD[name]
        prepare(world)
        before = world.stored()
        response = issue(world, value)
        assert (response.status_code, problem_of(response)) == (code, problem)
        assert (documents_of(world).rows, signed_by(world)) == ({}, [])
        assert world.stored() == before

    def test_the_longest_that_is_kept_and_one_more(self, world: World) -> None:
        """It is measured with the longest signature that there is."""
        given = {"credentialStatus": status(index=9)}
        short = issue(world, credential(**given, name="")).json_body["verifiableCredential"]
        length = len(format_jcs(short)) - len(short["proof"]["proofValue"]) + len("z") + 88
        room = CREDENTIAL_KEPT_BYTES - length
        longest = issue(world, credential(**given, name="x" * room))
        assert longest.status_code == 201
        credential_ = longest.json_body["verifiableCredential"]
        assert CREDENTIAL_KEPT_BYTES - 2 <= len(format_jcs(credential_)) <= CREDENTIAL_KEPT_BYTES
        assert issue(world, credential(**given, name="x" * (room + 1))).status_code == 413

    @pytest.mark.parametrize("scope", ["entries:write jobs:read", "jobs:approve"])
    def test_it_needs_the_scope_of_issuing(self, world: World, scope: str) -> None:
        bearer = world.bearer(scope=scope)
        response = world.post_json("/credentials/issue", {"credential": credential()}, **bearer)
        assert (response.status_code, problem_of(response)) == (403, "insufficient-scope")

    def test_without_a_token(self, world: World) -> None:
        response = world.post_json("/credentials/issue", {"credential": credential()})
        assert (response.status_code, problem_of(response)) == (401, "missing-token")
