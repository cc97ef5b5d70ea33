"""Custodial issuing over HTTP: what is issued, what is refused, and what is left of it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib.api import wiring
from chalicelib.api.documents import read_key
from chalicelib.api.problems import Problem
from chalicelib.notary.limits import (
    CUSTODY_BYTES,
    CUSTODY_MS,
    IDEMPOTENCY_KEY_CHARACTERS,
)
from chalicelib.notary.profiles import profiles
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.erasure import check_erased, parse_erasure, verify_erasure
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import EDDSA, ES256, format_jwk
from chalicelib.proof.policy import read_policy
from chalicelib.proof.receipt import parse_receipt
from chalicelib.proof.verify import verify
from tests.api.hooks import Hooks
from tests.api.world import COLLEGE, HOSPITAL, HOSPITAL_TENANT, JSON, URL, World, problem_of
from tests.fakes import MemoryBitLists, MemoryDocuments, MemoryIssuerKeys, key_named

DIPLOMA = "education/diploma"
CLAIMS: Any = profiles()[DIPLOMA].sample
CONTRACT: Any = profiles()["legal/contract"].sample
TRANSCRIPT: Any = profiles()["education/transcript"].sample
PDF = b"%PDF-1.7 a diploma of somebody"
WAIT = {"Prefer": "wait=5"}


def of_document(data: bytes = PDF, **members: object) -> dict[str, object]:
    document = b64encode(data).decode()
    return {"issuer": COLLEGE, "profile": DIPLOMA, "document": document, **members}


def of_claims(claims: object = CLAIMS, **members: object) -> dict[str, object]:
    return {"issuer": COLLEGE, "profile": DIPLOMA, "claims": claims, **members}


def documents_of(world: World) -> MemoryDocuments:
    return cast(MemoryDocuments, world.service.custody.documents)


def signed_by(world: World) -> list[bytes]:
    return cast(MemoryIssuerKeys, world.service.custody.issuer_keys).signed


def check_receipt(world: World, answer: dict[str, Any], document: bytes) -> None:
    """The receipt is good for the document, whose issuer's key is in the policy."""
    receipt = parse_receipt(format_jcs(answer["receipt"]) + b"\n")
    policy = read_policy(world.get("/v1/policy").json_body)
    verdict = verify(document, receipt, policy, world.clock())
    assert verdict.outcome == "valid", verdict
    assert receipt.statement.entry_id.hex() == answer["entry_id"]


def place_of(credential: Any) -> tuple[str, int]:
    if isinstance(credential, dict):
        status = credential["credentialStatus"][0]
        return status["statusListCredential"].rpartition("/")[0], int(status["statusListIndex"])
    held: Any = parse_sd_jwt(credential).payload["status"]
    return held["status_list"]["uri"], held["status_list"]["idx"]


