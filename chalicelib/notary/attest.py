"""Attesting: which block goes to which network when, and how each attempt goes on from there.

It runs on a schedule. Every step is one conditional write, so any number of attesters may run at
once and die at any point; recovery is the ordinary path. What is sent was stored before; what was
stored is sent again until the network has it; a network that undoes what it included sends the
attempt back to ``sent``. Nothing here ever gives an attempt up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..proof.block import Block
from .apply import renew_cosignatures
from .limits import (
    ATTEST_BLOCKS,
    ATTEST_MS,
    ATTEST_STEPS,
    OVERDUE_MS,
    POLL_MAX_MS,
    POLL_MIN_MS,
    RETRY_MAX_MS,
    RETRY_MS,
)
from .log import Log
from .networks import Attempt, Memo, Network, NetworkError, State, Unreachable
from .ports import Conflict, OutcomeUnknown, Row
from .witnesses import WITNESSES

UNSENT: tuple[State, ...] = ("planned", "prepared")
IN_FLIGHT: tuple[State, ...] = ("planned", "prepared", "sent")


@dataclass(frozen=True, slots=True)
class Party:
    """A configured network. ``every_ms`` 0 is every block. A ``fallback`` is used only while
    another network of the same check is overdue."""

    network: Network
    every_ms: int
    fallback: bool = False


def untold(attempt: Attempt) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Attester:
    """``checks`` are those besides the parties' own that make a block fully attested. ``tell`` is
    told of each attempt that failed once more."""

    log: Log
    parties: Sequence[Party]
    clock_ms: Callable[[], int]
    checks: Sequence[str] = ()
    tell: Callable[[Attempt], None] = field(default=untold)


def attest(attester: Attester) -> list[Attempt]:
    """Plan what is due and take every attempt as far as it goes now; those that changed, as they
    are now. Networks are served side by side, so a slow one holds up no other. Raises Refusal when
    a witness has seen more than the chain holds."""
    started_ms = attester.clock_ms()
    cosigned = _renew(attester)
    target = newest_statements(attester.log)

    def serve(party: Party) -> list[Attempt]:
        return _serve(attester, party, target, started_ms + ATTEST_MS)

    with ThreadPoolExecutor(max(1, len(attester.parties))) as pool:
        served = [pool.submit(serve, party) for party in attester.parties]
    _mark_full(attester, _perhaps_full(attester, cosigned))
    # What went wrong with one is raised only when all others were served.
    return [attempt for each in served for attempt in each.result()]


def _renew(attester: Attester) -> list[Attempt]:
    """The witnesses' attempt for the newest block, if there is one, after they were asked again."""
    attempt = renew_cosignatures(attester.log)
    if attempt is None:
        return []
    if attempt.problem:
        attester.tell(attempt)
    return [attempt]


