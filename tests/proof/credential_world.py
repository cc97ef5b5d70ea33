"""SD-JWT VCs and Open Badges of the world's issuer, registered as ``tally issue`` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chalicelib.proof.credential_checks import VCT, Asked
from chalicelib.proof.credentials.data_integrity import (
    ASSERTION,
    _hash_data,
    sign_credential,
    sign_document,
)
from chalicelib.proof.credentials.disclosure import Path
from chalicelib.proof.credentials.key_binding import bind_key
from chalicelib.proof.credentials.multibase import format_base58
from chalicelib.proof.credentials.sd_jwt import (
    SdJwt,
    format_sd_jwt,
    parse_sd_jwt,
    select_disclosures,
)
from chalicelib.proof.credentials.sd_jwt_vc import issue_sd_jwt_vc
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import ES256, SigningKey, format_jwk
from chalicelib.proof.policy import Policy
from chalicelib.proof.receipt import Receipt
from chalicelib.proof.verdict import Check, Verdict
from chalicelib.proof.verify import verify

from .credentials_samples import CONCEALED, CREATED, HOLDER_KEY, credential, key_of, salts
from .world import AT_MS, ISSUER, ISSUER_KEY, World, policy, policy_value

PROFILE = "education/diploma"
ASKED = Asked("https://employer.example", "n-0S6_WzA2Mj")

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "vct": VCT + PROFILE,
    "iat": 1_789_999_000,
    "nbf": 1_789_999_000,
    "exp": 1_900_000_000,
    "given_name": "Ffion",
    "birthdate": "2001-02-28",
    "degree": {"name": "MEng", "average": 71.5},
    "languages": ["cy", "zh", "en"],
}
BOUND: dict[str, Any] = {"cnf": {"jwk": format_jwk(HOLDER_KEY.public)}}


def method_of(key: SigningKey, iss: str = ISSUER) -> str:
    return f"{iss}#{key.public.kid.hex()}"


@dataclass(frozen=True)
class Issued:
    """An SD-JWT VC and the receipt of its JWT; ``more`` goes into the claims, ``world`` into the
    world that registers it."""

    more: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    key: SigningKey = ISSUER_KEY
    kid: str | None = method_of(ISSUER_KEY)
    world: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def whole(self) -> SdJwt:
        claims = {**CLAIMS, **self.more}
        kept = {name: claims[name] for name in claims if name not in self.without}
        text = issue_sd_jwt_vc(kept, CONCEALED, salts(len(CONCEALED)), self.key, kid=self.kid)
        return parse_sd_jwt(text)

    @cached_property
    def receipt(self) -> Receipt:
        return receipt_of(self.whole.jws.text, **self.world)

    def shown(self, *paths: Path) -> SdJwt:
        return select_disclosures(self.whole, paths)


def receipt_of(jwt: str, **world: Any) -> Receipt:
    return World(document=jwt.encode(), canonicalization="raw", **world).receipt()


def bound(sd_jwt: SdJwt, **different: Any) -> SdJwt:
    """With the holder's signature of just now, but for what is ``different``."""
    given = {"audience": ASKED.audience, "nonce": ASKED.nonce, "iat": AT_MS // 1_000 - 5}
    key = different.pop("key", HOLDER_KEY)
    return bind_key(sd_jwt, key, **{**given, **different})


def badge(**different: Any) -> dict[str, Any]:
    value = {**credential(), "issuer": {"id": ISSUER, "type": ["Profile"]}, **different}
    value.pop("credentialStatus", None)
    return value


def signed_badge(key: SigningKey = ISSUER_KEY, method: str = "", **different: Any) -> bytes:
    method = method or method_of(key)
    return format_jcs(sign_credential(badge(**different), key, method, created=CREATED))


def badge_until(expires: str) -> bytes:
    """A badge whose proof, not the badge itself, has an end."""
    value = badge()
    method = method_of(ISSUER_KEY)
    signed = sign_document(value, ISSUER_KEY, method, ASSERTION, created=CREATED)["proof"]
    assert isinstance(signed, dict)
    options = {name: signed[name] for name in signed if name != "proofValue"}
    options["expires"] = expires
    proof = format_base58(ISSUER_KEY.sign(_hash_data(options, value)))
    return format_jcs({**value, "proof": {**options, "proofValue": f"z{proof}"}})


P256 = key_of("the issuer's other key", ES256)


def with_key(key: Any = ISSUER_KEY, **times: int) -> Policy:
    """The world's policy with another key of the issuer, good in other times."""
    issuers = policy_value()["issuers"]
    listed = {"kid": key.public.kid.hex(), "jwk": format_jwk(key.public), "from_ms": 0, **times}
    others = [each for each in issuers[0]["keys"] if each["kid"] != listed["kid"]]
    issuers[0]["keys"] = [*others, listed]
    return policy(issuers=issuers)


def judge(
    document: SdJwt | str | bytes, receipt: Receipt, trusted: Policy | None = None, **more: Any
) -> Verdict:
    text = document if isinstance(document, (str, bytes)) else format_sd_jwt(document)
    data = text if isinstance(text, bytes) else text.encode()
    at_ms = more.pop("at_ms", AT_MS)
    return verify(data, receipt, trusted or policy(), at_ms, **more)


def checks(verdict: Verdict, *names: str) -> dict[str, str]:
    """The codes of checks by name; of the credential's unless others are named."""
    wanted: Sequence[str] = names or ("credential", "disclosures", "holder")
    return {each.name: each.code for each in verdict.checks if each.name in wanted}


def the(verdict: Verdict, name: str) -> Check:
    [found] = [each for each in verdict.checks if each.name == name]
    return found