class TestIssuing:
    def test_a_document_is_registered_and_given_back_as_digests_alone(self, world: World) -> None:
        world.take_custody()
        response = world.issue(of_document(), **WAIT)
        assert response.status_code == 201
        answer = response.json_body
        assert {answer[name] for name in ("issuer", "profile", "canonicalization")} == {
            *(COLLEGE, DIPLOMA, "raw")
        }
        assert answer["receipt"]["document"] == answer["document"]
        assert "credential" not in answer
        check_receipt(world, answer, PDF)

    def test_json_is_digested_by_its_value_if_it_is_asked_for(self, world: World) -> None:
        world.take_custody()
        order = of_document(b'{"b": 1, "a": 2}', canonicalization="jcs")
        answer = world.issue(order, **WAIT).json_body
        check_receipt(world, answer, b'{"a":2,"b":1}')

    @pytest.mark.parametrize("alg", [EDDSA, ES256])
    def test_claims_become_an_sd_jwt_vc_bound_to_its_holder(self, world: World, alg: int) -> None:
        key = world.take_custody(alg)
        holder = format_jwk(key_named("holder").public)
        answer = world.issue(of_claims(holder=holder), **WAIT).json_body
        read = verify_sd_jwt_vc(parse_sd_jwt(answer["credential"]), key.key)
        own = {"iss": COLLEGE, "vct": f"urn:tally:profile:{DIPLOMA}", "cnf": {"jwk": holder}}
        assert read.verified.claims.items() >= {**CLAIMS, **own}.items()
        check_receipt(world, answer, answer["credential"].partition("~")[0].encode())

    def test_claims_become_an_open_badge(self, world: World) -> None:
        key = world.take_custody()
        answer = world.issue(of_claims(form="open-badges"), **WAIT).json_body
        assert answer["canonicalization"] == "jcs"
        verify_credential(answer["credential"], key.key, world.clock())
        check_receipt(world, answer, json.dumps(answer["credential"], indent=1).encode())

    @pytest.mark.parametrize("form", ["sd-jwt-vc", "open-badges"])
    def test_a_credential_has_a_place_in_status_lists(self, world: World, form: str) -> None:
        world.take_custody()
        answers = [
            world.issue(of_claims(form=form), key, **WAIT).json_body for key in ("one", "other")
        ]
        places = [place_of(answer["credential"]) for answer in answers]
        assert {url for url, _ in places} == {f"{URL}/v1/issuers/{COLLEGE}/lists/0"}
        assert len({index for _, index in places}) == 2
        lists = cast(MemoryBitLists, world.service.log.lists)
        assert lists.secrets[COLLEGE].places == 2

    def test_a_document_has_none(self, world: World) -> None:
        world.take_custody()
        assert world.issue(of_document(), **WAIT).status_code == 201
        assert cast(MemoryBitLists, world.service.log.lists).secrets == {}

    def test_without_lists_there_are_no_places(self, world: World) -> None:
        world.service = replace(world.service, log=replace(world.service.log, lists=None))
        wiring.use(world.service)
        world.take_custody()
        answer = world.issue(of_claims()).json_body
        assert "status" not in parse_sd_jwt(answer["credential"]).payload

    def test_the_newest_good_key_signs(self, world: World) -> None:
        world.take_custody()
        world.clock.tick()
        newest = world.take_custody()
        known = world.registry.issuer(COLLEGE)
        assert known is not None
        ended = world.service.custody.issuer_keys.make(COLLEGE, EDDSA, world.clock() + 1)
        world.registry.put_issuer(replace(known, keys=(*known.keys, ended)))
        answer = world.issue(of_claims(), **WAIT).json_body
        verify_sd_jwt_vc(parse_sd_jwt(answer["credential"]), newest.key)

    def test_a_badge_is_signed_with_the_key_that_can(self, world: World) -> None:
        able = world.take_custody(EDDSA)
        world.clock.tick()
        world.take_custody(ES256)
        answer = world.issue(of_claims(form="open-badges"), **WAIT).json_body
        verify_credential(answer["credential"], able.key, world.clock())

    def test_what_is_not_yet_integrated_is_asked_for_at_its_location(self, idle: World) -> None:
        idle.take_custody()
        response = idle.issue(of_claims())
        assert (response.status_code, response.headers["Retry-After"]) == (303, "1")
        assert "receipt" not in response.json_body
        where = response.headers["Location"]
        early = idle.get(where, **idle.issuing())
        assert (early.status_code, early.json_body) == (200, response.json_body)
        assert early.headers["Retry-After"] == "1"
        idle.integrate()
        late = idle.get(where, **idle.issuing())
        assert {**late.json_body, "receipt": None} == {**response.json_body, "receipt": None}
        assert "Retry-After" not in late.headers
        check_receipt(idle, late.json_body, late.json_body["credential"].partition("~")[0].encode())

    def test_what_is_answered_is_kept_by_no_cache(self, world: World) -> None:
        world.take_custody()
        response = world.issue(of_claims(), **WAIT)
        again = world.get(response.headers["Location"], **world.issuing())
        for each in (response, again):
            assert each.headers["Cache-Control"] == "private, no-store"


