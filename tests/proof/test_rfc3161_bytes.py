"""Every byte of a token counts, except those that a token's description says do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.errors import CannotTell, Invalid
from chalicelib.proof.tsp import path, signature
from chalicelib.proof.tsp.der import CONSTRUCTED, NULL, PRIMITIVE, SEQUENCE, SET, encode
from chalicelib.proof.tsp.evidence import verify_token

from .rfc3161_samples import CONTENT_HINT, INTERMEDIATE, LOWER, STRANGER
from .rfc3161_tokens import (
    BLOCK,
    ROOT,
    RSA,
    TSA,
    Party,
    Token,
    algorithm,
    attribute,
    authority,
    revocation_list,
    sign,
    signer,
)

REFUSED = (Invalid, CannotTell)
"""Nothing else may leave, whatever the bytes."""

USUAL = Token().der
REVOCATIONS = encode(CONSTRUCTED + 1, revocation_list(ROOT))
UNSIGNED = encode(CONSTRUCTED + 1, attribute(CONTENT_HINT, encode(NULL)))
LOADED = Token(
    by=LOWER,
    certificates=[STRANGER.der, ROOT.der, INTERMEDIATE.der, LOWER.der],
    revocations=REVOCATIONS,
    unsigned=UNSIGNED,
).der


def passes(token: bytes) -> bool:
    with suppress(*REFUSED):
        verify_token(token, BLOCK.hash, [ROOT.pem])
        return True
    return False


def changed(data: bytes, flips: int) -> Iterator[tuple[int, bytes]]:
    """Each byte with so many of its bits flipped, one at a time; which ones goes round."""
    for at, byte in enumerate(data):
        for bit in range(at, at + flips):
            yield at, data[:at] + bytes((byte ^ 1 << bit % 8,)) + data[at + 1 :]


def test_no_byte_of_a_token_can_change() -> None:
    assert passes(USUAL)
    assert [at for at, token in changed(USUAL, 8) if passes(token)] == []


def test_no_byte_of_a_token_signed_with_rsa_can_change() -> None:
    tsa = signer("RSA TSA", ROOT, key=rsa.generate_private_key(65537, 2048))
    token = Token(by=tsa, digest_parameters=encode(NULL)).der
    assert passes(token)
    assert [at for at, other in changed(token, 2) if passes(other)] == []


def places(part: bytes) -> set[int]:
    at = LOADED.index(part)
    return set(range(at, at + len(part)))


def test_only_what_nobody_signed_and_nothing_needs_can_change() -> None:
    """The certificates that the path does not need (the policy has the root), the revocation list
    and the attribute that is not signed. Lengths and tags around them cannot change."""
    assert passes(LOADED)
    loose = places(STRANGER.der) | places(ROOT.der) | places(REVOCATIONS) | places(UNSIGNED)
    found = {at for at, token in changed(LOADED, 1) if passes(token)}
    assert found <= loose
    for part in (STRANGER.der, ROOT.der, REVOCATIONS, UNSIGNED):
        assert found & places(part), "this part can change, or the description is out of date"


def test_what_else_says_the_same() -> None:
    """The other spellings that the description of a token lists. All of them need more than one
    byte to change, and say the same."""
    signed = Token().signed_attributes
    r, s = decode_dss_signature(sign(TSA.key, "sha256", signed))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    key_id = TSA.certificate.extensions[1].value.public_bytes()[2:]
    chain = [LOWER.der, INTERMEDIATE.der, STRANGER.der]
    rsa_tsa = signer("RSA TSA", ROOT, key=rsa.generate_private_key(65537, 2048))
    named = algorithm("1.2.840.113549.1.1.11", encode(NULL))
    for token in (
        Token(signature=encode_dss_signature(r, order - s)),
        Token(digest_parameters=encode(NULL)),
        Token(sid=encode(PRIMITIVE, key_id), signer_version=3),
        Token(by=LOWER, certificates=chain),
        Token(by=LOWER, certificates=chain[::-1]),
        Token(by=LOWER, certificates=chain[:2]),
        Token(by=rsa_tsa, algorithm=algorithm(RSA, encode(NULL))),
        Token(by=rsa_tsa, algorithm=named),
    ):
        assert passes(token.der)


@pytest.mark.parametrize("token", [USUAL, LOADED], ids=["usual", "loaded"])
def test_no_part_of_a_token_is_a_token(token: bytes) -> None:
    assert [size for size in range(len(token)) if passes(token[:size])] == []


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert not passes(data)
    assert not passes(encode(SEQUENCE, data))
    assert not passes(Token(info=data).der)
    assert not passes(Token(signed=encode(SET, data)).der)
    assert not passes(Token(signature=data or b"x").der)
    assert not passes(Token(sid=data or b"x").der)
    assert not passes(Token(certificates=[TSA.der, encode(SEQUENCE, data)]).der)


@given(st.integers(0, len(LOADED)), st.integers(0, 8), st.binary(max_size=8))
def test_any_mutation_of_a_token_is_read_or_refused(at: int, cut: int, put: bytes) -> None:
    passes(LOADED[:at] + put + LOADED[at + cut :])


@given(st.lists(st.text(max_size=80), max_size=3))
def test_any_texts_as_a_policy_are_read_or_refused(certificates: list[str]) -> None:
    with suppress(*REFUSED):
        verify_token(USUAL, BLOCK.hash, certificates)


def ring(size: int) -> list[Party]:
    """Authorities that all have one name and one key, and so all certify each other."""
    return [authority("Ring", path_length=number) for number in range(size)]


def test_authorities_that_certify_each_other_are_searched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sixteen of them make more paths than there is time for; each is asked about each once."""
    asked = 0
    verify = signature.verify_certified

    def count(*args: object) -> bytes:
        nonlocal asked
        asked += 1
        return verify(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(path, "verify_certified", count)
    parties = ring(15)
    leaf = signer("Lost", parties[0])
    token = Token(by=leaf, certificates=[leaf.der, *(party.der for party in parties)])
    assert not passes(token.der)
    assert 0 < asked <= 16 * 16
