"""``POST /credentials/issue``: signed and registered in one step, for the caller's own issuers."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api import wiring
from chalicelib.notary.issue import StatusPlace, key_url
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.receipt import HolderPart, format_receipt, parse_receipt
from chalicelib.proof.statement import Register
from tests.api.custodian import MemoryCustodian
from tests.api.vc_world import COLLEGE_KEY, LIST, credential, results, signed, status
from tests.api.world import COLLEGE, HOSPITAL, HOSPITAL_TENANT, URL, World, problem_of

BADGE = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "type": ["VerifiableCredential", "AchievementCredential"],
}


@pytest.fixture
def custodian(world: World) -> MemoryCustodian:
    keys = {COLLEGE: world.college, HOSPITAL: world.hospital}
    custodian = MemoryCustodian(world, keys)
    wiring.use(replace(world.service, custodian=custodian))
    return custodian


def issue(world: World, value: Any, tenant: str = "college", **headers: str) -> Any:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = value if isinstance(value, bytes) else {"credential": value}
    return world.post_json("/credentials/issue", body, **world.bearer(tenant), **named)


@pytest.mark.usefixtures("custodian")
class TestIssuing:
    def test_a_credential_is_signed_and_verified_by_the_same_service(self, world: World) -> None:
        response = issue(world, credential())
        assert response.status_code == 201
        issued = response.json_body["verifiableCredential"]
        proof = issued.pop("proof")
        assert issued == credential()
        assert proof["verificationMethod"] == key_url(COLLEGE, COLLEGE_KEY.public)
        verified = world.post_json(
            "/credentials/verify", {"verifiableCredential": {**issued, "proof": proof}}
        )
        assert verified.json_body["verified"]

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
        verified = world.post_json(
            "/credentials/verify",
            {"verifiableCredential": body["verifiableCredential"], "options": options},
        ).json_body
        assert verified["verified"]
        assert results(verified)["receipt"] == "pass"
        assert answer.headers["Location"] == f"{URL}/entries/{body['entry']}"

    @pytest.mark.parametrize(
        ("different", "profile"),
        [({}, "generic/file"), (BADGE, "education/diploma")],
    )
    def test_what_the_log_calls_it(
        self, world: World, custodian: MemoryCustodian, different: Any, profile: str
    ) -> None:
        response = issue(world, credential(**different))
        accept = "application/vnd.tally.receipt+json"
        found = world.get(response.headers["Location"], Accept=accept)
        payload = parse_receipt(found.body).statement.statement.payload
        assert isinstance(payload, Register)
        assert (payload.profile, payload.canonicalization) == (profile, "jcs")
        assert custodian.orders[0].profile == profile

    def test_the_issuer_may_be_left_out_where_the_tenant_has_one(self, world: World) -> None:
        issued = issue(world, credential(issuer=None)).json_body["verifiableCredential"]
        assert issued["issuer"] == COLLEGE

    def test_it_gets_a_place_in_status_lists_unless_it_has_a_status(
        self, world: World, custodian: MemoryCustodian
    ) -> None:
        custodian.place = StatusPlace(LIST, 7)
        statuses = issue(world, credential()).json_body["verifiableCredential"]["credentialStatus"]
        found = [(each["statusListCredential"], each["statusListIndex"]) for each in statuses]
        assert found == [(f"{LIST}/revocation", "7"), (f"{LIST}/suspension", "7")]
        own = credential(credentialStatus=status(index=9))
        issued = issue(world, own).json_body["verifiableCredential"]
        assert issued["credentialStatus"] == status(index=9)
        assert [order.placed for order in custodian.orders] == [True, False]

    def test_the_same_request_is_the_same_credential(self, world: World) -> None:
        first, second = (issue(world, credential()).json_body for _ in range(2))
        assert first == second
        other = issue(world, credential(), Idempotency_Key="another").json_body
        assert other["document"]["salt"] != first["document"]["salt"]

    def test_the_clients_name_for_it_is_handed_on(
        self, world: World, custodian: MemoryCustodian
    ) -> None:
        issue(world, credential(), Idempotency_Key="diploma-17")
        assert custodian.orders[0].once == "diploma-17"


@pytest.mark.usefixtures("custodian")
class TestRefused:
    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (credential(issuer=HOSPITAL), "issuer-not-kept"),
            (credential(issuer="did:web:stranger.example"), "issuer-not-kept"),
            (credential(issuer={"name": "College"}), "malformed-credential"),
            (credential(credentialSubject={}), "malformed-credential"),
            (signed(), "malformed-credential"),
            (credential(credentialSubject={"points": 1e20}), "malformed-credential"),
            ("credential", "malformed-credential"),
            (b"{}", "malformed-json"),
            (b'{"credential": {}, "credential": {}}', "malformed-json"),
            (b'{"credential": {}, "options": {"checks": []}}', "unknown-option"),
        ],
    )
    def test_what_is_not_to_be_issued(
        self, world: World, custodian: MemoryCustodian, value: Any, problem: str
    ) -> None:
        before = world.stored()
        response = issue(world, value)
        assert (response.status_code, problem_of(response)) == (400, problem)
        assert custodian.orders == []
        assert world.stored() == before

    def test_a_tenant_whose_keys_are_of_another_kind(self, world: World) -> None:
        for issuer in (HOSPITAL, None):
            response = issue(world, credential(issuer=issuer), HOSPITAL_TENANT)
            assert response.status_code == 400

    @pytest.mark.parametrize("name", ["", "a b", "é", "x" * 129])
    def test_a_bad_name_of_the_order(self, world: World, name: str) -> None:
        response = issue(world, credential(), Idempotency_Key=name)
        assert problem_of(response) == "bad-idempotency-key"

    def test_without_a_token(self, world: World) -> None:
        response = world.post_json("/credentials/issue", {"credential": credential()})
        assert (response.status_code, problem_of(response)) == (401, "missing-token")


def test_where_no_keys_are_kept_nothing_is_issued(world: World) -> None:
    response = issue(world, format_jcs({"credential": credential()}))
    assert (response.status_code, problem_of(response)) == (404, "no-custodian")