class TestIdempotency:
    def test_the_same_request_has_the_same_answer_and_is_one_entry(self, world: World) -> None:
        world.take_custody(ES256)
        first = world.issue(of_claims(), **WAIT)
        signed = len(signed_by(world))
        again = world.issue(of_claims(), **WAIT)
        assert (again.status_code, again.json_body) == (first.status_code, first.json_body)
        assert len(signed_by(world)) == signed

    def test_it_stays_so_when_the_issuer_is_closed_meanwhile(self, world: World) -> None:
        world.take_custody()
        first = world.issue(of_claims(), **WAIT)
        known = world.registry.issuer(COLLEGE)
        assert known is not None
        world.registry.put_issuer(replace(known, status="closed"))
        assert world.issue(of_claims(), **WAIT).json_body == first.json_body
        assert problem_of(world.issue(of_claims(), "new")) == "issuer-not-active"

    def test_another_key_is_another_issue(self, world: World) -> None:
        world.take_custody()
        answers = [world.issue(of_claims(), key, **WAIT).json_body for key in ("one", "other")]
        for name in ("id", "entry_id", "document", "credential"):
            assert answers[0][name] != answers[1][name]

    def test_the_key_is_each_tenants_own(self, world: World) -> None:
        world.take_custody()
        world.take_custody(id_=HOSPITAL)
        ours = world.issue(of_document(), **WAIT)
        theirs = world.issue(of_document(issuer=HOSPITAL), tenant=HOSPITAL_TENANT, **WAIT)
        assert (ours.status_code, theirs.status_code) == (201, 201)
        assert ours.json_body["id"] != theirs.json_body["id"]

    def test_another_body_is_refused(self, world: World) -> None:
        world.take_custody()
        world.issue(of_claims())
        stored = dict(documents_of(world).rows)
        response = world.issue(of_claims({**CLAIMS, "name": "Somebody Else"}))
        assert (response.status_code, problem_of(response)) == (422, "idempotency-key-reused")
        assert documents_of(world).rows == stored

    def test_a_request_at_the_same_time_is_told_to_wait(self, world: World) -> None:
        world.take_custody()
        keys = cast(MemoryIssuerKeys, world.service.custody.issuer_keys)
        signer, answers = keys.signer, []

        def busy(key: Any) -> Any:
            answers.append(world.issue(of_claims()))
            return signer(key)

        keys.signer = busy  # type: ignore[method-assign]
        assert world.issue(of_claims(), **WAIT).status_code == 201
        [meanwhile] = answers
        assert (meanwhile.status_code, problem_of(meanwhile)) == (409, "in-progress")
        assert meanwhile.headers["Retry-After"] == "2"

    def test_without_a_key_nothing_is_issued(self, world: World) -> None:
        world.take_custody()
        response = world.post_json("/v1/documents", of_claims(), **world.issuing())
        assert (response.status_code, problem_of(response)) == (400, "missing-idempotency-key")
        assert documents_of(world).rows == {}

    @pytest.mark.parametrize(
        ("header", "key"),
        [
            ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            (r' "a \"b\" \\ c" ', r'a "b" \ c'),
            (f'"{"k" * IDEMPOTENCY_KEY_CHARACTERS}"', "k" * IDEMPOTENCY_KEY_CHARACTERS),
        ],
    )
    def test_a_key_is_a_string_with_or_without_quotes(self, header: str, key: str) -> None:
        assert read_key(header) == key

    @pytest.mark.parametrize(
        "header",
        [
            *('""', '"a', 'a"', '"a", "b"', "a, b", "a;b", '"a";p=1', r'"\a"', '"é"', "", " "),
            *('"\t"', f'"{"k" * (IDEMPOTENCY_KEY_CHARACTERS + 1)}"', "a b"),
        ],
    )
    def test_what_is_no_key(self, header: str) -> None:
        with pytest.raises(Problem) as caught:
            read_key(header)
        assert caught.value.name == "malformed-idempotency-key"


def deep(levels: int) -> bytes:
    return b'{"issuer":"' + COLLEGE.encode() + b'","profile":"x","claims":' + b"[" * levels


Prepare = Callable[[World], object]


