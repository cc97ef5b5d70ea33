"""Documents: their digests under both hashes, and the salted commitments that statements carry.

The digests are of the document's bytes as they are (``raw``) or of their RFC 8785 form (``jcs``).
A commitment is hash(salt ‖ digest) with the digest's own hash: who holds document and salt can
prove, and destroying the salt erases.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args

from .errors import Malformed
from .hashes import Hash, sha256, sm3
from .jcs import canonicalize
from .limits import SALT_BYTES

Canonicalization: TypeAlias = Literal["raw", "jcs"]
CANONICALIZATIONS: tuple[Canonicalization, ...] = get_args(Canonicalization)


class UnknownCanonicalization(Malformed):
    """Neither ``raw`` nor ``jcs``."""


class MalformedSalt(Malformed):
    """A salt of another length than 32 bytes."""


class Digests(NamedTuple):
    """The digests of one document."""

    canonicalization: Canonicalization
    sha256: Hash
    sm3: Hash


def check_canonicalization(name: str) -> Canonicalization:
    """The name as its type; raises UnknownCanonicalization."""
    for known in CANONICALIZATIONS:
        if name == known:
            return known
    raise UnknownCanonicalization(f"canonicalization is one of {', '.join(CANONICALIZATIONS)}")


def digest_document(data: bytes, canonicalization: str) -> Digests:
    """The digests of a document; for ``jcs`` raises the I-JSON breach (jcs.MalformedJson)."""
    known = check_canonicalization(canonicalization)
    digested = canonicalize(data) if known == "jcs" else data
    return Digests(known, sha256(digested), sm3(digested))


class HasDigests(Protocol):
    """Digests, or the holder's part of a receipt."""

    @property
    def sha256(self) -> Hash: ...

    @property
    def sm3(self) -> Hash: ...


def commit(salt: bytes, digests: HasDigests) -> tuple[Hash, Hash]:
    """The commitments SHA-256(salt ‖ SHA-256(document)) and SM3(salt ‖ SM3(document)).

    ``salt`` is 32 random bytes, for this document alone; raises MalformedSalt.
    """
    if len(salt) != SALT_BYTES:
        raise MalformedSalt(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return sha256(salt + digests.sha256), sm3(salt + digests.sm3)
