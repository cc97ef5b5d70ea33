"""Planning a batch: what is held, where, and what becomes of every submission."""

from __future__ import annotations

from struct import unpack

import pytest

from chalicelib.notary.batch import (
    REFUSED,
    SUB_NOT_NEW,
    Plan,
    Portion,
    RightEdge,
    Singles,
    Taken,
    item_ids,
    plan_batch,
    plan_block,
    wanted_keys,
)
from chalicelib.notary.index import KEY_BYTES, lineage_key
from chalicelib.notary.ports import JobMove
from chalicelib.proof.block import GENESIS, Link, format_link
from chalicelib.proof.hashes import leaf_hash
from chalicelib.proof.merkle import root_of
from chalicelib.proof.tiles import parse_bundle

EMPTY = RightEdge([], (), b"")
START = GENESIS("tally.test/log")
LINK = format_link(Link(1, START.hash, 7))


def entries_of(*numbers: int) -> list[bytes]:
    return [b"entry %d" % number for number in numbers]


def singles(*numbers: int, subs: dict[int, str] | None = None) -> Singles:
    entries = entries_of(*numbers)
    ids = item_ids(entries)
    lineages = [lineage_key(subs[n]) if subs and n in subs else None for n in numbers]
    return Singles([each.hex() for each in ids], entries, ids, lineages)


def portion(*numbers: int, first: int = 0, accepted: int | None = None) -> Portion:
    entries = entries_of(*numbers)
    last = first + len(entries)
    none = [None] * len(entries)
    return Portion("job", entries, item_ids(entries), none, first, accepted or last)


def plan(*parts: Singles | Portion, known: dict[bytes, int] | None = None) -> Plan:
    return plan_batch(START, EMPTY, Taken(list(parts)), known or {}, 7)


def stored(planned: Plan) -> dict[str, bytes]:
    return {each.key: each.data for each in planned.objects}


def held(planned: Plan) -> tuple[bytes, ...]:
    size = planned.block.size
    return parse_bundle(stored(planned)[f"tile/entries/000.p/{size}"], size)


def placed(planned: Plan, first: int = 0) -> list[int]:
    data = stored(planned)[f"jobs/job/placed/{first}"]
    return list(unpack(f">{len(data) // 8}Q", data))


def test_a_batch_is_its_link_and_then_the_entries_in_their_order() -> None:
    planned = plan(singles(2, 1), portion(3))
    assert held(planned) == (LINK, *entries_of(2, 1, 3))
    assert planned.block.root == root_of([leaf_hash(entry) for entry in held(planned)])
    assert (planned.block.height, planned.block.previous) == (1, START.hash)
    assert (planned.block.size, planned.block.timestamp_ms, planned.entries) == (4, 7, 3)


def test_the_same_input_gives_the_same_plan() -> None:
    assert plan(singles(1), portion(2)) == plan(singles(1), portion(2))


def test_nothing_taken_gives_the_link_alone() -> None:
    planned = plan()
    assert held(planned) == (LINK,)
    assert planned.entries == 0


def test_a_single_is_done_once_it_is_held() -> None:
    part = singles(1, 2)
    assert plan(part).done == list(part.submissions)


def test_an_entry_that_the_log_holds_is_done_and_not_held_again() -> None:
    part = singles(1, 2)
    planned = plan(part, known={part.ids[0][:KEY_BYTES]: 5})
    assert held(planned) == (LINK, *entries_of(2))
    assert planned.done == list(part.submissions)


def test_an_entry_twice_in_a_batch_is_held_once_and_placed_twice() -> None:
    planned = plan(singles(1), portion(2, 1, 2, 3))
    assert held(planned) == (LINK, *entries_of(1, 2, 3))
    assert placed(planned) == [2, 1, 2, 3]


def test_an_item_that_the_log_holds_is_placed_there() -> None:
    part = portion(1, 2)
    assert placed(plan(part, known={part.ids[1][:KEY_BYTES]: 77})) == [1, 77]