def newest_statements(log: Log) -> Block | None:
    """The block that holds the newest statement: later ones are heartbeats, and say nothing new.
    None while there are no statements."""
    head = log.readable().block
    statements = head.size - head.height
    if not statements:
        return None

    def holds(height: int) -> bool:
        block = _block(log, height)
        return block.size - block.height == statements

    step, high = 1, head.height
    low = high - step
    while low > 0 and holds(low):
        high, step = low, 2 * step
        low = max(0, high - step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return _block(log, high)


def _block(log: Log, height: int) -> Block:
    row: Row | None = log.chain.row(height)
    assert row is not None, "below the head every height has its row"
    return row.block


def _serve(attester: Attester, party: Party, target: Block | None, until_ms: int) -> list[Attempt]:
    """Serve one network. One that is out of reach is not tried for its other attempts, too: that
    would take longer than a function may run."""
    log, network = attester.log, party.network
    if target is not None:
        for height in due_heights(attester, party, target):
            planned = Attempt(network.name, height, "planned", attester.clock_ms())
            _put(log, replace(planned, block=_block(log, height).hash))
    changed: list[Attempt] = []
    for attempt in _open(log, network):
        if attester.clock_ms() > until_ms:
            break
        now = _advance(attester, network, attempt)
        if now != attempt:
            changed.append(now)
            _mark_full(attester, {now.height} if now.state == "final" else set())
        if now.problem == Unreachable.name and now.tries > attempt.tries:
            break
    return changed


def _open(log: Log, network: Network) -> list[Attempt]:
    """The unfinished attempts, with the newest, which the index may not show yet. Those of a serial
    network build on one another; of others the newest come first, since the oldest may wait for
    ever."""
    found = {attempt.height: attempt for attempt in log.attempts.unfinished(network.name)}
    newest = log.attempts.newest(network.name)
    if newest is not None and newest.state != "final":
        found[newest.height] = newest
    return [found[height] for height in sorted(found, reverse=not network.serial)]


def due_heights(attester: Attester, party: Party, target: Block) -> list[int]:
    """The heights that the network should attest now. While an attempt waits to be sent, or a
    serial network has one in flight, no other is planned: the queue is never longer than one."""
    newest = attester.log.attempts.newest(party.network.name)
    if newest is None:
        return [] if party.fallback and not _overdue(attester, party) else [target.height]
    busy = newest.state in (IN_FLIGHT if party.network.serial else UNSENT)
    if busy or newest.height >= target.height:
        return []
    if party.fallback:
        return [target.height] if _overdue(attester, party) else []
    if party.every_ms:
        slots = (newest.planned_ms // party.every_ms, attester.clock_ms() // party.every_ms)
        return [target.height] if slots[0] < slots[1] else []
    first = max(newest.height, target.height - ATTEST_BLOCKS)
    heights = range(first + 1, target.height + 1)
    return [height for height in heights if _holds_statements(attester.log, height)]


def _holds_statements(log: Log, height: int) -> bool:
    return _block(log, height).size - _block(log, height - 1).size > 1


def _overdue(attester: Attester, fallback: Party) -> bool:
    """Whether the networks whose place the fallback takes have all let a block wait too long, and
    nothing of the fallback's own covers that since."""
    attempts = attester.log.attempts
    newest = attempts.newest(fallback.network.name)
    covered = newest.height if newest else 0
    late_ms = attester.clock_ms() - OVERDUE_MS
    names = [
        party.network.name
        for party in attester.parties
        if party.network.check == fallback.network.check and not party.fallback
    ]
    overdue = {
        attempt.height
        for name in names
        for attempt in attempts.unfinished(name)
        if attempt.height > covered and attempt.planned_ms <= late_ms
    }
    return any(not _is_final(attester.log, names, height) for height in overdue)


def _is_final(log: Log, networks: Sequence[str], height: int) -> bool:
    """Whether the evidence of any of them for this block is final."""
    found = [log.attempts.get(name, height) for name in networks]
    return any(attempt is not None and attempt.state == "final" for attempt in found)


def _advance(attester: Attester, network: Network, attempt: Attempt) -> Attempt:
    """Take one attempt as far as it goes now."""
    log = attester.log
    if attempt.due_ms > attester.clock_ms():
        return attempt
    block = _block(log, attempt.height)
    if attempt.block not in (None, block.hash):  # the chain was restored, and grew otherwise
        fresh = Attempt(network.name, block.height, "planned", attester.clock_ms())
        attempt = replace(fresh, version=attempt.version, block=block.hash)
    for _ in range(ATTEST_STEPS):
        if attempt.due_ms > attester.clock_ms():
            break
        try:
            moved = _step(log, network, block, attempt, attester.clock_ms())
        except NetworkError as error:
            moved = _failed(attempt, error, attester.clock_ms())
            attester.tell(moved)
        if moved is None:
            break
        stored = _put(log, moved)
        if stored is None:
            break  # another attester is at it
        attempt = stored
    return attempt


def _step(
    log: Log, network: Network, block: Block, attempt: Attempt, now_ms: int
) -> Attempt | None:
    """The attempt after its next step; None when there is nothing to do but wait. Raises
    NetworkError."""
    match attempt.state:
        case "planned":
            before = _memo_before(log, network, attempt)
            if before is None:
                return None
            return _went_well(attempt, "prepared", network.prepare(block, before))
        case "prepared":
            memo = network.broadcast(block, attempt.memo)
            sent = _went_well(attempt, "sent", memo)
            due_ms = now_ms + POLL_MIN_MS if network.serial else 0  # no chain is that fast
            return replace(sent, evidence=network.proof(block, memo), due_ms=due_ms)
        case "sent" | "included":
            return _look(network, block, attempt, now_ms)
        case _:
            return None


def _memo_before(log: Log, network: Network, attempt: Attempt) -> Memo | None:
    """The memo that a new attempt builds on; None while the one before is still in flight."""
    before = log.attempts.before(network.name, attempt.height)
    if before is None or not network.serial:
        return {}
    return None if before.state in IN_FLIGHT else before.memo


def _look(network: Network, block: Block, attempt: Attempt, now_ms: int) -> Attempt | None:
    """Ask where a sent attempt stands, and do what that needs."""
    at, memo = network.status(block, attempt.memo, now_ms)
    match at:
        case "waiting":
            return _on_its_way(network, block, attempt, memo, now_ms)
        case "dropped":
            memo = network.broadcast(block, memo)
            return _on_its_way(network, block, attempt, memo, now_ms)
        case "stuck":
            return _went_well(attempt, "prepared", network.bump(block, memo))
        case "void":
            return replace(_went_well(attempt, "planned", {}), evidence=None)
        case _:
            evidence = network.proof(block, memo)
            if at == "final" and evidence is None:
                raise Unreachable("it is final, but cannot be proved now")
            due_ms = _next_poll(attempt, now_ms) if at == "included" else 0
            return replace(_went_well(attempt, at, memo), evidence=evidence, due_ms=due_ms)


def _on_its_way(
    network: Network, block: Block, attempt: Attempt, memo: Memo, now_ms: int
) -> Attempt:
    """Still on its way; or again, and then what proved its inclusion proves nothing any more."""
    moved = replace(_went_well(attempt, "sent", memo), due_ms=_next_poll(attempt, now_ms))
    if attempt.state == "included":
        moved = replace(moved, evidence=network.proof(block, memo))
    return moved


def _next_poll(attempt: Attempt, now_ms: int) -> int:
    """Ever more rarely."""
    quarter_ms = (now_ms - attempt.planned_ms) // 4
    return now_ms + min(max(quarter_ms, POLL_MIN_MS), POLL_MAX_MS)


def _went_well(attempt: Attempt, state: State, memo: Memo) -> Attempt:
    return replace(attempt, state=state, memo=memo, tries=0, problem="", due_ms=0)


def _failed(attempt: Attempt, error: NetworkError, now_ms: int) -> Attempt:
    wait_ms = min(RETRY_MS * 2 ** min(attempt.tries, 20), RETRY_MAX_MS)
    return replace(attempt, tries=attempt.tries + 1, problem=error.name, due_ms=now_ms + wait_ms)


def _put(log: Log, attempt: Attempt) -> Attempt | None:
    """The attempt as stored; None when somebody else stored another one, or nobody knows: the
    next run reads what is there."""
    try:
        return log.attempts.put(attempt)
    except (Conflict, OutcomeUnknown):
        return None


def _perhaps_full(attester: Attester, cosigned: Sequence[Attempt]) -> set[int]:
    """The height that was cosigned now; and the newest ones, if another attester died before it
    had marked them."""
    newest = [attester.log.attempts.newest(party.network.name) for party in attester.parties]
    held = [*cosigned, *(attempt for attempt in newest if attempt is not None)]
    heights = {attempt.height for attempt in held if attempt.state == "final"}
    return {height for height in heights if not attester.log.attempts.is_full(height)}


def _mark_full(attester: Attester, heights: Iterable[int]) -> None:
    """Mark those blocks for which every check has final evidence of at least one network."""
    attempts = attester.log.attempts
    names = [(party.network.check, party.network.name) for party in attester.parties]
    names += [(check, check) for check in attester.checks]
    for height in sorted(heights):
        found = [(check, attempts.get(name, height)) for check, name in names]
        final = {check for check, attempt in found if attempt and _counts(attempt)}
        if final == {check for check, _ in names}:
            attempts.mark_full(height, sorted(final))


def _counts(attempt: Attempt) -> bool:
    """Witnesses leave lines under the checkpoint, the others evidence."""
    proved = attempt.evidence is not None or attempt.network == WITNESSES
    return attempt.state == "final" and proved and not attempt.problem
