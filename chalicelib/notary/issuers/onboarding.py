"""Letting an issuer's keys in: only those that its own domain says are its own.

What is asked is written down with each key: when it was found in the DID document, or why nobody
looked. A key that is given more time than it had is let in like a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..ports import Control, Issuer, IssuerKey
from ..public_url import Get
from .did_web import verify_control


def check_new_keys(before: Issuer | None, after: Issuer, get: Get, now_ms: int) -> Issuer:
    """``after``, if its DID document has every key that gains by it. Raises what ``verify_control``
    does."""
    gaining = _gaining(before, after)
    if gaining:
        verify_control(after.id, [each.key for each in gaining], get, now_ms)
    return _noted(after, gaining.__contains__, Control(now_ms))


def leave_unchecked(before: Issuer | None, after: Issuer, reason: str, now_ms: int) -> Issuer:
    """``after``, and that nobody looked."""
    return _noted(after, _gaining(before, after).__contains__, Control(now_ms, reason))


def check_all_keys(issuer: Issuer, get: Get, now_ms: int) -> Issuer:
    """The issuer, if its DID document has every key that is good now. Raises what
    ``verify_control`` does."""
    good = [each for each in issuer.keys if each.good_at(now_ms)]
    verify_control(issuer.id, [each.key for each in good], get, now_ms)
    return _noted(issuer, good.__contains__, Control(now_ms))


def _gaining(before: Issuer | None, after: Issuer) -> list[IssuerKey]:
    """The keys of ``after`` that are new, or good for longer than they were."""
    known = {} if before is None else {each.key.kid: each for each in before.keys}
    return [
        each
        for each in after.keys
        if each.key.kid not in known or _end(each) > _end(known[each.key.kid])
    ]


def _end(key: IssuerKey) -> float:
    ends = [end for end in (key.to_ms, key.compromised_ms) if end is not None]
    return min(ends, default=float("inf"))


def _noted(issuer: Issuer, whether: Callable[[IssuerKey], bool], control: Control) -> Issuer:
    keys = (replace(each, control=control) if whether(each) else each for each in issuer.keys)
    return replace(issuer, keys=tuple(keys))
