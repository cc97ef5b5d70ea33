"""Disclosures (RFC 9901 §4.2): the claims that an issuer's JWT holds by their digests alone.

A disclosure is the base64url of a JSON array, ``[salt, name, value]`` for a member of an object,
``[salt, value]`` for an element of an array. Its digest, SHA-256 of that base64url, stands in the
object's ``_sd`` array, or in place of the element as ``{"...": digest}``. A disclosed value may
hold digests itself. ``reveal`` puts the claims back (§7.1 step 3) and refuses, as steps 3 to 5 say,
every claim that could be read in two ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from ..errors import Invalid, Malformed
from ..hashes import sha256
from ..jcs import JsonValue, MalformedJson, format_jcs, parse_ijson
from ..limits import JSON_DEPTH
from .multibase import MalformedBase64Url, format_base64url, parse_base64url

SD = "_sd"
SD_ALG = "_sd_alg"
ELLIPSIS = "..."
RESERVED = (SD, SD_ALG, ELLIPSIS)

Path: TypeAlias = tuple[str | int, ...]
"""Where a claim is: names of members, and positions in arrays."""


class MalformedSdJwt(Malformed):
    """Not an SD-JWT, or one that could be read in two ways."""


class MalformedDisclosure(MalformedSdJwt):
    """Not the base64url of an array of a salt, a name in objects, and a value."""


class RepeatedDisclosure(MalformedSdJwt):
    """A disclosure stands in the SD-JWT twice (§4)."""


class ReservedName(MalformedSdJwt):
    """``_sd``, ``...`` or ``_sd_alg`` as something else than RFC 9901 makes of them (§4.1)."""


class RepeatedDigest(MalformedSdJwt):
    """A digest is in the payload twice, directly or through disclosures (§7.1 step 4)."""


class RepeatedClaim(MalformedSdJwt):
    """A disclosed claim has the name of another at its level (§7.1 step 3.3.2.3)."""


class MisplacedDisclosure(MalformedSdJwt):
    """An array element disclosed as a member of an object, or the reverse (§7.1 step 3.3)."""


class NestedTooDeep(MalformedSdJwt):
    """Claims that are nested deeper than ``JSON_DEPTH`` once they are put together."""


class UnreferencedDisclosure(Invalid):
    """A disclosure that the issuer did not make, or whose digest is out of reach (§7.1 step 5)."""


class Disclosure(NamedTuple):
    """``text`` is the base64url that the digest is of; ``name`` None for an array element."""

    text: str
    digest: str
    name: str | None
    value: JsonValue


def digest_of(text: str) -> str:
    """SHA-256 of US-ASCII text, in base64url (§4.2.3)."""
    return format_base64url(sha256(text.encode("ascii")))


def make_disclosure(salt: bytes, name: str | None, value: JsonValue) -> Disclosure:
    named: list[JsonValue] = [] if name is None else [name]
    text = format_base64url(format_jcs([format_base64url(salt), *named, value]))
    return Disclosure(text, digest_of(text), name, value)


def parse_disclosure(text: str) -> Disclosure:
    """Read one disclosure; raises MalformedDisclosure or ReservedName."""
    try:
        parts = parse_ijson(parse_base64url(text))
    except (MalformedBase64Url, MalformedJson) as error:
        raise MalformedDisclosure(f"a disclosure is base64url of I-JSON: {error}") from error
    if not isinstance(parts, list) or len(parts) not in (2, 3) or not isinstance(parts[0], str):
        raise MalformedDisclosure("a disclosure is [salt, name, value] or [salt, value]")
    if len(parts) == 2:
        return Disclosure(text, digest_of(text), None, parts[1])
    name = parts[1]
    if not isinstance(name, str):
        raise MalformedDisclosure("the name of a disclosed claim is a string")
    if name in RESERVED:
        raise ReservedName(f"a disclosed claim is not named {name}")
    return Disclosure(text, digest_of(text), name, parts[2])


class Revealed(NamedTuple):
    """The claims with all disclosed ones in place, and the path in them of each disclosure, in the
    order of the disclosures."""

    claims: dict[str, JsonValue]
    paths: tuple[Path, ...]


def reveal(payload: Mapping[str, JsonValue], disclosures: Iterable[Disclosure]) -> Revealed:
    """Put the disclosed claims into the payload; raises MalformedSdJwt, UnreferencedDisclosure."""
    by_digest = {disclosure.digest: disclosure for disclosure in disclosures}
    reading = _Reading(by_digest)
    outer = {name: value for name, value in payload.items() if name != SD_ALG}
    claims = reading.read_object(outer, ())
    for disclosure in by_digest.values():
        if disclosure.digest not in reading.paths:
            raise UnreferencedDisclosure(
                f"the issuer signed no digest {disclosure.digest}, which a disclosure has"
            )
    return Revealed(claims, tuple(reading.paths[digest] for digest in by_digest))


class _Reading:
    """One pass over a payload. Each digest is followed once, so the work is linear."""

    def __init__(self, disclosures: Mapping[str, Disclosure]) -> None:
        self._disclosures = disclosures
        self._seen: set[str] = set()
        self.paths: dict[str, Path] = {}

    def _read(self, value: JsonValue, path: Path) -> JsonValue:
        if len(path) > JSON_DEPTH:
            raise NestedTooDeep(f"claims are nested at most {JSON_DEPTH} deep")
        if isinstance(value, dict):
            return self.read_object(value, path)
        if isinstance(value, list):
            return self._read_array(value, path)
        return value

    def read_object(self, value: Mapping[str, JsonValue], path: Path) -> dict[str, JsonValue]:
        claims: dict[str, JsonValue] = {}
        for name, member in value.items():
            if name in (SD_ALG, ELLIPSIS):
                raise ReservedName(f"{name} is not where RFC 9901 has it")
            if name != SD:
                claims[name] = self._read(member, (*path, name))
        for disclosure in self._referenced(_digests_of(value)):
            if disclosure.name is None:
                raise MisplacedDisclosure("an array element is disclosed where a claim has a name")
            if disclosure.name in claims:
                raise RepeatedClaim(f"the claim of the digest {disclosure.digest} is there already")
            at = self.paths[disclosure.digest] = (*path, disclosure.name)
            claims[disclosure.name] = self._read(disclosure.value, at)
        return claims

    def _read_array(self, value: list[JsonValue], path: Path) -> list[JsonValue]:
        elements: list[JsonValue] = []
        for element in value:
            if not isinstance(element, dict) or ELLIPSIS not in element:
                elements.append(self._read(element, (*path, len(elements))))
                continue
            for disclosure in self._referenced([_digest_in(element)]):
                if disclosure.name is not None:
                    raise MisplacedDisclosure("a named claim is disclosed in place of an element")
                at = self.paths[disclosure.digest] = (*path, len(elements))
                elements.append(self._read(disclosure.value, at))
        return elements

    def _referenced(self, digests: Iterable[str]) -> Iterator[Disclosure]:
        for digest in digests:
            if digest in self._seen:
                raise RepeatedDigest(f"the digest {digest} is there twice")
            self._seen.add(digest)
            if digest in self._disclosures:
                yield self._disclosures[digest]


def _digests_of(value: Mapping[str, JsonValue]) -> list[str]:
    digests = value.get(SD, [])
    if not isinstance(digests, list):
        raise ReservedName("_sd is an array of digests")
    texts = [digest for digest in digests if isinstance(digest, str)]
    if len(texts) != len(digests):
        raise ReservedName("_sd is an array of digests, which are strings")
    return texts


def _digest_in(element: Mapping[str, JsonValue]) -> str:
    digest = element[ELLIPSIS]
    if len(element) != 1 or not isinstance(digest, str):
        raise ReservedName('in place of an array element stands exactly {"...": digest}')
    return digest
