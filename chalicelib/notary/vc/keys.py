"""Whose key secured a credential: one of the registry, or the one that a did:key is itself.

Keys come from the registry alone, by the URL that the credential names: the issuer's id, ``#``, and
the key's id in hex or its Multikey. No DID document is fetched. A did:key proves that its key
signed, and says nothing of who that is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from ...proof.credentials.multibase import DID_KEY, format_multikey, parse_did_key_method
from ...proof.errors import CannotTell, Invalid, Malformed
from ...proof.keys import EDDSA, PublicKey
from ...proof.payload import check_did
from ...proof.times import format_time
from ..ports import Issuer, IssuerKey

Lookup = Callable[[str], Issuer | None]
"""The registered issuer with an id."""


class Named(NamedTuple):
    """What the URL of a key leads to: ``issuer`` if its id is registered, ``known`` if the registry
    has that key of it, ``key`` if it can be checked with at all."""

    issuer: Issuer | None = None
    known: IssuerKey | None = None
    key: PublicKey | None = None


def find_key(party: str | None, method: str | None, lookup: Lookup) -> Named:
    """Look up the key at the URL ``method`` of an issuer or holder."""
    id_, _, fragment = (method or "").partition("#")
    if party is None or id_ != party:
        return Named(_registered(party, lookup))
    if party.startswith(DID_KEY):
        with suppress(Malformed):  # of another type, or no key at all: it cannot be checked with
            return Named(key=parse_did_key_method(f"{id_}#{fragment}"))
        return Named()
    issuer = _registered(party, lookup)
    for known in issuer.keys if issuer else ():
        if fragment in _fragments(known.key):
            return Named(issuer, known, known.key)
    return Named(issuer)


def _registered(party: str | None, lookup: Lookup) -> Issuer | None:
    """No id is looked up that no issuer can have."""
    try:
        return lookup(check_did(party or ""))
    except Malformed:
        return None


def _fragments(key: PublicKey) -> tuple[str, ...]:
    return (key.kid.hex(), format_multikey(key)) if key.alg == EDDSA else (key.kid.hex(),)


def check_key(named: Named) -> PublicKey:
    """The key to check a signature with; raises CannotTell."""
    if named.key is None:
        raise CannotTell("the key that the credential names is not known here")
    return named.key


def check_issuer(named: Named, at_ms: int, logged: bool) -> str:
    """Who the issuer is by the registry, and that its key was good at ``at_ms``.

    That is when it was ``logged``, or else now: then it may have signed long ago, so that what is
    no longer good is unknown. Raises Invalid or CannotTell.
    """
    issuer, known = named.issuer, named.known
    if issuer is None:
        raise CannotTell("unknown issuer: it is not one of this service's registry")
    if known is None:
        raise CannotTell("unknown key: the registry has no such key of this issuer")
    if at_ms < known.from_ms:
        raise Invalid(f"the key of {issuer.id} was not good yet at {format_time(at_ms)}")
    refusal = Invalid if logged else CannotTell
    hint = "" if logged else "; its receipt shows when it was registered: send it along"
    if not known.good_at(at_ms):
        raise refusal(f"the key of {issuer.id} was not good at {format_time(at_ms)}{hint}")
    if not logged and issuer.status != "active":
        raise CannotTell(f"{issuer.id} is {issuer.status} now{hint}")
    return _accredited(issuer, at_ms, refusal, hint)


def _accredited(issuer: Issuer, at_ms: int, refusal: type[Exception], hint: str) -> str:
    called = f"{issuer.names.get('en', '')} ({issuer.names.get('zh', '')})"
    if not issuer.accreditations:
        return f"{called}, of which the registry names no accreditation"
    for each in issuer.accreditations:
        if each.covers(at_ms):
            return f"{called}, accredited by {each.register} as {each.number}"
    raise refusal(f"no accreditation of {issuer.id} covers {format_time(at_ms)}{hint}")
