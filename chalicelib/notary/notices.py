"""The notary's own statements: notices about public documents, and what is known of them.

The documents lie in the public bucket under the names of their digests and never change. What a
notice says is stored before it is submitted, and the same bytes are submitted again until the log
holds them: so there is one notice for each state, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID, uuid4

from ..proof.credentials.multibase import format_multikey
from ..proof.hashes import Hash, sha256
from ..proof.issuer_profile import IssuerProfile, ProfileKey
from ..proof.payload import IssuerNotice, Payload, StatusListNotice
from ..proof.statement import parse_statement, sign_statement, verify_statement
from .ports import Issuer, Signer


def profile_key(digest: Hash) -> str:
    """Where in the public bucket an issuer's profile document is."""
    return f"issuers/{digest.hex()}"


def status_key(digest: Hash) -> str:
    """Where in the public bucket an entry status document is."""
    return f"status/{digest.hex()}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A notice that the log holds, at ``index`` since block ``height``, about a document."""

    document: Hash
    index: int
    height: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice whose bytes are stored, and which the log may not hold yet."""

    document: Hash
    entry: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of what became of those entries of an issuer whose ids begin with ``prefix``.

    ``status`` is the newest that is registered, ``next_status`` waits for the log. The newest list,
    waiting or not, was read at ``read_ms`` and holds all changes among the first ``size`` entries.
    (One that waits may be replaced by a newer one; should the log get it all the same, it is one
    more that was true. One of a shorter prefix stands for it until it has one of its own.)
    ``full`` is set for ever once it has outgrown its format."""

    prefix: str = ""
    status: Placed | None = None
    next_status: Waiting | None = None
    size: int = 0
    read_ms: int = 0
    full: bool = False

    @property
    def newest(self) -> Hash | None:
        """The newest list's digest."""
        newest = self.next_status or self.status
        return newest.document if newest else None


@dataclass(frozen=True, slots=True)
class IssuerNotices:
    """What was registered about an issuer.

    ``profiles`` are all of its profiles, in order of the log; ``next_profile`` waits for the log.
    Each entry belongs to one of ``lists``. ``version`` counts writes: 0 is not yet stored.
    """

    issuer: str
    profiles: tuple[Placed, ...] = ()
    next_profile: Waiting | None = None
    lists: tuple[Listed, ...] = (Listed(),)
    version: int = 0

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        every = (self.next_profile, *(each.next_status for each in self.lists))
        return tuple(each for each in every if each is not None)

    def list_of(self, entry: Hash) -> Listed:
        """The list that an entry belongs to."""
        return next(each for each in self.lists if entry.hex().startswith(each.prefix))

    def profile_at(self, height: int) -> Placed | None:
        """The profile that stood when a block was made: the newest one registered in it or before
        it, else the first one after."""
        before = [each for each in self.profiles if each.height <= height]
        return before[-1] if before else next(iter(self.profiles), None)


class Notices(Protocol):
    """What is known of notices. Reads are strongly consistent."""

    def get(self, issuer: str) -> IssuerNotices | None: ...

    def all(self) -> list[IssuerNotices]:
        """Those of all issuers, in order of id."""

    def put(self, notices: IssuerNotices) -> None:
        """Write them with the next version, on condition that their own version is the stored one
        (0: none is stored). Raises Conflict or OutcomeUnknown."""

    def height(self) -> int:
        """The height of the last block whose changes of status are all in lists; 0 at first."""

    def advance(self, before: int, after: int) -> None:
        """Move that height from ``before`` to ``after``; Conflict when it is another. Raises
        OutcomeUnknown."""

    def ask(self, issuer: str, prefix: str, now_ms: int) -> None:
        """Remember that a newer list is wanted of the issuer's entries whose ids begin so. A hint,
        written at most once in ``ASK_MS``: it may be lost, and never fails."""

    def asked(self) -> dict[tuple[str, str], int]:
        """When lists were last wanted, in milliseconds, by issuer and prefix."""


@dataclass(frozen=True, slots=True)
class Notary:
    """Who signs notices: its did:web id and statement key. ``list_signer`` (Ed25519) signs the
    credentials of status lists. ``uuid`` makes random UUIDs."""

    id: str
    signer: Signer
    list_signer: Signer
    uuid: Callable[[], UUID] = field(default=uuid4)

    @property
    def method(self) -> str:
        """What the statement key is called in the notary's DID document."""
        return f"{self.id}#{self.signer.public.kid.hex()}"

    @property
    def list_method(self) -> str:
        """What the key of lists is called there, as a Multikey."""
        return f"{self.id}#{format_multikey(self.list_signer.public)}"

    def about_profile(self, issuer: str, document: bytes, iat: int) -> Waiting:
        digest = sha256(document)
        return self._sign(IssuerNotice(issuer, digest), digest, iat)

    def about_list(self, url: str, document: bytes, iat: int) -> Waiting:
        digest = sha256(document)
        return self._sign(StatusListNotice(url, digest), digest, iat)

    def _sign(self, payload: Payload, document: Hash, iat: int) -> Waiting:
        entry = sign_statement(payload, self.id, self.uuid().urn, iat, self.signer)
        # A signature that does not verify must not become part of the log.
        verify_statement(parse_statement(entry), self.signer.public)
        return Waiting(document, entry)


def profile_of(issuer: Issuer) -> IssuerProfile:
    """The public part of what the registry knows of an issuer."""
    return IssuerProfile(
        id=issuer.id,
        names={language: issuer.names.get(language, "") for language in ("en", "zh")},
        status=issuer.status,
        accreditations=issuer.accreditations,
        keys=tuple(
            ProfileKey(key.key, key.from_ms, key.to_ms, key.compromised_ms) for key in issuer.keys
        ),
    )


def list_url(public_url: str, issuer: str, prefix: str) -> str:
    """Where the newest list is served. Lists are named by https URLs, and so is that of a service
    on this machine, which is reached without TLS."""
    whole = f"https://{public_url.partition('://')[2]}/v1/issuers/{issuer}/status"
    return f"{whole}/{prefix}" if prefix else whole
