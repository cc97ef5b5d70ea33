"""The audit: a log that is right passes, and of any damage the first is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from struct import pack
from typing import Any

import pytest

from chalicelib.notary import batch, sequence
from chalicelib.notary.accepted import accepted_key
from chalicelib.notary.audit import AuditFailure, StoreReader, audit, audit_store
from chalicelib.notary.batch import REFUSED, Plan, StoredObject
from chalicelib.notary.index import lineage_key, tail_key
from chalicelib.notary.log import CHECKPOINT
from chalicelib.notary.ports import Bulk, Job, Placement, Row, Single
from chalicelib.notary.staging import format_staging, parse_staging, staging_key
from chalicelib.proof.block import format_link, parse_link
from chalicelib.proof.checkpoint import (
    Checkpoint,
    format_checkpoint_text,
    format_signed_checkpoint,
)
from chalicelib.proof.hashes import Hash
from chalicelib.proof.note import Note, NoteSignature, format_note
from chalicelib.proof.statement import entry_id
from chalicelib.proof.tiles import format_bundle, parse_bundle
from tests.fakes import memory_log
from tests.faults.test_refusals import unfinished
from tests.notary.desk import Desk, registered, revoked, sub_of, superseded


@cache
def original() -> Desk:
    """Five blocks: singles, then a job over three, then later statements; 4,100 entries."""
    desk = Desk()
    desk.submit(*(registered(number) for number in range(3)))
    desk.step()
    desk.submit_bulk([registered(number) for number in range(3, 4_093)] + [registered(2)])
    for limit in (200, 3_800, 1_000):
        desk.step(limit)
    desk.submit(superseded(registered(1), 1), revoked(registered(2), 2))
    desk.step()
    assert desk.head().block.height == 5
    return desk


@dataclass
class Store:
    """A copy of the original to damage."""

    desk: Desk

    @property
    def log(self) -> Any:
        return self.desk.log

    @property
    def tiles(self) -> dict[str, bytes]:
        return self.log.tiles.data  # type: ignore[no-any-return]

    @property
    def work(self) -> dict[str, bytes]:
        return self.log.work.data  # type: ignore[no-any-return]

    @property
    def rows(self) -> list[Row]:
        return self.log.chain.rows  # type: ignore[no-any-return]

    @property
    def job(self) -> Job:
        [job] = self.log.jobs.rows.values()
        return job  # type: ignore[no-any-return]

    def block(self, at: int, **changes: object) -> None:
        row = self.rows[at]
        self.rows[at] = replace(row, block=row.block._replace(**changes))  # type: ignore[arg-type]

    def row(self, height: int, **changes: object) -> None:
        self.rows[height] = replace(self.rows[height], **changes)  # type: ignore[arg-type]

    def change_job(self, **changes: object) -> None:
        self.log.jobs.rows[self.job.id] = replace(self.job, **changes)  # type: ignore[arg-type]

    def restage(self, height: int, change: Callable[[Plan], None]) -> None:
        """Another staging object for a block, with a right hash; what it writes is written."""
        row = self.rows[height]
        staged = parse_staging(row.staging, self.work[row.staging])
        objects = list(staged.objects())
        plan = Plan(row.block, 0, objects, [], staged.done, staged.poison)
        change(plan)
        data = format_staging(plan)
        self.row(height, staging=staging_key(height, data))
        self.work[staging_key(height, data)] = data
        for each in plan.objects:
            {"tiles": self.tiles, "work": self.work}[each.bucket][each.key] = each.data


@pytest.fixture
def store() -> Store:
    source, log = original().log, memory_log()
    copy = Store(Desk(log))
    copy.tiles.update(source.tiles.data)  # type: ignore[attr-defined]
    copy.work.update(source.work.data)  # type: ignore[attr-defined]
    copy.rows[:] = source.chain.rows  # type: ignore[attr-defined]
    copy.log.jobs.rows.update(source.jobs.rows)  # type: ignore[attr-defined]
    copy.desk.clock.now_ms = original().clock.now_ms
    return copy


def flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def failure(log: Any) -> AuditFailure:
    with pytest.raises(AuditFailure) as failure:
        audit_store(log)
    return failure.value


def test_a_log_that_is_right(store: Store) -> None:
    report = audit_store(store.log)
    assert (report.origin, report.blocks, report.entries) == ("tally.test/log", 5, 4_100)
    assert report.statements == 4_095
    assert report == audit(StoreReader(store.log), store.log.vkey)


def old_tails(store: Store) -> list[str]:
    newest = tail_key(store.desk.head().block.size)
    return [key for key in store.work if key.startswith("index/tail/") and key != newest]


def test_a_log_whose_older_tails_have_expired(store: Store) -> None:
    expired = old_tails(store)
    assert len(expired) == 4
    for key in expired:
        del store.work[key]
    assert audit_store(store.log).blocks == 5
    newest = tail_key(store.desk.head().block.size)
    assert newest is not None
    del store.work[newest]
    assert failure(store.log).where == newest


def test_a_log_of_no_block() -> None:
    desk = Desk()
    report = audit_store(desk.log)
    assert (report.blocks, report.entries) == (0, 0)
    assert audit(StoreReader(desk.log), desk.log.vkey) == report


def test_a_log_that_was_never_created() -> None:
    assert failure(memory_log()).what == "the log was never created"


KEYS = sorted(
    [("tiles", key) for key in original().log.tiles.data]  # type: ignore[attr-defined]
    + [("work", key) for key in original().log.work.data]  # type: ignore[attr-defined]
)


@pytest.mark.parametrize(("bucket", "key"), KEYS, ids=lambda each: str(each)[:50])
@pytest.mark.parametrize("damage", ["first byte", "last byte", "gone"])
def test_any_object_with_a_flipped_byte_or_gone(
    store: Store, bucket: str, key: str, damage: str
) -> None:
    objects = getattr(store, bucket)
    if damage == "gone":
        may_expire = key.startswith("staging/") or key in old_tails(store)
        del objects[key]
        if may_expire:
            audit_store(store.log)  # of an applied block, or of an older one, it may expire
            return
    else:
        objects[key] = flipped(objects[key], 0 if damage == "first byte" else -1)
    failed = failure(store.log)
    if not key.startswith("tile/entries/"):
        assert key in failed.where
        return
    number = int(re.sub(r"\.p/.*", "", key.removeprefix("tile/entries/")))
    entries = range(256 * number, 256 * number + 256)
    named = re.fullmatch(r"entry (\d+)", failed.where)
    assert failed.where == key or (named and int(named[1]) in entries)


CASES: dict[str, tuple[Callable[[Store], object], str, str]] = {
    "checkpoint-of-an-older-block": (
        lambda s: s.tiles.update({CHECKPOINT: s.rows[4].checkpoint}),
        "checkpoint",
        "the newest published block",
    ),
    "row-gone": (lambda s: s.rows.__delitem__(5), "block 5", "the block is missing"),
    "row-height": (lambda s: s.block(3, height=4), "block 3", "the height"),
    "row-origin": (lambda s: s.block(3, origin="other"), "block 3", "the origin"),
    "row-previous": (
        lambda s: s.block(3, previous=Hash(bytes(32))),
        "block 3",
        "the previous block hash",
    ),
    "row-time": (
        lambda s: s.block(3, timestamp_ms=s.rows[3].block.timestamp_ms + 1),
        "entry 205",
        "the link entry",
    ),
    "row-time-went-back": (
        lambda s: s.block(3, timestamp_ms=s.rows[2].block.timestamp_ms - 1),
        "block 3",
        "the time went back",
    ),
    "row-size-not-more": (
        lambda s: s.block(3, size=s.rows[2].block.size),
        "block 3",
        "the size",
    ),
    "row-size": (
        lambda s: s.block(2, size=s.rows[2].block.size + 1),
        "tile/entries/000.p/206",
        "the bundle is missing",
    ),
    "row-root": (lambda s: s.block(3, root=Hash(bytes(32))), "block 3", "the root hash"),
    "row-signature": (
        lambda s: s.row(3, signature=flipped(s.rows[3].signature)),
        "block 3",
        "the block signature",
    ),
    "row-signature-of-another-block": (
        lambda s: s.row(3, signature=s.rows[4].signature),
        "block 3",
        "the block signature",
    ),
    "row-checkpoint": (
        lambda s: s.row(3, checkpoint=flipped(s.rows[3].checkpoint, 20)),
        "block 3, checkpoint",
        "not a checkpoint of this log",
    ),
    "row-checkpoint-of-another-block": (
        lambda s: s.row(3, checkpoint=s.rows[4].checkpoint),
        "block 3",
        "the checkpoint",
    ),
    "row-not-applied": (lambda s: s.row(3, applied=False), "block 3", "a block after it"),
    "genesis": (lambda s: s.block(0, timestamp_ms=1), "block 0", "the first block"),
    "genesis-and-all-rows-but-the-head-gone": (
        lambda s: s.rows.__setitem__(slice(0, 5), []),
        "block 0",
        "the first block",
    ),
    "job-gone": (lambda s: s.log.jobs.rows.clear(), "jobs/", "the job's placements"),
    "job-placement-gone": (
        lambda s: s.change_job(placements=s.job.placements[1:]),
        "jobs/",
        "the job's placements",
    ),
    "job-placement-of-another-block": (
        lambda s: s.change_job(
            placements=(replace(s.job.placements[0], height=3), *s.job.placements[1:])
        ),
        "jobs/",
        "the job's placements",
    ),
    "item-at-another-index": (
        lambda s: s.restage(2, lambda plan: place(plan, 0, 7)),
        "item 0",
        "the item is not at its index",
    ),
    "item-beyond-the-log": (
        lambda s: s.restage(2, lambda plan: place(plan, 0, 5_000)),
        "item 0",
        "the item is not at its index",
    ),
    "item-refused-without-a-rival": (
        lambda s: s.restage(5, lambda plan: refuse_stranger(s, plan)),
        "item 0",
        "a refused item",
    ),
    "staging-of-another-block": (
        lambda s: s.row(3, staging=s.rows[4].staging),
        "staging/4-",
        "the staged header",
    ),
    "staged-object-changed": (
        lambda s: s.restage(3, change_tile),
        "tile/",
        "the object",
    ),
    "pending-though-in-the-log": (
        lambda s: s.log.pending.add(single(registered(1))),
        "pending ",
        "it is in the log, but still pending",
    ),
    "pending-job-though-in-the-log": (
        lambda s: s.log.pending.add(Bulk(s.job.id)),
        "pending ",
        "it is in the log, but still pending",
    ),
    "pending-under-another-id": (
        lambda s: s.log.pending.add(Single("0" * 64, registered(9_999), None)),
        "pending 0000",
        "the id of its entry",
    ),
    "pending-no-statement": (
        lambda s: s.log.pending.add(single(b"\xd2\x84")),
        "pending ",
        "its entry",
    ),
    "pending-without-a-job": (
        lambda s: s.log.pending.add(Bulk("none")),
        "pending none",
        "its job is missing",
    ),
    "pending-job-that-failed": (
        lambda s: pending_job_that_failed(s),
        "pending ",
        "the state of its job",
    ),
    "pending-job-without-items": (
        lambda s: pending_job_without_items(s),
        "pending ",
        "its accepted items are missing",
    ),
}


def single(entry: bytes) -> Single:
    return Single(entry_id(entry).hex(), entry, None)


def place(plan: Plan, item: int, index: int) -> None:
    at = next(n for n, each in enumerate(plan.objects) if "/placed/" in each.key)
    data = bytearray(plan.objects[at].data)
    data[8 * item : 8 * item + 8] = pack(">Q", index)
    plan.objects[at] = plan.objects[at]._replace(data=bytes(data))


def refuse_stranger(store: Store, plan: Plan) -> None:
    """A job's item is refused, but no register of its lineage is in the log."""
    job = store.desk.submit_bulk([registered(9_000)])
    store.log.pending.remove([job.id])
    store.log.jobs.rows[job.id] = replace(job, placements=(Placement(0, 1, 5),))
    plan.objects.append(StoredObject("work", f"jobs/{job.id}/placed/0", pack(">Q", REFUSED)))


