"""Hostile bodies for the W3C VC API: refused with ProblemDetails, and nothing comes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.notary.limits import CREDENTIAL_BYTES
from chalicelib.proof.credentials.vcdm import V2
from tests.api.test_documents import documents_of, signed_by
from tests.api.vc_world import (
    CHALLENGE,
    DOMAIN,
    HOLDER,
    bound,
    credential,
    did_key,
    enveloped,
    presentation,
    presented,
    sd_jwt,
    signed,
    verify,
    verify_presentation,
)
from tests.api.world import COLLEGE, World, problem_of

DEEP = b'{"a":' * 99 + b"1" + b"}" * 99
DEEPER = b'{"a":' * 40_000 + b"1" + b"}" * 40_000

HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\xff",
    "a list": b"[]",
    "no credential": b"{}",
    "a null": b'{"C": null}',
    "a string": b'{"C": "eyJhbGciOiJub25lIn0.e30."}',
    "a member twice": b'{"C": {}, "C": {}}',
    "an unknown member": b'{"C": {}, "policy": {}}',
    "a duplicate key within": b'{"C": {"type": "VerifiableCredential", "type": "A"}}',
    "as deep as it gets": b'{"C": ' + DEEP + b"}",
    "deeper": b'{"C": ' + DEEPER + b"}",
    "lists without end": b'{"C": ' + b"[" * 400_000,
    "a number without end": b'{"C": {"a": ' + b"9" * 900_000 + b"}}",
    "NaN": b'{"C": {"a": NaN}}',
    "an infinite number": b'{"C": {"a": 1e999}}',
    "a lone surrogate": b'{"C": {"a": "\\ud800"}}',
    "types without end": json.dumps({"C": {**signed(), "type": ["A"] * 150_000}}).encode(),
    "contexts without end": json.dumps({"C": {**signed(), "@context": [V2] * 20_000}}).encode(),
    "a proof value without end": json.dumps(
        {"C": {**signed(), "proof": {**signed()["proof"], "proofValue": "z" + "2" * 900_000}}}
    ).encode(),
    "an id without end": json.dumps({"C": {**signed(), "id": "urn:" + "a" * 900_000}}).encode(),
    "a did:key without end": json.dumps(
        {"C": signed(credential(issuer="did:key:z6Mk" + "2" * 2_000))}
    ).encode(),
    "disclosures without end": json.dumps({"C": enveloped("a.b.c" + "~" * 900_000)}).encode(),
    "a JWT without end": json.dumps({"C": enveloped("a" * 900_000 + "~")}).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/credentials/verify", b"verifiableCredential"),
        ("/presentations/verify", b"verifiablePresentation"),
        ("/presentations/verify", b"presentation"),
        ("/credentials/issue", b"credential"),
    ],
)
def test_a_hostile_body_is_refused(world: World, path: str, member: bytes, name: str) -> None:
    world.take_custody()
    body = HOSTILE[name].replace(b'"C"', b'"' + member + b'"')
    response = world.post_json(path, body, **world.issuing())
    assert response.status_code == 400
    answer = response.json_body
    assert answer["verified"] is False
    assert [each["type"] for each in answer["problemDetails"]]
    assert (documents_of(world).rows, signed_by(world)) == ({}, [])


LONG = "a" * 300_000


@pytest.mark.parametrize(
    "body",
    [
        {"verifiableCredential": signed(purpose=LONG)},
        {"verifiableCredential": {**signed(), "proof": {**signed()["proof"], LONG: 1}}},
        {"verifiableCredential": signed(), "options": {LONG: 1}},
        {"verifiableCredential": signed(), LONG: 1},
        {"verifiableCredential": enveloped("a.b.c~", LONG)},
    ],
)
def test_an_answer_quotes_no_more_than_a_little(world: World, body: Any) -> None:
    body = {**body, "options": {**body.get("options", {}), "returnResults": False}}
    response = world.post_json("/credentials/verify", body)
    assert response.status_code == 400
    assert len(response.body) < 4_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/credentials/verify", {"verifiableCredential": signed()}),
        ("/credentials/verify", {"verifiableCredential": enveloped(sd_jwt())}),
        (
            "/presentations/verify",
            {
                "verifiablePresentation": presented(presentation(enveloped(bound(sd_jwt())))),
                "options": {"domain": DOMAIN, "challenge": CHALLENGE},
            },
        ),
    ],
)
def test_no_byte_of_what_is_verified_can_be_changed(world: World, path: str, body: Any) -> None:
    data = json.dumps(body, separators=(",", ":")).encode()
    assert world.post_json(path, data).json_body["verified"] is True
    for at in range(0, len(data), 3):
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        assert world.post_json(path, changed).json_body["verified"] is False, changed


@pytest.mark.parametrize(
    "path", ["/credentials/verify", "/presentations/verify", "/credentials/issue"]
)
def test_a_body_that_is_too_large_is_refused_unread(world: World, path: str) -> None:
    response = world.post_json(path, b" " * (CREDENTIAL_BYTES + 1), **world.issuing())
    assert (response.status_code, problem_of(response)) == (413, "too-many-bytes")


def test_the_log_line_says_nothing_of_a_credential(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(world, {**signed(credential(credentialSubject={"name": "Ffion"})), "name": "a"})
    verify_presentation(world, presented(presentation(signed(), enveloped(bound(sd_jwt())))))
    line = capsys.readouterr().err
    assert '"problem":"not-verified"' in line
    for secret in ("Ffion", "MMR", COLLEGE, CHALLENGE, did_key(HOLDER)):
        assert secret not in line
