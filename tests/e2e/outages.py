"""Documents in every state, and what may be out while somebody verifies them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from chalicelib.proof.policy import DEFAULT_REQUIRE, read_policy
from chalicelib.proof.receipt import Evidence, Receipt
from chalicelib.proof.verdict import Verdict
from chalicelib.proof.verify import verify
from tests.proof import notices, outside
from tests.proof.world import ISSUER, REGISTERED_MS, World, policy_value

DAY_MS = 86_400_000
NOW_MS = REGISTERED_MS + 60 * DAY_MS
CHANGED_MS = NOW_MS - DAY_MS
READ_MS = NOW_MS - 60_000
OLD_READ_MS = CHANGED_MS - DAY_MS
"""A list that was read then knows of no change."""

STRANGER = "did:web:stranger.example"
GOOD = b'{"name":"Ada","validUntil":"2099-01-01T00:00:00Z"}'
EXPIRED = b'{"name":"Ada","validUntil":"2026-10-01T00:00:00Z"}'


_notice = cache(notices.status_list)
"""Lists are the same in many cells, and each costs signatures and a tree."""


@dataclass(frozen=True)
class Case:
    """A document, its receipt, and what the verifier goes by."""

    document: bytes
    receipt: Receipt
    policy: dict[str, Any]
    at_ms: int = NOW_MS
    changes: tuple[Any, ...] = ()

    def verdict(self) -> Verdict:
        return verify(self.document, self.receipt, read_policy(self.policy), self.at_ms)

    def cell(self) -> tuple[str, set[str]]:
        verdict = self.verdict()
        failed = {check.code for check in verdict.checks if check.result == "fail"}
        required = {*self.policy["require"], "time"}
        missing = {
            check.code
            for check in verdict.checks
            if check.name in required and check.result == "unknown"
        }
        return verdict.outcome, set(failed or missing)


# --- The states of a document


def registered(document: bytes = GOOD, iss: str = ISSUER) -> Case:
    """A document of which all is well."""
    world = World(document=document, iss=iss)
    block_hash = world.inclusion().block.hash
    evidence = (outside.evm(block_hash), outside.tsa(block_hash))
    receipt = replace(
        world.receipt(),
        registered=world.inclusion(attestations=evidence),
        issuer=notices.profile() if iss == ISSUER else None,
        status=_notice(read_ms=READ_MS, about=iss),
    )
    require = [*DEFAULT_REQUIRE, "status", outside.EVM_CHECK, outside.TSA_CHECK]
    trusted = policy_value(**outside.trust(block_hash), require=require)
    return Case(document, receipt, trusted)


def changed(kind: str) -> Case:
    case = registered()
    news = notices.change(case.receipt.statement.entry_id, kind, CHANGED_MS)
    listed = _notice(news, read_ms=READ_MS)
    return replace(case, receipt=replace(case.receipt, status=listed), changes=(news,))


def stolen() -> Case:
    """The thief registers after the theft; before it, all is well."""
    case = registered()
    case.policy["issuers"][0]["keys"][0]["compromised_ms"] = REGISTERED_MS
    return case


def erased() -> Case:
    """The salt is gone, and with it the holder's part of every receipt."""
    case = registered()
    return replace(case, receipt=replace(case.receipt, document=None))


STATES: dict[str, Callable[[], Case]] = {
    "good": registered,
    "superseded": lambda: changed("supersede"),
    "suspended": lambda: changed("suspend"),
    "revoked": lambda: changed("revoke"),
    "expired": lambda: registered(EXPIRED),
    "erased": erased,
    "unknown issuer": lambda: registered(iss=STRANGER),
    "stolen key": stolen,
}

TRUTH = {
    "good": "valid",
    "superseded": "invalid",
    "suspended": "invalid",
    "revoked": "invalid",
    "expired": "invalid",
    "stolen key": "invalid",
    "erased": "cannot tell",
    "unknown issuer": "cannot tell",
}
"""What somebody who knows everything would say."""


# --- The outages


def listing(status: Evidence | None) -> Callable[[Case], Case]:
    return lambda case: replace(case, receipt=replace(case.receipt, status=status))


def old_list(case: Case) -> Case:
    iss = case.receipt.statement.statement.iss
    return listing(_notice(read_ms=OLD_READ_MS, about=iss))(case)


def old_list_with_news(case: Case) -> Case:
    """Nobody could be asked since the day of the change."""
    iss = case.receipt.statement.statement.iss
    read_ms = CHANGED_MS + 1_000
    return listing(_notice(*case.changes, read_ms=read_ms, about=iss))(case)


def without(**members: Any) -> Callable[[Case], Case]:
    return lambda case: replace(case, policy={**case.policy, **members})


def no_token(case: Case) -> Case:
    """The authority never answered."""
    first = case.receipt.registered
    kept = tuple(each for each in first.attestations if each.type != "rfc3161")
    bare = replace(first, attestations=kept)
    return replace(case, receipt=replace(case.receipt, registered=bare))


def clock(at_ms: int) -> Callable[[Case], Case]:
    return lambda case: replace(case, at_ms=at_ms)


OUTAGES: dict[str, Callable[[Case], Case]] = {
    "none": lambda case: case,
    "status list: none in the receipt": listing(None),
    "status list: older than the change": old_list,
    "status list: older than now": old_list_with_news,
    "status list: of a later version": listing(notices.listing(b'{"v":2}\n')),
    "issuer site": lambda case: case,
    "registry": without(issuers=[]),
    "chain node": without(chains={}),
    "TSA: no token": no_token,
    "TSA: nobody to believe": without(tsa=[]),
    "clock: before the registration": clock(REGISTERED_MS - 365 * DAY_MS),
    "clock: years ahead": clock(NOW_MS + 20 * 365 * DAY_MS),
}