def suspend(world: World) -> None:
    world.take_custody()
    known = world.registry.issuer(COLLEGE)
    assert known is not None
    world.registry.put_issuer(replace(known, status="suspended"))


def end_key(world: World) -> None:
    key = world.take_custody()
    known = world.registry.issuer(COLLEGE)
    assert known is not None
    ended = replace(key, to_ms=world.clock())
    world.registry.put_issuer(replace(known, keys=(*known.keys[:-1], ended)))


def take(alg: int = EDDSA, id_: str = COLLEGE) -> Prepare:
    return lambda world: world.take_custody(alg, id_)


BAD: dict[str, tuple[object, str, int, Prepare]] = {
    "claims that break the schema": (of_claims({"name": 1}), "broken-claims", 400, take()),
    "claims with an unknown member": (
        of_claims({**CLAIMS, "Canary Name": 1}),
        "broken-claims",
        400,
        take(),
    ),
    "claims nested too deep": (
        of_claims(json.loads("[" * 50 + "]" * 50)),
        "malformed-json",
        400,
        take(),
    ),
    "too deep for claims": (
        of_claims({"name": json.loads("[" * 50 + "]" * 50)}),
        "broken-claims",
        400,
        take(),
    ),
    "an issuer of another tenant": (
        of_claims(issuer=HOSPITAL),
        "not-your-issuer",
        403,
        take(id_=HOSPITAL),
    ),
    "an issuer that nobody knows": (
        of_claims(issuer="did:web:canary.example"),
        "unknown-issuer",
        403,
        take(),
    ),
    "an issuer that signs itself": (of_claims(), "no-custodial-key", 403, lambda world: None),
    "an issuer whose key ended": (of_claims(), "no-custodial-key", 403, end_key),
    "an issuer that is suspended": (of_claims(), "issuer-not-active", 403, suspend),
    "a profile that nobody knows": (
        of_claims(profile="canary/name"),
        "unknown-profile",
        400,
        take(),
    ),
    "a profile that takes no claims": (
        of_claims({}, profile="generic/file"),
        "no-claims",
        400,
        take(),
    ),
    "claims for a blind profile": (
        of_claims({}, profile="healthcare/record"),
        "blind-profile",
        400,
        take(),
    ),
    "a document of a blind profile": (
        of_document(profile="healthcare/record"),
        "blind-profile",
        400,
        take(),
    ),
    "a badge of another profile": (
        of_claims(TRANSCRIPT, profile="education/transcript", form="open-badges"),
        "cannot-issue",
        400,
        take(),
    ),
    "a badge signed with P-256": (of_claims(form="open-badges"), "cannot-issue", 400, take(ES256)),
    "more than KMS signs with Ed25519": (
        of_claims({**CONTRACT, "languages": ["长" * 150] * 10}, profile="legal/contract"),
        "too-long-to-sign",
        413,
        take(),
    ),
    "a credential too long to be kept": (
        of_claims(
            {
                **TRANSCRIPT,
                "courses": [{**TRANSCRIPT["courses"][0], "title": "长" * 200}] * 400,
            },
            profile="education/transcript",
        ),
        "too-many-bytes",
        413,
        take(ES256),
    ),
    "a body that is too large": (b"[" * (CUSTODY_BYTES + 1), "too-many-bytes", 413, take()),
    "a body nested too deep": (deep(1_000), "malformed-json", 400, take()),
    "a member twice": (
        b'{"issuer":"x","profile":"y","claims":{"Canary Name":1,"Canary Name":2}}',
        "malformed-json",
        400,
        take(),
    ),
    "no JSON": (b"Canary Name", "malformed-json", 400, take()),
    "a body that is a list": ([], "malformed-json", 400, take()),
    "an unknown member": (of_claims(**{"Canary Name": 1}), "malformed-json", 400, take()),
    "neither document nor claims": (
        {"issuer": COLLEGE, "profile": DIPLOMA},
        "malformed-json",
        400,
        take(),
    ),
    "both": (of_claims(document=""), "malformed-json", 400, take()),
    "a document with a form": (of_document(form="sd-jwt-vc"), "malformed-json", 400, take()),
    "claims with a canonicalization": (
        of_claims(canonicalization="raw"),
        "malformed-json",
        400,
        take(),
    ),
    "an unknown form": (of_claims(form="Canary Name"), "malformed-json", 400, take()),
    "an unknown canonicalization": (
        of_document(canonicalization="Canary Name"),
        "malformed-json",
        400,
        take(),
    ),
    "a document that is not base64": (
        of_document(document="Canary Name"),
        "malformed-json",
        400,
        take(),
    ),
    "a document that is no JSON": (
        of_document(b"Canary Name", canonicalization="jcs"),
        "malformed-document",
        400,
        take(),
    ),
    "a document with a member twice": (
        of_document(b'{"Canary Name":1,"Canary Name":2}', canonicalization="jcs"),
        "malformed-document",
        400,
        take(),
    ),
    "a holder without a key": (of_claims(holder={"Canary Name": 1}), "malformed-json", 400, take()),
    "a holder's private key": (
        of_claims(holder={"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "Canary Name"}),
        "malformed-json",
        400,
        take(),
    ),
    "a holder of a badge": (
        of_claims(form="open-badges", holder=format_jwk(key_named("holder").public)),
        "malformed-json",
        400,
        take(),
    ),
    "an issuer that is no text": (of_claims(issuer=1), "malformed-json", 400, take()),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_clear_problem_and_nothing_is_stored_or_signed(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    order, problem, status, prepare = BAD[name]
    prepare(world)
    before = world.stored()
    response = world.issue(order)
    assert (response.status_code, problem_of(response)) == (status, problem)
    assert response.json_body["detail"]
    assert (world.stored(), documents_of(world).rows, signed_by(world)) == (before, {}, [])
    for told in (response.body.decode(), capsys.readouterr().err):
        assert "Canary" not in told
        assert "canary" not in told


def test_every_breach_is_listed_with_its_pointer(world: World) -> None:
    world.take_custody()
    claims = {**CLAIMS, "awarded_on": "Canary", "award": {"title": 1}}
    body = world.issue(of_claims(claims)).json_body
    pointers = [each["pointer"] for each in body["breaches"]]
    assert sorted(pointers) == ["/award/level", "/award/title", "/awarded_on"]
    assert body["breach_count"] == 3
    assert all(each["sentence"] for each in body["breaches"])


def test_another_media_type_is_refused(world: World) -> None:
    world.take_custody()
    headers = {"Content-Type": "text/csv", "Idempotency-Key": '"k"', **world.issuing()}
    response = world.request("POST", "/v1/documents", b"name\nAda\n", headers)
    assert (response.status_code, problem_of(response)) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "0" * 64), ("DELETE", "0" * 64), ("POST", "")]
)
def test_it_needs_a_scope_of_its_own(world: World, method: str, path: str) -> None:
    headers = {"Content-Type": JSON, "Idempotency-Key": '"k"', **world.bearer()}
    response = world.request(method, f"/v1/documents/{path}".rstrip("/"), b"{}", headers)
    assert (response.status_code, problem_of(response)) == (403, "insufficient-scope")


class TestAfterwards:
    def test_what_is_destroyed_is_gone_at_once_and_its_key_is_spent(self, world: World) -> None:
        world.take_custody()
        issued = world.issue(of_claims(), **WAIT)
        where = issued.headers["Location"]
        for _ in range(2):
            assert world.request("DELETE", where, headers=world.issuing()).status_code == 200
        gone = world.get(where, **world.issuing())
        assert (gone.status_code, problem_of(gone)) == (410, "document-gone")
        spent = world.issue(of_claims(), **WAIT)
        assert (spent.status_code, problem_of(spent)) == (409, "idempotency-key-spent")
        for answer in (gone, spent):
            assert issued.json_body["entry_id"] in answer.json_body["detail"]
        assert world.get(f"/v1/receipts/{issued.json_body['entry_id']}").status_code == 200

    def test_what_is_destroyed_is_answered_with_its_issuers_word(self, world: World) -> None:
        key = world.take_custody()
        answer = world.issue(of_claims(), **WAIT).json_body
        where = f"/v1/documents/{answer['id']}"
        gone = world.request("DELETE", where, headers=world.issuing())
        assert gone.headers["Content-Type"] == "application/vnd.tally.erasure+json"
        assert gone.headers["Cache-Control"] == "private, no-store"
        signed = parse_erasure(gone.body)
        policy = read_policy(world.get("/v1/policy").json_body)
        who = verify_erasure(signed, policy)
        assert (who.id, signed.kid) == (COLLEGE, key.key.kid)
        receipt = parse_receipt(format_jcs(answer["receipt"]) + b"\n")
        check_erased(signed.erasure, receipt.statement, who)
        assert signed.erasure.destroyed == ("kept-copies",)

    def test_webhooks_are_told_of_it_once(self, world: World) -> None:
        hooks = Hooks(world)
        hooks.made("document.erased")
        world.take_custody()
        issued = world.issue(of_claims(), **WAIT)
        for _ in range(2):
            world.request("DELETE", issued.headers["Location"], headers=world.issuing())
        [delivery] = hooks.store.rows.values()
        assert delivery.event.data == {
            "entry": issued.json_body["entry_id"],
            "issuer": COLLEGE,
        }

    def test_nothing_is_given_after_the_window_whether_it_was_purged_or_not(
        self, world: World
    ) -> None:
        world.take_custody()
        where = world.issue(of_claims(), **WAIT).headers["Location"]
        world.clock.tick(CUSTODY_MS - 1)
        assert (
            world.get(where, **world.bearer(scope="documents:issue", exp=2**40)).status_code == 200
        )
        world.clock.tick(1)
        late = world.bearer(scope="documents:issue", exp=2**40)
        assert problem_of(world.get(where, **late)) == "document-gone"
        assert problem_of(world.issue(of_claims(), **late)) == "idempotency-key-spent"

    def test_what_was_never_signed_says_so_once_it_is_destroyed(self, world: World) -> None:
        world.take_custody()
        keys = cast(MemoryIssuerKeys, world.service.custody.issuer_keys)
        keys.keys.clear()
        assert problem_of(world.issue(of_claims())) == "internal-error"
        [id_] = documents_of(world).rows
        assert problem_of(world.get(f"/v1/documents/{id_}", **world.issuing())) == "no-such-issue"
        assert (
            world.request("DELETE", f"/v1/documents/{id_}", headers=world.issuing()).status_code
            == 204
        )
        spent = world.issue(of_claims())
        assert "nothing was issued with it" in spent.json_body["detail"].lower()

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("id_", ["0" * 64, "A" * 64, "x"])
    def test_what_nobody_issued(self, world: World, method: str, id_: str) -> None:
        response = world.request(method, f"/v1/documents/{id_}", headers=world.issuing())
        assert (response.status_code, problem_of(response)) == (404, "no-such-issue")

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_another_tenants_is_not_there(self, world: World, method: str) -> None:
        world.take_custody()
        where = world.issue(of_claims(), **WAIT).headers["Location"]
        response = world.request(method, where, headers=world.issuing(HOSPITAL_TENANT))
        assert (response.status_code, problem_of(response)) == (404, "no-such-issue")
        assert world.get(where, **world.issuing()).status_code == 200


def test_neither_tables_nor_logs_show_anything_of_it(
    idle: World, capsys: pytest.CaptureFixture[str]
) -> None:
    idle.take_custody()
    claims = {**CLAIMS, "name": "Canary Name"}
    answer = idle.issue(of_claims(claims)).json_body
    idle.issue(of_document(b"Canary Document"), "another")
    kept = repr(documents_of(idle).rows) + repr(idle.stored()) + capsys.readouterr().err
    salt = answer["document"]["salt"]
    for secret in ("Canary", b64encode(b"Canary").decode()[:7], salt, answer["credential"][:20]):
        assert secret not in kept
    assert bytes.fromhex(salt) not in b"".join(r.secret for r in documents_of(idle).rows.values())