def change_tile(plan: Plan) -> None:
    at = next(n for n, each in enumerate(plan.objects) if each.key.startswith("tile/0/"))
    plan.objects[at] = plan.objects[at]._replace(data=flipped(plan.objects[at].data))


def pending_job_that_failed(store: Store) -> None:
    store.change_job(state="failed")
    store.log.pending.add(Bulk(store.job.id))


def pending_job_without_items(store: Store) -> None:
    job = store.desk.submit_bulk([registered(9_000)])
    del store.work[accepted_key(job.id)]


@pytest.mark.parametrize("name", CASES)
def test_of_any_damage_the_first_is_named(store: Store, name: str) -> None:
    damage, where, what = CASES[name]
    damage(store)
    failed = failure(store.log)
    assert failed.where.startswith(where) or where in failed.where
    assert failed.what == what
    assert failed.expected != failed.found


def test_a_staged_object_that_is_not_what_was_written(store: Store) -> None:
    tile = store.tiles.copy()
    store.restage(3, change_tile)
    store.tiles.update(tile)
    failed = failure(store.log)
    assert failed.what == "a staged object"
    assert failed.where.startswith("tile/0/")


def test_a_placed_object_that_is_not_what_was_staged(store: Store) -> None:
    key = f"jobs/{store.job.id}/placed/0"
    store.work[key] = flipped(store.work[key])
    assert failure(store.log).where == key


