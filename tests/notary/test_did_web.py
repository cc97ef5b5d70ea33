"""did:web: an issuer shows by its own website that a key is its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.notary.issuers.did_web import (
    DidDocumentTooLarge,
    DuplicateMethod,
    MalformedDidDocument,
    MissingMethod,
    NoDidDocument,
    NotInControl,
    PublishedPrivateKey,
    WrongDidDocument,
    check_control,
    did_url,
    parse_did_document,
    verify_control,
)
from chalicelib.notary.limits import DID_DOCUMENT_BYTES, DID_DOCUMENT_DEPTH, DID_METHODS
from chalicelib.notary.public_url import Answer, NotADomain, PrivateAddress, parse_public_url
from chalicelib.proof.credentials.multibase import format_base58, format_multikey
from chalicelib.proof.errors import Malformed
from chalicelib.proof.jcs import DuplicateKey, TooDeep
from chalicelib.proof.keys import ES256, MalformedKey, PublicKey, WeakKey, format_jwk
from chalicelib.proof.members import MalformedMember
from chalicelib.proof.payload import MalformedDid
from chalicelib.proof.times import MalformedTime
from tests.fakes import START_MS, key_named

DID = "did:web:university.example"
ED = key_named("an issuer").public
P256 = key_named("an issuer", ES256).public
STRANGER = key_named("a stranger").public


def jwk_method(key: PublicKey = ED, fragment: str = "#a", **members: object) -> dict[str, Any]:
    method: dict[str, object] = {
        "id": DID + fragment,
        "type": "JsonWebKey",
        "controller": DID,
        "publicKeyJwk": format_jwk(key),
    }
    return {**method, **members}


def multikey_method(text: str, fragment: str = "#a", **members: object) -> dict[str, Any]:
    method: dict[str, object] = {
        "id": DID + fragment,
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": text,
    }
    return {**method, **members}


def p256_multikey(key: PublicKey) -> str:
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), b"\x04" + key.x + key.y
    ).public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return "z" + format_base58(b"\x80\x24" + point)


def document(*methods: object, asserting: object = None, **members: object) -> bytes:
    value: dict[str, object] = {
        "@context": ["https://www.w3.org/ns/did/v1.1"],
        "id": DID,
        "verificationMethod": list(methods),
        "assertionMethod": [DID + "#a"] if asserting is None else asserting,
    }
    return json.dumps({**value, **members}).encode()


def keys_of(data: bytes) -> list[PublicKey]:
    return list(parse_did_document(data, START_MS).asserting)


class TestPlace:
    def test_of_a_domain_is_well_known(self) -> None:
        assert did_url(DID) == "https://university.example/.well-known/did.json"

    def test_of_a_path_is_that_path(self) -> None:
        url = did_url("did:web:university.example:faculty:law")
        assert url == "https://university.example/faculty/law/did.json"

    @pytest.mark.parametrize(
        "did",
        [
            "did:key:z6Mk",
            "did:web:university.example%3A8443",
            "did:web:UNIVERSITY.example",
            "did:web:university.example:..",
            "did:web:university.example/x",
            "did:web:university.example@169.254.169.254",
            "did:web:[::1]",
            "did:web:",
        ],
    )
    def test_of_another_id_is_none(self, did: str) -> None:
        with pytest.raises(MalformedDid):
            did_url(did)

    @pytest.mark.parametrize(
        "did",
        [
            "did:web:localhost",
            "did:web:127.0.0.1",
            "did:web:169.254.169.254:latest",
            "did:web:2852039166",
            "did:web:0xa9.0xfe.0xa9.0xfe",
        ],
    )
    def test_of_an_address_is_refused_before_it_is_asked(self, did: str) -> None:
        with pytest.raises(NotADomain):
            parse_public_url(did_url(did))


class TestKeys:
    @pytest.mark.parametrize("key", [ED, P256])
    @pytest.mark.parametrize("type_", ["JsonWebKey", "JsonWebKey2020"])
    def test_are_read_as_jwk(self, key: PublicKey, type_: str) -> None:
        assert keys_of(document(jwk_method(key, type=type_))) == [key]

    def test_may_say_what_they_are_for(self) -> None:
        jwk = {**format_jwk(ED), "kid": "a", "alg": "EdDSA", "use": "sig", "key_ops": ["verify"]}
        assert keys_of(document(jwk_method(publicKeyJwk=jwk))) == [ED]

    @pytest.mark.parametrize("type_", ["Multikey", "Ed25519VerificationKey2020"])
    def test_are_read_as_multikey(self, type_: str) -> None:
        assert keys_of(document(multikey_method(format_multikey(ED), type=type_))) == [ED]

    def test_of_p256_are_read_as_multikey(self) -> None:
        text = p256_multikey(P256)
        assert text.startswith("zDn")
        assert keys_of(document(multikey_method(text))) == [P256]

    def test_of_the_specification_are_read(self) -> None:
        """W3C Controlled Identifiers v1.0 §2.2.2 shows one of Ed25519; the other, of P-256, is
        that of the did:key method."""
        for text in (
            "z6MkmM42vxfqZQsv4ehtTjFFxQ4sQKS2w6WR7emozFAn5cxu",
            "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
        ):
            assert len(keys_of(document(multikey_method(text)))) == 1

    def test_of_other_kinds_are_passed_over(self) -> None:
        others: list[dict[str, Any]] = [
            jwk_method(fragment="#1", publicKeyJwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            jwk_method(fragment="#2", publicKeyJwk={"kty": "OKP", "crv": "X25519", "x": "AA"}),
            multikey_method("z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", "#3"),
            multikey_method("z" + "U" * 130, "#4"),
            multikey_method("uAAAA", "#5"),
            {"id": "#6", "type": "BlockchainAccount", "controller": DID, "accountId": "x"},
        ]
        asserting = ["#a", *(f"#{number}" for number in range(1, 7))]
        assert keys_of(document(jwk_method(), *others, asserting=asserting)) == [ED]

    @pytest.mark.parametrize(
        ("method", "error"),
        [
            (jwk_method(publicKeyJwk={**format_jwk(ED), "d": "AA"}), PublishedPrivateKey),
            (jwk_method(publicKeyJwk={"kty": "OKP", "crv": "Ed25519"}), MalformedKey),
            (jwk_method(publicKeyJwk={**format_jwk(ED), "x": "AA"}), MalformedKey),
            (jwk_method(publicKeyJwk={**format_jwk(ED), "x": "A" * 43}), WeakKey),
            (jwk_method(publicKeyJwk={**format_jwk(P256), "y": "A" * 43}), MalformedKey),
            (jwk_method(publicKeyJwk="x"), MalformedMember),
            (multikey_method("z" + format_base58(b"\x80\x24\x02" + b"\xff" * 32)), MalformedKey),
            (multikey_method("z" + format_base58(b"\x80\x24\x04" + b"\x01" * 31)), MalformedKey),
            (multikey_method("z" + format_base58(b"\x80\x24\x02")), MalformedKey),
            (multikey_method("z" + format_base58(b"\xed\x01")), MalformedKey),
            (multikey_method("z0OIl"), Malformed),
            (multikey_method("x", publicKeyMultibase=7), MalformedMember),
        ],
    )
    def test_that_are_wrong_are_refused(
        self, method: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            keys_of(document(method))

    def test_that_somebody_else_controls_do_not_count(self) -> None:
        method = jwk_method(controller="did:web:other.example")
        assert keys_of(document(method)) == []

    @pytest.mark.parametrize("name", ["expires", "revoked"])
    def test_count_until_they_end(self, name: str) -> None:
        data = document(jwk_method() | {name: "2026-09-21T14:13:20Z"})
        assert list(parse_did_document(data, START_MS - 1).asserting) == [ED]
        assert list(parse_did_document(data, START_MS).asserting) == []
        with pytest.raises(MalformedTime):
            keys_of(document(jwk_method() | {name: "yesterday"}))


class TestAssertions:
    def test_are_named_absolutely_or_relative_to_the_document(self) -> None:
        methods = (jwk_method(ED, "#a"), jwk_method(P256, "#b") | {"id": "#b"})
        assert keys_of(document(*methods, asserting=["#a", DID + "#b"])) == [ED, P256]

    def test_may_be_embedded(self) -> None:
        assert keys_of(document(asserting=[jwk_method(P256)])) == [P256]

    def test_are_not_all_that_is_in_the_document(self) -> None:
        methods = (jwk_method(ED, "#a"), jwk_method(STRANGER, "#b"))
        assert keys_of(document(*methods, authentication=["#b"])) == [ED]

    def test_by_methods_of_other_documents_do_not_count(self) -> None:
        asserting = ["#a", "did:web:other.example#a", "did:key:z6Mk#z6Mk"]
        assert keys_of(document(jwk_method(), asserting=asserting)) == [ED]

    def test_by_a_foreign_method_in_this_document_count_if_this_did_controls_it(self) -> None:
        foreign = "did:web:other.example#x"
        method = jwk_method() | {"id": foreign}
        assert keys_of(document(method, asserting=[foreign])) == [ED]

    def test_need_not_be_there(self) -> None:
        assert keys_of(json.dumps({"id": DID}).encode()) == []

    @pytest.mark.parametrize("reference", [DID + "#b", "#b"])
    def test_by_a_method_that_is_missing_are_refused(self, reference: str) -> None:
        with pytest.raises(MissingMethod):
            keys_of(document(jwk_method(), asserting=[reference]))

    @pytest.mark.parametrize(
        "data",
        [
            document(jwk_method(), jwk_method(STRANGER)),
            document(jwk_method(), jwk_method(STRANGER) | {"id": "#a"}),
            document(jwk_method(), asserting=["#a", DID + "#a"]),
            document(jwk_method(), asserting=[jwk_method(STRANGER)]),
            document(asserting=[jwk_method(), jwk_method(STRANGER)]),
            document(asserting=[jwk_method(), "#a"]),
        ],
        ids=["two methods", "relative", "two references", "embedded", "both embedded", "mixed"],
    )
    def test_by_methods_with_one_id_are_refused(self, data: bytes) -> None:
        with pytest.raises(DuplicateMethod):
            keys_of(data)


def nested(levels: int) -> object:
    value: object = 0
    for _ in range(levels):
        value = [value]
    return value


class TestDocument:
    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"[]", MalformedMember),
            (b"{}", MalformedMember),
            (b"<html>", Malformed),
            (b'{"id": "did:web:a.example", "id": "did:web:b.example"}', DuplicateKey),
            (document(id="did:key:z6Mk"), MalformedDid),
            (document(id=DID + "#a"), MalformedDid),
            (document(id=7), MalformedMember),
            (document(verificationMethod={}), MalformedMember),
            (document(verificationMethod=["#a"]), MalformedMember),
            (document(asserting={}), MalformedMember),
            (document(asserting=[7]), MalformedMember),
            (document(asserting=["a"]), MalformedDidDocument),
            (document(asserting=["#"]), MalformedDidDocument),
            (document(asserting=["#a b"]), MalformedDidDocument),
            (document(asserting=["#a#b"]), MalformedDidDocument),
            (document(asserting=["https://university.example/#a"]), MalformedDidDocument),
            (document(jwk_method(id=7)), MalformedMember),
            (document(jwk_method(type=7)), MalformedMember),
            (document(jwk_method(controller=[DID])), MalformedMember),
        ],
    )
    def test_that_is_wrong_is_refused(self, data: bytes, error: type[Exception]) -> None:
        with pytest.raises(error):
            parse_did_document(data, START_MS)

    def test_has_an_end(self) -> None:
        data = document(jwk_method())
        assert keys_of(data.ljust(DID_DOCUMENT_BYTES)) == [ED]
        with pytest.raises(DidDocumentTooLarge):
            keys_of(data.ljust(DID_DOCUMENT_BYTES + 1))

    def test_is_not_deep(self) -> None:
        assert keys_of(document(jwk_method(), x=nested(DID_DOCUMENT_DEPTH - 2))) == [ED]
        with pytest.raises(DidDocumentTooLarge):
            keys_of(document(jwk_method(), x=nested(DID_DOCUMENT_DEPTH - 1)))
        with pytest.raises(TooDeep):
            keys_of(b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}")

    @pytest.mark.parametrize("name", ["verificationMethod", "assertionMethod"])
    def test_has_few_methods(self, name: str) -> None:
        methods = [jwk_method(fragment=f"#{number}") for number in range(DID_METHODS + 1)]
        data = {"id": DID, "verificationMethod": [], name: methods[:-1]}
        parse_did_document(json.dumps(data).encode(), START_MS)
        with pytest.raises(DidDocumentTooLarge):
            parse_did_document(json.dumps({**data, name: methods}).encode(), START_MS)


class TestControl:
    def test_is_that_the_key_makes_assertions(self) -> None:
        check_control(parse_did_document(document(jwk_method()), START_MS), DID, ED)

    def test_is_not_there_for_another_key(self) -> None:
        with pytest.raises(NotInControl):
            check_control(parse_did_document(document(jwk_method()), START_MS), DID, STRANGER)

    def test_is_not_shown_by_another_document(self) -> None:
        parsed = parse_did_document(document(jwk_method()), START_MS)
        with pytest.raises(WrongDidDocument):
            check_control(parsed, "did:web:other.example", ED)


def serve(
    body: bytes, status: int = 200, media: str = "application/did+json"
) -> Callable[[str], Answer]:
    def get(url: str) -> Answer:
        assert url == "https://university.example/.well-known/did.json"
        return Answer(status, body, media)

    return get


class TestOnboarding:
    @pytest.mark.parametrize(
        "media",
        ["application/did", "application/did+json", "application/json", "application/ld+json"],
    )
    def test_takes_a_document_that_names_every_key(self, media: str) -> None:
        body = document(jwk_method(), jwk_method(P256, "#b"), asserting=["#a", "#b"])
        verify_control(DID, [ED, P256], serve(body, media=media), START_MS)

    def test_refuses_if_one_key_is_not_named(self) -> None:
        with pytest.raises(NotInControl):
            verify_control(DID, [ED, P256], serve(document(jwk_method())), START_MS)

    def test_refuses_the_document_of_another(self) -> None:
        body = document(id="did:web:other.example", asserting=[])
        with pytest.raises(WrongDidDocument):
            verify_control(DID, [ED], serve(body), START_MS)

    @pytest.mark.parametrize("status", [204, 206, 301, 302, 307, 404, 500])
    def test_cannot_tell_without_a_document(self, status: int) -> None:
        """A redirect is not followed: what it leads to is not what the domain says."""
        with pytest.raises(NoDidDocument):
            verify_control(DID, [ED], serve(document(jwk_method()), status), START_MS)

    @pytest.mark.parametrize("media", ["text/html", "text/plain", "", "application/pdf"])
    def test_takes_no_upload_of_somebodys_for_it(self, media: str) -> None:
        with pytest.raises(NoDidDocument):
            verify_control(DID, [ED], serve(document(jwk_method()), media=media), START_MS)

    def test_passes_on_that_the_host_cannot_be_asked(self) -> None:
        def get(url: str) -> Answer:
            raise PrivateAddress(url)

        with pytest.raises(PrivateAddress):
            verify_control(DID, [ED], get, START_MS)