def test_a_second_register_of_a_lineage_is_set_aside() -> None:
    part = singles(1, 2, 3, subs={1: "a", 2: "a", 3: "b"})
    planned = plan(part)
    assert held(planned) == (LINK, *entries_of(1, 3))
    assert planned.poison == [(part.submissions[1], SUB_NOT_NEW)]
    assert planned.done == [part.submissions[0], part.submissions[2]]


def test_a_register_of_a_lineage_in_the_log_is_set_aside() -> None:
    part = singles(1, subs={1: "a"})
    planned = plan(part, known={lineage_key("a")[:KEY_BYTES]: 3})
    assert held(planned) == (LINK,)
    assert planned.poison == [(part.submissions[0], SUB_NOT_NEW)]


def test_the_same_register_again_is_no_conflict_with_itself() -> None:
    part = singles(1, subs={1: "a"})
    known = {part.ids[0][:KEY_BYTES]: 3, lineage_key("a")[:KEY_BYTES]: 3}
    planned = plan(part, known=known)
    assert (planned.done, planned.poison) == (list(part.submissions), [])


def test_an_item_of_a_lineage_in_the_batch_is_refused_in_its_place() -> None:
    job = portion(2, 3)._replace(lineages=[lineage_key("a"), None])
    planned = plan(singles(1, subs={1: "a"}), job)
    assert placed(planned) == [REFUSED, 2]
    assert "job" in planned.done


def test_a_job_that_goes_on_in_later_batches_stays_pending() -> None:
    planned = plan(portion(1, 2, first=10, accepted=20))
    assert planned.moves == [JobMove("job", 10, 12, 1)]
    assert planned.done == []
    assert placed(planned, first=10) == [1, 2]


def test_a_job_is_done_with_its_last_item() -> None:
    planned = plan(portion(1, 2, first=18, accepted=20))
    assert planned.moves == [JobMove("job", 18, 20, 1)]
    assert planned.done == ["job"]


def test_a_job_of_known_items_alone_still_moves() -> None:
    part = portion(1)
    planned = plan(part, known={part.ids[0][:KEY_BYTES]: 5})
    assert (planned.entries, planned.moves) == (0, [JobMove("job", 0, 1, 1)])


def test_what_was_done_or_poison_before_stays_so() -> None:
    taken = Taken([], ["done"], [("poison", "why")])
    planned = plan_batch(START, EMPTY, taken, {}, 7)
    assert (planned.done, planned.poison) == (["done"], [("poison", "why")])
    assert taken == Taken([], ["done"], [("poison", "why")])


def test_every_id_and_lineage_is_looked_up() -> None:
    parts: list[Singles | Portion] = [singles(1, 2, subs={2: "a"}), portion(3)]
    ids = item_ids(entries_of(1, 2, 3))
    assert wanted_keys(parts) == [ids[0], ids[1], lineage_key("a"), ids[2]]


@pytest.mark.parametrize("count", [1, 254, 255, 256, 600])
def test_bundles_and_edge_go_on_from_the_block_before(count: int) -> None:
    first = plan_block(START, EMPTY, entries_of(1), item_ids(entries_of(1)), [None], 7)
    more = entries_of(*range(2, count + 2))
    second = plan_block(first.block, first.edge, more, item_ids(more), [None] * count, 8)
    link = format_link(Link(2, first.block.hash, 8))
    whole = [LINK, *entries_of(1), link, *more]
    assert second.block.root == root_of([leaf_hash(entry) for entry in whole])
    assert second.edge.entries == tuple(whole[len(whole) // 256 * 256 :])
    bundles = [each for each in second.objects if each.key.startswith("tile/entries/")]
    assert bundles[0].key.startswith("tile/entries/000")
    sizes = [min(256, len(whole) - at) for at in range(0, len(whole), 256)]
    read = [
        entry
        for each, width in zip(bundles, sizes, strict=True)
        for entry in parse_bundle(each.data, width)
    ]
    assert read == whole
