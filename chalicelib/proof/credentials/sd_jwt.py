"""SD-JWTs (RFC 9901): a JWT whose holder discloses of its claims what she chooses.

``jwt~disclosure~…~`` as issued and as presented, with a key binding JWT at the end when the holder
proves that it is hers (key_binding.py). Compact serialisation and SHA-256 alone. Verifying follows
§7.1; the rules about disclosures are in disclosure.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..errors import CannotTell, Invalid
from ..jcs import JsonValue
from ..keys import PublicKey
from ..limits import INTEGER, SD_JWT_BYTES, SD_JWT_DISCLOSURES
from .disclosure import (
    SD_ALG,
    Disclosure,
    MalformedSdJwt,
    Path,
    RepeatedDisclosure,
    Revealed,
    parse_disclosure,
    reveal,
)
from .jose import Jws, parse_jws, parse_payload, verify_jws

SHA_256 = "sha-256"
SEPARATOR = "~"


class NotSdJwt(MalformedSdJwt):
    """Not a JWT, disclosures and perhaps a key binding, each but the last followed by ``~``."""


class SdJwtTooLong(MalformedSdJwt):
    """More than ``SD_JWT_BYTES`` or ``SD_JWT_DISCLOSURES``."""


class MalformedHashName(MalformedSdJwt):
    """``_sd_alg`` is no string."""


class NoSuchDisclosure(MalformedSdJwt):
    """A path at which nothing is disclosed."""


class MalformedClaimTime(MalformedSdJwt):
    """exp, nbf or iat is not a number of seconds (RFC 7519 §2, NumericDate)."""


class WrongType(Invalid):
    """A JWT of another type than is asked for (RFC 8725 §3.11)."""


class Expired(Invalid):
    """The time is not before ``exp``."""


class NotYetValid(Invalid):
    """The time is before ``nbf``."""


class UnknownHash(CannotTell):
    """Digests by another hash than SHA-256."""


class SdJwt(NamedTuple):
    """An SD-JWT as it was read; nothing of it is verified. ``key_binding`` is None in what is
    issued, and in presentations without one."""

    jws: Jws
    payload: Mapping[str, JsonValue]
    disclosures: tuple[Disclosure, ...]
    key_binding: Jws | None


class VerifiedSdJwt(NamedTuple):
    """What an issuer's key signed: ``claims`` with the disclosed ones in place, and ``disclosed``,
    the paths of those. The key binding is not verified."""

    sd_jwt: SdJwt
    claims: Mapping[str, JsonValue]
    disclosed: tuple[Path, ...]


def parse_sd_jwt(text: str) -> SdJwt:
    """Read an SD-JWT without verifying it; raises Malformed and nothing else."""
    if len(text) > SD_JWT_BYTES:
        raise SdJwtTooLong(f"an SD-JWT has at most {SD_JWT_BYTES} characters, not {len(text)}")
    if text.count(SEPARATOR) > SD_JWT_DISCLOSURES + 1:
        raise SdJwtTooLong(f"an SD-JWT has at most {SD_JWT_DISCLOSURES} disclosures")
    jwt, *texts = text.split(SEPARATOR)
    if not texts:
        raise NotSdJwt("an SD-JWT has a ~ after its JWT, even without disclosures")
    *texts, binding = texts
    if len(set(texts)) != len(texts):
        raise RepeatedDisclosure("the SD-JWT has one disclosure twice")
    jws = parse_jws(jwt)
    disclosures = tuple(map(parse_disclosure, texts))
    return SdJwt(
        jws, parse_payload(jws.payload), disclosures, parse_jws(binding) if binding else None
    )


def format_sd_jwt(sd_jwt: SdJwt) -> str:
    """The text of an SD-JWT, with its key binding if it has one."""
    return bound_part(sd_jwt) + (sd_jwt.key_binding.text if sd_jwt.key_binding else "")


def bound_part(sd_jwt: SdJwt) -> str:
    """The text up to the last ~, which a key binding signs the hash of (§4.3.1)."""
    texts = (disclosure.text for disclosure in sd_jwt.disclosures)
    return SEPARATOR.join((sd_jwt.jws.text, *texts, ""))


def reveal_claims(sd_jwt: SdJwt) -> Revealed:
    """The claims and the path of each disclosure, before the signature is verified: for holders.

    Raises MalformedSdJwt, UnreferencedDisclosure or UnknownHash.
    """
    name = sd_jwt.payload.get(SD_ALG, SHA_256)
    if not isinstance(name, str):
        raise MalformedHashName("_sd_alg is the name of a hash")
    if name != SHA_256:
        raise UnknownHash(f"this version does not check digests by {name!r}")
    return reveal(sd_jwt.payload, sd_jwt.disclosures)


def verify_sd_jwt(sd_jwt: SdJwt, key: PublicKey, typ: str) -> VerifiedSdJwt:
    """The claims that ``key`` signed (§7.1 steps 2 to 5); ``typ`` is the header's type.

    That the key is the issuer's is the caller's to know, and the times are for ``check_times``.
    Raises Invalid, MalformedSdJwt or CannotTell.
    """
    if sd_jwt.jws.typ != typ:
        raise WrongType(f"the JWT's typ is {typ}, not {sd_jwt.jws.typ!r}")
    verify_jws(sd_jwt.jws, key)
    revealed = reveal_claims(sd_jwt)
    return VerifiedSdJwt(sd_jwt, revealed.claims, revealed.paths)


def select_disclosures(sd_jwt: SdJwt, paths: Collection[Path]) -> SdJwt:
    """The SD-JWT with only the disclosures at ``paths``, and those that they stand in (§7.2).

    Paths are as in ``reveal_claims``. A key binding is dropped: it was made for other disclosures.
    Raises NoSuchDisclosure.
    """
    known = reveal_claims(sd_jwt).paths
    unknown = set(paths) - set(known)
    if unknown:
        raise NoSuchDisclosure(f"there is no disclosure of {min(unknown, key=str)}")
    kept = {path[:length] for path in paths for length in range(1, len(path) + 1)}
    chosen = (d for d, path in zip(sd_jwt.disclosures, known, strict=True) if path in kept)
    return sd_jwt._replace(disclosures=tuple(chosen), key_binding=None)


def check_times(claims: Mapping[str, JsonValue], at_ms: int) -> None:
    """Raises Expired or NotYetValid, by ``exp`` and ``nbf`` (RFC 7519 §4.1.4, §4.1.5), or
    MalformedClaimTime."""
    expires, begins = read_seconds(claims, "exp"), read_seconds(claims, "nbf")
    if expires is not None and at_ms >= expires * 1_000:
        raise Expired("the credential has expired")
    if begins is not None and at_ms < begins * 1_000:
        raise NotYetValid("the credential is not valid yet")


def read_seconds(claims: Mapping[str, JsonValue], name: str) -> float | None:
    """A NumericDate, which may have a fraction; None if there is no such claim."""
    value = claims.get(name)
    if name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= INTEGER:
        raise MalformedClaimTime(f"{name} is a number of seconds")
    return value
