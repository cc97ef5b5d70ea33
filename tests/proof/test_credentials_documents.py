"""Credentials and presentations of VCDM 2.0 with eddsa-jcs-2022, as the W3C
has it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.proof.credentials.data_integrity import (
    ASSERTION,
    AUTHENTICATION,
    MalformedProof,
    ProofExpired,
    WrongController,
    WrongPurpose,
    WrongRequest,
    check_controller,
    read_proof,
    sign_credential,
    sign_document,
    verify_credential,
    verify_document,
    verify_presentation,
)
from chalicelib.proof.credentials.multibase import (
    did_key_method,
    format_base58,
    parse_base58,
    parse_did_key_method,
    parse_multikey,
)
from chalicelib.proof.credentials.vcdm import (
    CONTEXTS,
    CredentialExpired,
    CredentialNotYetValid,
    CredentialTooLong,
    MalformedContext,
    MalformedType,
    UnknownContext,
    check_validity,
    parse_json_object,
    read_credential,
    read_presentation,
)
from chalicelib.proof.credentials.vcdm_ids import MalformedCredential, MalformedId
from chalicelib.proof.errors import CannotTell, Malformed, ProofError
from chalicelib.proof.hashes import sha256
from chalicelib.proof.jcs import DuplicateKey, NotANumber, TooDeep, format_jcs
from chalicelib.proof.keys import UnknownKeyType, WrongSignature, _signing_key
from chalicelib.proof.limits import CREDENTIAL_BYTES
from chalicelib.proof.times import parse_time

from .credentials_samples import (
    AT_MS,
    AUDIENCE,
    CREATED,
    ISSUER,
    ISSUER_KEY,
    METHOD,
    NONCE,
    P256_KEY,
    STRANGER_KEY,
    credential,
    presentation,
    signed,
)
from .vectors import load_vectors

W3C = load_vectors("credentials-data-integrity")["w3c-eddsa-jcs-2022"]


class TestW3cVector:
    def test_every_step_of_the_vector(self) -> None:
        document = {name: value for name, value in W3C["document"].items() if name != "proof"}
        proof = read_proof(W3C["document"])
        assert format_jcs(document).decode() == W3C["canonicalDocument"]
        assert format_jcs(proof.options).decode() == W3C["canonicalProofConfig"]
        assert sha256(format_jcs(document)).hex() == W3C["documentHash"]
        assert sha256(format_jcs(proof.options)).hex() == W3C["proofConfigHash"]
        assert W3C["hashData"] == W3C["proofConfigHash"] + W3C["documentHash"]
        assert proof.signature.hex() == W3C["signature"]

    def test_signing_gives_the_vectors_bytes(self) -> None:
        seed = parse_base58(W3C["privateKeyMultibase"][1:], 64).removeprefix(b"\x80\x26")
        key = _signing_key(Ed25519PrivateKey.from_private_bytes(seed))
        assert key.public == parse_multikey(W3C["publicKeyMultibase"])
        document = {name: value for name, value in W3C["document"].items() if name != "proof"}
        made = sign_credential(
            document,
            key,
            did_key_method(key.public),
            created="2023-02-24T23:36:38Z",
            contexts=W3C["contexts"],
        )
        assert made == W3C["document"]
        assert format_jcs(made) == format_jcs(W3C["document"])


class TestCredential:
    def test_is_read_with_what_judges_it(self) -> None:
        read = verify_credential(signed(credential()), ISSUER_KEY.public, AT_MS)
        assert read.issuer == ISSUER
        assert read.types == ("VerifiableCredential", "OpenBadgeCredential")
        assert read.valid_from_ms == parse_time("2026-06-30T00:00:00Z")
        assert read.valid_until_ms == parse_time("2036-06-30T00:00:00Z")
        assert read.statuses[0]["statusListIndex"] == "94567"
        assert read.value == credential()
        check_controller(read_proof(signed(credential())), read.issuer)

    def test_what_may_be_left_out(self) -> None:
        value = credential()
        for name in ("id", "validFrom", "validUntil", "credentialStatus"):
            del value[name]
        del value["credentialSubject"]["id"]
        read = read_credential(value)
        assert (read.id, read.valid_from_ms, read.valid_until_ms, read.statuses) == (
            None,
            None,
            None,
            (),
        )
        check_validity(read, 0)

    @pytest.mark.parametrize(
        ("moment", "error"),
        {
            "2026-06-29T23:59:59.999Z": CredentialNotYetValid,
            "2026-06-30T00:00:00Z": None,
            "2036-06-30T00:00:00Z": None,
            "2036-06-30T00:00:00.001Z": CredentialExpired,
        }.items(),
    )
    def test_is_valid_on_both_of_its_ends(self, moment: str, error: type[Exception] | None) -> None:
        read = read_credential(credential())
        if error is None:
            check_validity(read, parse_time(moment))
        else:
            with pytest.raises(error):
                check_validity(read, parse_time(moment))

    def test_several_subjects_and_statuses(self) -> None:
        value = credential()
        value["credentialSubject"] = [value["credentialSubject"], {"name": "other"}]
        value["credentialStatus"] = [value["credentialStatus"]] * 2
        read = read_credential(value)
        assert (len(read.subjects), len(read.statuses)) == (2, 2)

    def test_one_that_breaks_the_data_model_is_not_signed(self) -> None:
        with pytest.raises(MalformedType):
            sign_credential({**credential(), "type": []}, ISSUER_KEY, METHOD, created=CREATED)

    def test_contexts_after_the_signed_ones_are_not_in_what_is_verified(self) -> None:
        value = signed(credential())
        value["@context"] = [*value["@context"], "https://w3id.org/security/multikey/v1"]
        read = verify_credential(value, ISSUER_KEY.public, AT_MS)
        assert read.value["@context"] == credential()["@context"]

    def test_more_contexts_are_known_only_if_the_caller_says_so(self) -> None:
        value = W3C["document"]
        key = parse_did_key_method(value["proof"]["verificationMethod"])
        with pytest.raises(UnknownContext):
            verify_credential(value, key, AT_MS)
        verify_credential(value, key, AT_MS, contexts=CONTEXTS | set(W3C["contexts"]))


class TestProof:
    def test_a_proof_without_context_covers_the_documents_own(self) -> None:
        document = {"type": "a"}
        made = sign_document(document, ISSUER_KEY, METHOD, ASSERTION, created=CREATED)
        assert "@context" not in made["proof"]  # type: ignore[operator]
        assert verify_document(made, ISSUER_KEY.public, ASSERTION, AT_MS) == document
        with pytest.raises(WrongSignature):
            verify_document({**made, "@context": []}, ISSUER_KEY.public, ASSERTION, AT_MS)

    def test_a_context_that_is_no_list(self) -> None:
        document = {"@context": "https://www.w3.org/ns/credentials/v2"}
        made = sign_document(document, ISSUER_KEY, METHOD, ASSERTION, created=CREATED)
        assert verify_document(made, ISSUER_KEY.public, ASSERTION, AT_MS) == document

    def test_what_is_signed_is_well_formed(self) -> None:
        with pytest.raises(Malformed):
            sign_document({}, ISSUER_KEY, "key-1", ASSERTION, created=CREATED)
        with pytest.raises(Malformed):
            sign_document({}, ISSUER_KEY, METHOD, ASSERTION, created="yesterday")
        with pytest.raises(UnknownKeyType):
            sign_document({}, P256_KEY, METHOD, ASSERTION, created=CREATED)
        with pytest.raises(MalformedProof):
            sign_document({"proof": {}}, ISSUER_KEY, METHOD, ASSERTION, created=CREATED)

    def test_expires(self) -> None:
        made = signed(credential())
        options = {
            **{name: value for name, value in made["proof"].items() if name != "proofValue"},
            "expires": "2027-01-15T08:00:00Z",
        }
        data = sha256(format_jcs(options)) + sha256(format_jcs(credential()))
        made["proof"] = {**options, "proofValue": "z" + format_base58(ISSUER_KEY.sign(data))}
        verify_credential(made, ISSUER_KEY.public, AT_MS - 1)
        with pytest.raises(ProofExpired):
            verify_credential(made, ISSUER_KEY.public, AT_MS)

    def test_the_key_is_named_as_the_issuers(self) -> None:
        proof = read_proof(signed(credential()))
        check_controller(proof, ISSUER)
        for other in ("did:web:registry.example", ISSUER + ".attacker.example", METHOD):
            with pytest.raises(WrongController):
                check_controller(proof, other)


class TestPresentation:
    def verify(self, value: Any, **more: Any) -> Any:
        request = {"domain": AUDIENCE, "challenge": NONCE} | more
        return verify_presentation(value, STRANGER_KEY.public, AT_MS, **request)

    def test_is_by_its_holder_for_this_request(self) -> None:
        value = presentation()
        read = self.verify(value)
        check_controller(read_proof(value), read.holder)
        (inner,) = read.credentials
        assert verify_credential(inner, ISSUER_KEY.public, AT_MS).issuer == ISSUER

    def test_domains_may_be_several(self) -> None:
        value = deepcopy(presentation())
        document = {name: member for name, member in value.items() if name != "proof"}
        options = {
            **{name: member for name, member in value["proof"].items() if name != "proofValue"},
            "domain": ["https://other.example", AUDIENCE],
        }
        data = sha256(format_jcs(options)) + sha256(format_jcs(document))
        proof = {**options, "proofValue": "z" + format_base58(STRANGER_KEY.sign(data))}
        self.verify({**document, "proof": proof})

    def test_another_request_is_refused(self) -> None:
        for more in ({"domain": "https://other.example"}, {"challenge": "other"}):
            with pytest.raises(WrongRequest):
                self.verify(presentation(), **more)

    def test_a_presentation_without_domain_or_challenge_is_refused(self) -> None:
        document = {name: value for name, value in presentation().items() if name != "proof"}
        made = sign_document(
            document,
            STRANGER_KEY,
            did_key_method(STRANGER_KEY.public),
            AUTHENTICATION,
            created=CREATED,
        )
        with pytest.raises(WrongRequest):
            self.verify(made)

    def test_an_assertion_is_no_presentation(self) -> None:
        document = {name: value for name, value in presentation().items() if name != "proof"}
        made = sign_document(document, STRANGER_KEY, METHOD, ASSERTION, created=CREATED)
        with pytest.raises(WrongPurpose):
            self.verify(made)

    def test_what_is_presented_cannot_be_changed(self) -> None:
        for name, value in {
            "verifiableCredential": [],
            "holder": ISSUER,
            "id": "urn:uuid:1",
        }.items():
            with pytest.raises(WrongSignature):
                self.verify({**presentation(), name: value})

    @pytest.mark.parametrize(
        ("name", "value", "error"),
        [
            ("type", "VerifiableCredential", MalformedType),
            ("holder", "Ffion", MalformedId),
            ("verifiableCredential", "eyJ", MalformedCredential),
            ("@context", [], MalformedContext),
            ("id", 1, MalformedId),
        ],
    )
    def test_the_data_model(self, name: str, value: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            read_presentation({**presentation(), name: value})

    def test_holder_and_credentials_may_be_left_out(self) -> None:
        value = presentation()
        del value["holder"], value["verifiableCredential"]
        assert read_presentation(value).holder is None
        assert read_presentation(value).credentials == ()


class TestBytes:
    def test_a_credential_is_read_from_strict_json(self) -> None:
        assert parse_json_object(json.dumps(credential()).encode()) == credential()
        for data, error in {
            b'{"id":"urn:a","id":"urn:b"}': DuplicateKey,
            b'{"a":NaN}': NotANumber,
            b"[" * 200: TooDeep,
            b"[]": MalformedCredential,
            b" " * (CREDENTIAL_BYTES + 1): CredentialTooLong,
        }.items():
            with pytest.raises(error):
                parse_json_object(data)

    def test_a_list_without_end(self) -> None:
        with pytest.raises(MalformedCredential):
            read_credential({**credential(), "evidence": [{"type": "a"}] * 1_001})

    def test_nested_deeper_than_any_json_that_was_read(self) -> None:
        value: Any = {}
        for _ in range(200):
            value = [value]
        with pytest.raises(MalformedCredential):
            read_credential({**credential(), "a": value})

    @given(st.data())
    def test_no_member_can_be_changed(self, data: st.DataObject) -> None:
        value = deepcopy(signed(credential()))
        place: Any = value
        while isinstance(place, dict | list) and place:
            steps = list(place) if isinstance(place, dict) else list(range(len(place)))
            step = data.draw(st.sampled_from(steps))
            if not isinstance(place[step], dict | list) or data.draw(st.booleans()):
                break
            place = place[step]
        place[step] = data.draw(st.none() | st.integers() | st.text(max_size=3) | st.just({}))
        with pytest.raises((ProofError, CannotTell)):
            verify_credential(value, ISSUER_KEY.public, AT_MS)

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from([*credential(), "proof", "holder", "verifiableCredential"]),
                    inner,
                )
            ),
        )
    )
    def test_any_object_is_refused_by_a_named_error(self, value: Any) -> None:
        document = value if isinstance(value, dict) else {"proof": value}
        for read in (read_credential, read_presentation, read_proof):
            with pytest.raises(ProofError):
                read(document)
