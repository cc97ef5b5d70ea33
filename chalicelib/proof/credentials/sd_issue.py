"""Issuing SD-JWTs (RFC 9901 §4.2): claims become disclosures, from the innermost to the outermost.

Disclosures and payload are written by RFC 8785, so that the same claims, salts and key give the
same SD-JWT. Digests stand in ``_sd`` in their alphabetical order, which tells nothing of the
claims'.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from ..errors import Malformed
from ..jcs import JsonValue, format_jcs
from ..keys import Signer
from ..limits import JSON_DEPTH, SD_JWT_BYTES, SD_JWT_DISCLOSURES, SD_SALT_BYTES
from .disclosure import (
    ELLIPSIS,
    RESERVED,
    SD,
    SD_ALG,
    Disclosure,
    NestedTooDeep,
    Path,
    ReservedName,
    digest_of,
    make_disclosure,
)
from .jose import sign_jws
from .multibase import format_base64url
from .sd_jwt import SEPARATOR, SHA_256, SdJwtTooLong

VALIDITY_CLAIMS = ("iss", "aud", "exp", "nbf", "cnf")
"""Claims that a verifier needs to judge the rest, and that are never withheld (§9.7)."""


class BadConcealment(Malformed):
    """Claims that cannot be concealed as asked."""


class NoSuchClaim(BadConcealment):
    """A path that leads nowhere."""


class NeverConcealed(BadConcealment):
    """A claim that a verifier cannot do without, or a part of one."""


class BadSalts(BadConcealment):
    """Salts that are too short, used twice, or not one for each path."""


def issue_sd_jwt(
    claims: Mapping[str, JsonValue],
    concealed: Sequence[Path],
    salts: Sequence[bytes],
    key: Signer,
    *,
    typ: str,
    kid: str | None = None,
    decoys: Mapping[Path, Sequence[bytes]] | None = None,
    never: Sequence[str] = VALIDITY_CLAIMS,
) -> str:
    """The SD-JWT of ``claims`` with a disclosure for each path of ``concealed``, in that order.

    ``salts`` are independent random values of at least ``SD_SALT_BYTES``, one for each path. A path
    may lead into another, which makes a recursive disclosure (§4.2.6). ``decoys`` has random values
    for the paths of objects, the empty one for the claims themselves: a digest that nothing
    discloses is added for each (§4.2.5). Raises Malformed.
    """
    _check_concealed(concealed, salts, never)
    payload = _copy_object(claims, 1)
    for path, values in (decoys or {}).items():
        _add_decoys(payload, path, values)
    made: dict[Path, Disclosure] = {}
    for path, salt in sorted(zip(concealed, salts, strict=True), key=_depth, reverse=True):
        made[path] = _conceal(payload, path, salt)
    if concealed or decoys:
        payload[SD_ALG] = SHA_256
    jwt = sign_jws(format_jcs(payload), key, typ=typ, kid=kid)
    text = SEPARATOR.join((jwt, *(made[path].text for path in concealed), ""))
    if len(text) > SD_JWT_BYTES:
        raise SdJwtTooLong(f"an SD-JWT has at most {SD_JWT_BYTES} characters, not {len(text)}")
    return text


def _depth(item: tuple[Path, bytes]) -> int:
    return len(item[0])


def _check_concealed(
    concealed: Sequence[Path], salts: Sequence[bytes], never: Sequence[str]
) -> None:
    if len(concealed) > SD_JWT_DISCLOSURES:
        raise SdJwtTooLong(f"an SD-JWT has at most {SD_JWT_DISCLOSURES} disclosures")
    if len(set(concealed)) != len(concealed) or () in concealed:
        raise BadConcealment("each path is there once, and names a claim")
    for path in concealed:
        if path[0] in never:
            raise NeverConcealed(f"{path[0]} is never concealed, nor a part of it")
    if len(set(salts)) != len(concealed) or len(salts) != len(concealed):
        raise BadSalts("each path has a salt of its own")
    if any(len(salt) < SD_SALT_BYTES for salt in salts):
        raise BadSalts(f"a salt has at least {SD_SALT_BYTES} random bytes")


def _copy(value: JsonValue, depth: int) -> JsonValue:
    if isinstance(value, Mapping):
        return _copy_object(value, depth)
    if isinstance(value, list | tuple):
        _check_depth(depth)
        return [_copy(element, depth + 1) for element in value]
    return value


def _copy_object(value: Mapping[str, JsonValue], depth: int) -> dict[str, JsonValue]:
    _check_depth(depth)
    for name in RESERVED:
        if name in value:
            raise ReservedName(f"a claim is not named {name}")
    return {name: _copy(member, depth + 1) for name, member in value.items()}


def _check_depth(depth: int) -> None:
    # What stands for a claim is one level deeper than a claim without members.
    if depth >= JSON_DEPTH:
        raise NestedTooDeep(f"claims are nested less than {JSON_DEPTH} deep")


def _conceal(payload: dict[str, JsonValue], path: Path, salt: bytes) -> Disclosure:
    """Replace the claim at ``path`` by the digest of its disclosure."""
    container, step = _find(payload, path[:-1]), path[-1]
    value = _enter(container, step)
    if isinstance(container, dict):
        disclosure = make_disclosure(salt, str(step), value)
        del container[str(step)]
        _add_digest(container, disclosure.digest)
    else:
        assert isinstance(container, list)
        disclosure = make_disclosure(salt, None, value)
        container[int(step)] = {ELLIPSIS: disclosure.digest}
    return disclosure


def _find(payload: JsonValue, path: Path) -> JsonValue:
    found: JsonValue = payload
    for step in path:
        found = _enter(found, step)
    return found


def _enter(container: JsonValue, step: str | int) -> JsonValue:
    if isinstance(container, dict) and isinstance(step, str) and step in container:
        member: JsonValue = container[step]
        return member
    if isinstance(container, list) and type(step) is int and 0 <= step < len(container):
        return container[step]
    raise NoSuchClaim(f"there is no claim at {step!r}")


def _add_decoys(payload: dict[str, JsonValue], path: Path, values: Sequence[bytes]) -> None:
    container = _find(payload, path)
    if not isinstance(container, dict):
        raise BadConcealment(f"decoys are for objects, and {path} is none")
    for value in values:
        if len(value) < SD_SALT_BYTES:
            raise BadSalts(f"a decoy is made of at least {SD_SALT_BYTES} random bytes")
        _add_digest(container, digest_of(format_base64url(value)))


def _add_digest(container: dict[str, JsonValue], digest: str) -> None:
    digests = container.setdefault(SD, [])
    assert isinstance(digests, list)
    insort(digests, digest, key=str)
