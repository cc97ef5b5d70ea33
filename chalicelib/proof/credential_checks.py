"""The checks of credentials: the issuer's own signature, what the holder discloses, whose it is.

They are made of SD-JWTs (RFC 9901) and of VC 2.0 documents alone, and beside the receipt's: a
statement proves that the issuer registered these bytes, a credential's signature that others who
know nothing of receipts can verify it, too. Keys are the policy's, judged by the time of the
``registered`` block as those of statements are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .codes import OUTCOMES
from .credentials.data_integrity import (
    ASSERTION,
    MalformedProof,
    ProofMissing,
    check_controller,
    read_proof,
    verify_document,
)
from .credentials.disclosure import NestedTooDeep
from .credentials.jose import ALGORITHMS, JwsTooLong, parse_jws, verify_jws
from .credentials.key_binding import KeyBindingMissing, verify_key_binding
from .credentials.sd_jwt import (
    SEPARATOR,
    SdJwtTooLong,
    VerifiedSdJwt,
    parse_sd_jwt,
    reveal_claims,
)
from .credentials.sd_jwt_vc import TYPE, check_protected
from .credentials.vcdm import read_credential
from .errors import CannotTell, Invalid, Malformed, ProofError
from .jcs import JsonValue
from .keys import EDDSA, PublicKey, WrongSignature
from .payload import Register, Supersede
from .policy import Policy, PolicyKey
from .receipt import Receipt
from .shown import Shown
from .verdict import Check, Ts, refuse_check, run_check

VCT = "urn:tally:profile:"
"""Before a profile's name: the type (``vct``) of the SD-JWT VCs that are made of it."""

CREDENTIALS = frozenset(("vc", "sd-jwt"))
"""The kinds of documents that are credentials."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")

_TOO_MUCH = (SdJwtTooLong, JwsTooLong, NestedTooDeep)
"""What is larger than our limits could not be checked; it is not false."""


class Asked(NamedTuple):
    """What a verifier asked the holder to sign: ``audience`` names the verifier, ``nonce`` is its
    own, for this presentation alone."""

    audience: str
    nonce: str


class Credential(NamedTuple):
    """The checks of a credential; ``claims`` are the issuer's with all that is disclosed, None if
    the issuer's signature or the disclosures do not pass."""

    checks: tuple[Check, ...] = ()
    claims: dict[str, JsonValue] | None = None


class Ground(NamedTuple):
    """What a credential's signature is judged on: ``bound`` and ``placed`` say whether the document
    is the registered one, and whether the block has it and its time."""

    receipt: Receipt
    policy: Policy
    bound: Check
    placed: Check


def credential_of(shown: Shown, ground: Ground, at_ms: int, asked: Asked | None) -> Credential:
    """The checks of a document of one of the kinds in ``CREDENTIALS``."""
    if shown.kind == "vc":
        return Credential((_run("credential", check_vc, shown, ground, at_ms),))
    jwt, _, _ = shown.text.partition(SEPARATOR)
    body, _, binding = shown.text.rpartition(SEPARATOR)
    disclosures, presented = _check_disclosures(body + SEPARATOR, binding)
    signed = _run("credential", check_sd_jwt, jwt, shown, ground)
    checks = [signed, disclosures]
    cnf = "cnf" in shown.members
    if cnf or asked is not None:
        checks.append(_run("holder", check_holder, presented, cnf, binding, asked, at_ms))
    good = signed.result == disclosures.result == "pass"
    return Credential(tuple(checks), dict(presented.claims) if presented and good else None)


def _run(name: str, check: Callable[[*Ts], str], *args: *Ts) -> Check:
    try:
        return run_check(name, check, *args)
    except Malformed as error:
        return _refuse(name, error)


def _refuse(name: str, error: ProofError) -> Check:
    """What is not in its format is false, and what is too large is unknown."""
    if isinstance(error, _TOO_MUCH):
        error = CannotTell(str(error))
    elif isinstance(error, Malformed):
        error = Invalid(str(error))
    return refuse_check(name, error)


def check_sd_jwt(jwt: str, shown: Shown, ground: Ground) -> str:
    """The issuer's signature on an SD-JWT VC, by its JWT."""
    jws, claims = parse_jws(jwt), shown.members
    if jws.typ != TYPE:
        raise CannotTell(f"this version checks JWTs of the type {TYPE}, not {jws.typ!r}")
    for name in ("iss", "vct"):
        if not isinstance(claims.get(name), str):
            raise CannotTell(f"the credential has no {name} that can be read")
    _check_issuer(str(claims["iss"]), ground)
    _check_type(str(claims["vct"]), ground)
    alg = ALGORITHMS.get(jws.alg)
    if alg is None:
        raise CannotTell(f"this version does not check signatures with alg {jws.alg!r}")
    return _check_signed(jws.kid or "", alg, lambda key: verify_jws(jws, key), ground)


