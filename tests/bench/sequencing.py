"""Sequencing in memory, beside the two hashes that each entry costs whoever builds the tree."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.notary.accepted import Item, accepted_key, format_accepted
from chalicelib.notary.index import lineage_key
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Bulk, Job
from chalicelib.notary.sequence import create_log, sequence
from chalicelib.proof.hashes import leaf_hash, node_hash
from tests.fakes import START_MS, memory_log

from .measure import Results, Work, median_us
from .samples import make_entry

JOB = "b" * 64


def measure(entries: int = 10_000, rounds: int = 9) -> Results:
    """Per entry, in microseconds of CPU: a bulk job that is pending becomes a block, from the read
    of the head to the published checkpoint, on ports in memory with a local key."""
    items = [make_entry(number) for number in range(entries)]
    logs: list[Log] = []

    def run() -> None:
        block = sequence(logs.pop(), START_MS)
        assert block is not None
        assert block.size == entries + 1

    return median_us(
        rounds,
        {
            "sequence_us_per_entry": Work(entries, run, lambda: logs.append(pending_log(items))),
            "hash_floor_us": Work(entries, lambda: _hash(items)),
        },
    )


def pending_log(entries: Sequence[bytes]) -> Log:
    log = memory_log()
    create_log(log)
    put_pending(log, JOB, entries)
    return log


def put_pending(log: Log, job: str, entries: Sequence[bytes]) -> None:
    """The entries as an admitted bulk job: registers, each with its lineage key."""
    items = [Item(number, each, lineage_key(each.hex())) for number, each in enumerate(entries)]
    log.work.create(accepted_key(job), format_accepted(len(items), items, []))
    log.jobs.create(Job(job, "tenant", "admitting"))
    log.jobs.admit(job, len(items), len(items))
    log.pending.add(Bulk(job))


def _hash(entries: Sequence[bytes]) -> None:
    for entry in entries:
        leaf = leaf_hash(entry)
        node_hash(leaf, leaf)