def test_where_bytes_differ_is_told(store: Store) -> None:
    store.tiles["tile/0/000"] = flipped(store.tiles["tile/0/000"], 100)
    failed = failure(store.log)
    assert failed.where == "tile/0/000"
    assert "which differs from byte 100 on" in failed.expected
    assert str(failed).startswith("tile/0/000: the object: expected 8192 bytes")


def test_bytes_that_are_missing_at_the_end(store: Store) -> None:
    store.tiles["tile/0/000"] = store.tiles["tile/0/000"][:-32]
    assert "differs from byte 8160 on" in failure(store.log).expected


def test_an_entry_that_is_not_that_of_its_leaf_hash_is_named(store: Store) -> None:
    bundle = store.tiles["tile/entries/003"]
    at = 2 + 150  # within the first entry of the bundle
    store.tiles["tile/entries/003"] = flipped(bundle, at)
    assert failure(store.log).where == "entry 768"


def test_without_its_leaf_tile_a_changed_entry_is_still_found(store: Store) -> None:
    store.tiles["tile/entries/003"] = flipped(store.tiles["tile/entries/003"], -1)
    del store.tiles["tile/0/003"]
    assert failure(store.log).what == "the leaf hash of the entry"


class TestForgery:
    """Logs whose every hash and signature is right, but which no honest notary would make."""

    def test_an_entry_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        desk.log.pending.add(single(registered(1)))
        with monkeypatch.context() as patch:
            patch.setattr(sequence, "find", lambda *_: {})
            desk.step()
        failed = failure(desk.log)
        assert (failed.where, failed.what) == ("entry 3", "the entry is in the log twice")

    def test_a_sub_twice(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        desk.log.pending.add(single(registered(2, sub=1)))
        desk.step()
        failed = failure(desk.log)
        assert (failed.where, failed.what) == ("entry 3", "the sub is registered twice")

    @pytest.mark.parametrize(
        "entry",
        [revoked(registered(2), 2), revoked(registered(1), 2)],
        ids=["target-not-there", "target-of-another-sub"],
    )
    def test_a_target_that_is_none(self, entry: bytes) -> None:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        desk.log.pending.add(single(entry))
        desk.step()
        failed = failure(desk.log)
        assert (failed.where, failed.what) == ("entry 3", "the target")

    def test_an_entry_that_is_no_statement(self) -> None:
        desk = Desk()
        desk.log.pending.add(single(b"\xd2\x84\xff"))
        desk.step()
        failed = failure(desk.log)
        assert (failed.where, failed.what) == ("entry 1", "not a statement")

    @pytest.mark.parametrize(
        "change",
        [{"height": 3}, {"previous": Hash(bytes(32))}, {"timestamp_ms": 1}],
        ids=["height", "previous", "time"],
    )
    def test_a_link_that_is_not_the_blocks(
        self, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
    ) -> None:
        desk = Desk()
        desk.submit(registered(1))
        with monkeypatch.context() as patch:
            forged = lambda link: format_link(replace(link, **change))  # noqa: E731
            patch.setattr(batch, "format_link", forged)
            desk.step()
        failed = failure(desk.log)
        assert (failed.where, failed.what) == ("entry 0", "the link entry")

    def test_a_register_left_out_of_the_index(self) -> None:
        desk = Desk()
        desk.log.pending.add(single(registered(1)))  # without its lineage key
        desk.step()
        assert failure(desk.log).where == "index/tail/2"

    def test_a_checkpoint_of_another_key(self, store: Store) -> None:
        other = memory_log("tally.test/other")
        with pytest.raises(AuditFailure, match="not a checkpoint of this log"):
            audit(StoreReader(store.log), other.vkey)

    def test_a_signed_checkpoint_of_no_block(self, store: Store) -> None:
        checkpoint = Checkpoint(store.log.origin, 4_099, Hash(bytes(32)))
        signature = store.log.signer.sign(format_checkpoint_text(checkpoint))
        note = format_signed_checkpoint(checkpoint, store.log.vkey, signature)
        store.tiles[CHECKPOINT] = note
        assert failure(store.log).what == "the checkpoint is that of no block"

    def test_a_signed_checkpoint_of_another_origin(self, store: Store) -> None:
        text = format_checkpoint_text(Checkpoint("other", 4_100, store.rows[5].block.root))
        key = store.log.vkey
        line = NoteSignature(key.name, key.key_id, store.log.signer.sign(text))
        store.tiles[CHECKPOINT] = format_note(Note(text, (line,)))
        assert failure(store.log).what == "the origin of the checkpoint"


@dataclass(frozen=True)
class Listed(StoreReader):
    """What the service lists: blocks that can be read, and here none above ``upto``."""

    upto: int = 99

    def row(self, height: int) -> Row | None:
        row = self.log.chain.row(height)
        return row if row is not None and row.checkpoint and height <= self.upto else None


class TestUnfinished:
    """While a block is committed and not yet applied, all before it is checked."""

    def unfinished(self, kind: str) -> Desk:
        desk = Desk()
        desk.submit(registered(1))
        desk.drain()
        desk.submit(registered(2))
        job = desk.submit_bulk([registered(3)])
        assert job.state == "integrating"
        return unfinished(desk, kind)

    @pytest.mark.parametrize(
        ("kind", "blocks"),
        [("chain.commit", 1), ("tiles.create", 1), ("tiles.swap", 2), ("chain.seal", 2)],
    )
    def test_it_is_no_failure(self, kind: str, blocks: int) -> None:
        desk = self.unfinished(kind)
        assert audit_store(desk.log).blocks == blocks
        desk.drain()
        assert audit_store(desk.log).blocks == 2

    def test_a_block_that_is_published_and_not_yet_readable(self) -> None:
        """All of it is checked but the block signature, and the report says so."""
        desk = self.unfinished("tiles.swap")
        assert not audit_store(desk.log).sealed
        for reader in (StoreReader(desk.log), Listed(desk.log)):
            report = audit(reader, desk.log.vkey)
            assert (report.blocks, report.statements, report.sealed) == (2, 3, False)
            assert report.root == desk.head().block.root
            assert report.timestamp_ms == desk.head().block.timestamp_ms
        desk.drain()
        assert audit_store(desk.log).sealed
        assert audit(Listed(desk.log), desk.log.vkey).sealed

    @pytest.mark.parametrize("key", ["tile/0/000.p/5", "tile/entries/000.p/5"])
    @pytest.mark.parametrize("at", [0, 40, -1])
    def test_and_any_damage_of_it_is_found_before_it_is_listed(self, key: str, at: int) -> None:
        desk = self.unfinished("tiles.swap")
        tiles: dict[str, bytes] = desk.log.tiles.data  # type: ignore[attr-defined]
        tiles[key] = flipped(tiles[key], at)
        with pytest.raises(AuditFailure):
            audit(Listed(desk.log), desk.log.vkey)
        failure(desk.log)

    def test_a_sealed_block_is_published(self) -> None:
        desk = self.unfinished("chain.seal")
        rows: list[Row] = desk.log.chain.rows  # type: ignore[attr-defined]
        desk.log.tiles.data[CHECKPOINT] = rows[1].checkpoint  # type: ignore[attr-defined]
        assert failure(desk.log).what == "the newest published block"

    def test_only_the_newest_block_may_be_without_signatures(self) -> None:
        desk = self.unfinished("tiles.swap")
        rows: list[Row] = desk.log.chain.rows  # type: ignore[attr-defined]
        rows[1] = replace(rows[1], checkpoint=b"", signature=b"", applied=False)
        assert failure(desk.log).where == "block 1, checkpoint"
        rows[1] = replace(rows[1], applied=True)
        assert failure(desk.log).where == "block 1, checkpoint"

    def test_an_applied_block_has_its_signatures(self, store: Store) -> None:
        store.row(5, checkpoint=b"", signature=b"")
        assert failure(store.log).where == "block 5, checkpoint"

    def test_no_two_blocks_may_be_hidden(self, store: Store) -> None:
        hidden = Listed(store.log, upto=3)
        with pytest.raises(AuditFailure) as failed:
            audit(hidden, store.log.vkey)
        assert (failed.value.where, failed.value.what) == ("block 4", "the block is missing")
        one = audit(Listed(store.log, upto=4), store.log.vkey)
        assert (one.blocks, one.sealed) == (5, False)

    def test_a_block_without_a_link_is_none(self) -> None:
        desk = self.unfinished("tiles.swap")
        tiles: dict[str, bytes] = desk.log.tiles.data  # type: ignore[attr-defined]
        entries = parse_bundle(tiles["tile/entries/000.p/5"], 5)
        assert parse_link(entries[2]).height == 2
        tiles["tile/entries/000.p/5"] = format_bundle([*entries[:2], *entries[1:2], *entries[3:]])
        with pytest.raises(AuditFailure, match="the block is missing"):
            audit(Listed(desk.log), desk.log.vkey)

    @pytest.mark.parametrize("damage", ["gone", "flipped"])
    def test_but_its_staging_must_be_there(self, damage: str) -> None:
        desk = self.unfinished("chain.commit")
        work: dict[str, bytes] = desk.log.work.data  # type: ignore[attr-defined]
        key = desk.head().staging
        if damage == "gone":
            del work[key]
        else:
            work[key] = flipped(work[key])
        failed = failure(desk.log)
        assert (failed.where, failed.what) == (key, "an unfinished block")

    def test_and_be_its_own(self) -> None:
        desk = self.unfinished("chain.commit")
        rows: list[Row] = desk.log.chain.rows  # type: ignore[attr-defined]
        rows[2] = replace(rows[2], staging=rows[1].staging)
        assert failure(desk.log).what == "the staged header"

    def test_a_first_block_that_is_not_yet_published(self) -> None:
        desk = Desk()
        desk.submit(registered(1))
        unfinished(desk, "chain.commit")
        assert audit_store(desk.log).blocks == 0


def test_a_refused_item_with_its_rival_in_the_log_is_right() -> None:
    desk = Desk()
    job = desk.submit_bulk([registered(1), registered(2)])
    desk.log.pending.remove([job.id])
    rival = registered(20, sub=1)
    desk.log.pending.add(Single(entry_id(rival).hex(), rival, lineage_key(sub_of(1))))
    desk.drain()
    desk.log.pending.add(Bulk(job.id))
    desk.drain()
    assert audit_store(desk.log).statements == 2