def check_vc(shown: Shown, ground: Ground, at_ms: int) -> str:
    """The issuer's proof (eddsa-jcs-2022) in a VC 2.0 document."""
    value = shown.members
    try:
        credential, proof = read_credential(value), read_proof(value)
    except ProofMissing as error:
        raise CannotTell(str(error), "credential/unsigned") from error
    except MalformedProof:
        raise
    except Malformed as error:
        raise CannotTell(f"this version cannot read the credential: {error}") from error
    _check_issuer(credential.issuer, ground)
    check_controller(proof, credential.issuer)
    method = proof.method
    return _check_signed(
        method, EDDSA, lambda key: verify_document(value, key, ASSERTION, at_ms), ground
    )


def _check_issuer(named: str, ground: Ground) -> None:
    iss = ground.receipt.statement.statement.iss
    if named != iss:
        raise Invalid(f"the credential's issuer is not {iss}", "credential/other-issuer")


def _check_type(vct: str, ground: Ground) -> None:
    """A type of ours names a profile; what types of others mean is for others to say."""
    payload = ground.receipt.statement.statement.payload
    assert isinstance(payload, (Register, Supersede)), "no others have documents"
    if vct.startswith(VCT) and vct != VCT + payload.profile:
        raise Invalid(
            f"the credential is not of the profile {payload.profile}", "credential/other-type"
        )


def _check_signed(
    method: str, alg: int, verify: Callable[[PublicKey], object], ground: Ground
) -> str:
    iss = ground.receipt.statement.statement.iss
    known = _key_that_signed(method, alg, verify, ground)
    if ground.bound.result != "pass" or ground.placed.result != "pass":
        raise CannotTell(
            "the key is judged by the time when this was registered, which is not established",
            "credential/not-bound",
        )
    at_ms = ground.receipt.registered.block.timestamp_ms
    if not known.good_at(at_ms):
        raise Invalid(
            f"the key of {iss} was not good when this was registered",
            "credential/key-stolen" if known.stolen_at(at_ms) else "credential/key-not-good",
        )
    return f"the credential is signed by {iss} with a key that was good when it was registered"


def _key_that_signed(
    method: str, alg: int, verify: Callable[[PublicKey], object], ground: Ground
) -> PolicyKey:
    """The key that ``method`` names by its thumbprint; else whichever of the issuer's signed."""
    iss = ground.receipt.statement.statement.iss
    issuer = ground.policy.issuers.get(iss)
    keys = [] if issuer is None else list(issuer.keys.values())
    named = [each for each in keys if each.key.kid.hex() == method.rpartition("#")[2]]
    for known in named or keys:
        if known.key.alg != alg and not named:
            continue
        try:
            verify(known.key)
        except WrongSignature:
            if named:
                raise
        else:
            return known
    raise CannotTell(f"the policy does not know this key of {iss}", "credential/key-unknown")


def read_presented(text: str) -> VerifiedSdJwt:
    """An SD-JWT whose disclosures all belong to digests in its JWT (RFC 9901 §7.1, steps 3 to 5);
    the signature of that is another check. Raises Invalid, Malformed or CannotTell."""
    sd_jwt = parse_sd_jwt(text)
    revealed = reveal_claims(sd_jwt)
    check_protected(revealed.claims, sd_jwt.payload)
    return VerifiedSdJwt(sd_jwt, revealed.claims, revealed.paths)


def _check_disclosures(text: str, binding: str) -> tuple[Check, VerifiedSdJwt | None]:
    """``binding`` follows the last ``~``: whoever reads on would take it for a disclosure."""
    try:
        presented = read_presented(text)
    except ProofError as error:
        return _refuse("disclosures", error), None
    if binding and not _COMPACT.fullmatch(binding):
        false = Invalid("what follows the last ~ is no JWT by which the holder signs")
        return refuse_check("disclosures", false), presented
    number = len(presented.disclosed)
    told = f"the issuer signed the digests of all that is disclosed ({number})"
    return Check("disclosures", "pass", told, OUTCOMES["disclosures"].good), presented


def check_holder(
    presented: VerifiedSdJwt | None, cnf: bool, binding: str, asked: Asked | None, at_ms: int
) -> str:
    """The holder's signature for this verifier and this request (RFC 9901 §7.3)."""
    if asked is None:
        raise CannotTell("no proof of the holder was asked for", "holder/not-asked")
    if not binding:
        raise KeyBindingMissing("the presentation is not signed with the holder's key")
    if not cnf:
        raise KeyBindingMissing("the issuer bound the credential to no holder's key")
    if presented is None:
        raise CannotTell("what the holder signed cannot be read")
    signed = presented.sd_jwt._replace(key_binding=parse_jws(binding))
    verify_key_binding(presented._replace(sd_jwt=signed), asked.audience, asked.nonce, at_ms)
    return "the holder signed this presentation, for this verifier and this request"
