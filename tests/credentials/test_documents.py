"""VC 2.0 with eddsa-jcs-2022 and status lists, with the packages of Digital Bazaar: they accept
ours and refuse them altered; and the reverse."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.proof.credentials.data_integrity import (
    check_controller,
    read_proof,
    sign_credential,
    sign_document,
    verify_credential,
    verify_presentation,
)
from chalicelib.proof.credentials.multibase import (
    did_key_method,
    format_base58,
    format_multikey,
)
from chalicelib.proof.credentials.status_list import (
    decode_list,
    encode_list,
    entry_status,
    make_bits,
    read_status_entry,
    read_status_list,
    status_at,
)
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.errors import ProofError
from chalicelib.proof.keys import SigningKey, WrongSignature
from chalicelib.proof.times import format_time

from ..proof.credentials_samples import (
    AT_MS,
    AUDIENCE,
    CREATED,
    ISSUER,
    ISSUER_KEY,
    METHOD,
    NONCE,
    STATUS_LIST,
    STRANGER_KEY,
    credential,
    presentation,
    signed,
    status_list,
)
from .peer import Ask, ask, ask_all

__all__ = ["ask", "ask_all"]

AT = format_time(AT_MS)
OURS = {"method": METHOD, "multikey": format_multikey(ISSUER_KEY.public)}


def secret_of(key: SigningKey) -> str:
    """The secretKeyMultibase that their library reads."""
    assert isinstance(key._key, Ed25519PrivateKey)
    return "z" + format_base58(b"\x80\x26" + key._key.private_bytes_raw())


def altered(document: Any) -> dict[str, Any]:
    """One alteration each."""
    made = {}
    for name, path, value in (
        ("name", ("credentialSubject", "achievement", "name"), "PhD"),
        ("issuer", ("issuer", "name"), "Prifysgol"),
        ("subject", ("credentialSubject", "id"), "urn:uuid:2"),
        ("status", ("credentialStatus", "statusListIndex"), "94568"),
        ("until", ("validUntil",), "2099-06-30T00:00:00Z"),
        ("created", ("proof", "created"), "2026-07-01T09:30:01Z"),
        ("proof", ("proof", "proofValue"), "z" + format_base58(bytes(range(64)))),
        ("context", ("@context",), [V2]),
    ):
        changed = place = copy.deepcopy(document)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        made[name] = changed
    return made


class TestCredentials:
    def test_they_accept_ours_and_refuse_it_altered(self, ask_all: Any) -> None:
        good = signed(credential())
        documents = (good, *altered(good).values())
        jobs = [
            {"job": "credentialVerify", "credential": value, "at": AT, **OURS}
            for value in documents
        ]
        accepted, *refused = ask_all(jobs)
        assert accepted.accepted() is True
        assert [outcome.error is None for outcome in refused] == [False] * 8

    def test_we_accept_theirs_and_refuse_it_altered(self, ask: Ask) -> None:
        given = {"credential": credential(), "created": CREATED, "now": AT, **OURS}
        theirs = ask("credentialIssue", secret=secret_of(ISSUER_KEY), **given).accepted()
        read = verify_credential(theirs, ISSUER_KEY.public, AT_MS)
        assert read.value == credential()
        check_controller(read_proof(theirs), ISSUER)
        for changed in altered(theirs).values():
            with pytest.raises(ProofError):
                verify_credential(changed, ISSUER_KEY.public, AT_MS)

    def test_both_sign_the_same_bytes(self, ask: Ask) -> None:
        given = {"credential": credential(), "created": CREATED, "now": AT, **OURS}
        theirs = ask("credentialIssue", secret=secret_of(ISSUER_KEY), **given).accepted()
        assert theirs == signed(credential())

    def test_expired_ones_are_refused_by_them(self, ask: Ask) -> None:
        late = {"credential": signed(credential()), "at": "2036-07-01T00:00:00Z", **OURS}
        assert ask("credentialVerify", **late).error


class TestPresentations:
    METHOD = did_key_method(STRANGER_KEY.public)

    def given(self, **more: Any) -> dict[str, Any]:
        return {
            "method": self.METHOD,
            "multikey": format_multikey(STRANGER_KEY.public),
            "domain": AUDIENCE,
            "challenge": NONCE,
            **more,
        }

    def ours(self) -> Any:
        # Alone: their verifier would ask for the key of each credential inside, too.
        document = {name: value for name, value in presentation().items() if name != "proof"}
        document.pop("verifiableCredential")
        return sign_document(
            document,
            STRANGER_KEY,
            self.METHOD,
            "authentication",
            created=CREATED,
            domain=AUDIENCE,
            challenge=NONCE,
        )

    def test_they_accept_ours_for_this_request_alone(self, ask_all: Any) -> None:
        ours = self.ours()
        requests = [{}, {"domain": "https://other.example"}, {"challenge": "other"}]
        accepted, *refused = ask_all(
            [
                {"job": "presentationVerify", "presentation": ours, **self.given(**r)}
                for r in requests
            ]
        )
        assert accepted.accepted() is True
        assert all(outcome.error for outcome in refused)

    def test_we_accept_theirs_for_this_request_alone(self, ask: Ask) -> None:
        unsigned = {name: value for name, value in self.ours().items() if name != "proof"}
        given = self.given(presentation=unsigned, created=CREATED, secret=secret_of(STRANGER_KEY))
        theirs = ask("presentationSign", **given).accepted()
        key = STRANGER_KEY.public
        read = verify_presentation(theirs, key, AT_MS, domain=AUDIENCE, challenge=NONCE)
        check_controller(read_proof(theirs), str(read.holder))
        with pytest.raises(ProofError):
            verify_presentation(theirs, key, AT_MS, domain=AUDIENCE, challenge="other")
        with pytest.raises(WrongSignature):
            verify_presentation(
                {**theirs, "id": "urn:uuid:1"}, key, AT_MS, domain=AUDIENCE, challenge=NONCE
            )


INDICES = [0, 1, 7, 8, 9, 94_566, 94_567, 94_568, 131_070, 131_071]
SET = [0, 9, 94_567, 131_071]


class TestStatusLists:
    def test_they_read_our_bits(self, ask: Ask) -> None:
        encoded = encode_list(make_bits(131_072, SET))
        read = ask("listRead", encodedList=encoded, indices=INDICES).accepted()
        assert read["length"] == 131_072
        assert read["set"] == [index in SET for index in INDICES]

    def test_we_read_theirs(self, ask: Ask) -> None:
        given = {"id": STATUS_LIST, "length": 131_072, "indices": SET, "purpose": "revocation"}
        made = ask("listMake", **given).accepted() | {"issuer": ISSUER}
        theirs = sign_credential(made, ISSUER_KEY, METHOD, created=CREATED)
        read = read_status_list(verify_credential(theirs, ISSUER_KEY.public, AT_MS))
        assert [status_at(read.bits, index) for index in INDICES] == [i in SET for i in INDICES]
        assert entry_status(read_status_entry(credential()["credentialStatus"]), read)
        assert decode_list(encode_list(read.bits)) == read.bits

    def test_they_check_a_credential_against_our_signed_list(self, ask_all: Any) -> None:
        # Their check looks at the clock, so this list has no end.
        lists = [dict(status_list(*indices)) for indices in ([94_567], [94_566])]
        for value in lists:
            del value["validUntil"], value["validFrom"]
        signed_lists = [
            sign_credential(value, ISSUER_KEY, METHOD, created=CREATED) for value in lists
        ]
        forged = {**signed_lists[0], "credentialSubject": lists[1]["credentialSubject"]}
        jobs = [
            {
                "job": "statusCheck",
                "credential": credential(),
                "documents": {STATUS_LIST: value},
                **OURS,
            }
            for value in (*signed_lists, forged)
        ]
        revoked, good, refused = ask_all(jobs)
        assert revoked.accepted() == [True]
        assert good.accepted() == [False]
        assert refused.error
