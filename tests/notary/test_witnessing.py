"""Tally as a witness: what it cosigns, what it refuses, and what it remembers whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notary.limits import COSIGN_REPEAT_S, COSIGN_SKEW_S
from chalicelib.notary.ports import Busy, Conflict, OutcomeUnknown
from chalicelib.notary.refused import Refused
from chalicelib.notary.witnessing import (
    SizeConflict,
    WitnessedLog,
    WitnessService,
    add_checkpoint,
    know_log,
)
from chalicelib.proof.checkpoint import Checkpoint, format_checkpoint_text
from chalicelib.proof.errors import Malformed
from chalicelib.proof.hashes import EMPTY_ROOT, Hash, leaf_hash
from chalicelib.proof.keys import SigningKey
from chalicelib.proof.merkle import prove_consistency, root_of
from chalicelib.proof.note import (
    Cosignature,
    Note,
    NoteSignature,
    WrongSignature,
    cosignature_message,
    cosignature_vkey,
    ed25519_vkey,
    format_cosignature,
    format_vkey,
    parse_cosignature,
    parse_signatures,
    verify_note,
)
from chalicelib.proof.tlogwitness import AddCheckpoint, format_add_checkpoint
from tests.fakes import (
    START_MS,
    Fault,
    Lost,
    MemoryWitnessStates,
    Tapped,
    key_named,
    memory_witness,
)

ORIGIN = "log.example/a"
NOW_S = START_MS // 1000
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(40)]
FORKED = [*LEAVES[:5], *(leaf_hash(b"other %d" % number) for number in range(5, 40))]


@cache
def key(name: str = ORIGIN) -> SigningKey:
    return key_named(name)


def line(checkpoint: Checkpoint, signer: SigningKey, name: str = ORIGIN) -> NoteSignature:
    vkey = ed25519_vkey(name, signer.public.x)
    return NoteSignature(name, vkey.key_id, signer.sign(format_checkpoint_text(checkpoint)))


def request(
    old_size: int,
    size: int,
    *,
    leaves: list[Hash] = LEAVES,
    origin: str = ORIGIN,
    root: Hash | None = None,
    path: tuple[Hash, ...] | None = None,
    lines: Callable[[Checkpoint], tuple[NoteSignature, ...]] = lambda it: (line(it, key()),),
) -> AddCheckpoint:
    """A right request of the log, but for what is given otherwise."""
    checkpoint = Checkpoint(origin, size, root_of(leaves[:size]) if root is None else root)
    if path is None:
        path = prove_consistency(leaves[:size], old_size) if old_size <= size else ()
    note = Note(format_checkpoint_text(checkpoint), lines(checkpoint))
    return AddCheckpoint(old_size, path, note)


@dataclass
class House:
    """A witness that knows the log."""

    service: WitnessService = field(default_factory=lambda: memory_witness("witness.test/w"))
    now_s: int = NOW_S

    def __post_init__(self) -> None:
        know_log(self.service.states, format_vkey(ed25519_vkey(ORIGIN, key().public.x)))

    def ask(self, *sizes: int, **otherwise: object) -> bytes:
        return self.send(format_add_checkpoint(request(*sizes, **otherwise)))  # type: ignore[arg-type]

    def send(self, data: bytes) -> bytes:
        service = self.service
        return add_checkpoint(data, service.states, service.signer, service.name, self.now_s)

    def known(self) -> WitnessedLog:
        known = self.service.states.get(ORIGIN)
        assert known is not None
        return known

    def refuses(self, name: str, *sizes: int, **otherwise: object) -> None:
        before = self.known()
        with pytest.raises(Refused) as refused:
            self.ask(*sizes, **otherwise)
        assert refused.value.name == name
        assert self.known() == before, "nothing is remembered of it"


@pytest.fixture
def house() -> House:
    return House()


def cosigned_s(house: House, answer: bytes, size: int, root: Hash | None = None) -> int:
    """The time of the one line, once it is verified for the checkpoint."""
    signatures = parse_signatures(answer)
    text = request(size, size, root=root).note.text
    assert verify_note(Note(text, signatures), [house.service.vkey]) == (house.service.vkey,)
    [signature] = signatures
    return parse_cosignature(signature.signature).timestamp_s


def test_trees_that_grow_are_cosigned_one_after_another(house: House) -> None:
    old = 0
    for size in (0, 1, 5, 6, 40):
        assert cosigned_s(house, house.ask(old, size), size) == NOW_S
        assert (house.known().size, house.known().root) == (size, root_of(LEAVES[:size]))
        old = size
    assert house.known().version == 5


def test_a_first_tree_is_taken_as_it_is(house: House) -> None:
    house.ask(0, 33)
    assert house.known().size == 33


def test_the_same_tree_is_cosigned_again_with_a_newer_time(house: House) -> None:
    house.ask(0, 5)
    house.now_s += COSIGN_REPEAT_S
    assert cosigned_s(house, house.ask(5, 5), 5) == NOW_S + COSIGN_REPEAT_S
    assert house.known().version == 2


def test_who_repeats_a_request_soon_gets_the_same_line_for_nothing(house: House) -> None:
    first = house.ask(0, 5)
    house.now_s += COSIGN_REPEAT_S - 1

    class Gone:
        public = house.service.signer.public

        def sign(self, message: bytes) -> bytes:
            raise AssertionError("a signature costs a request to KMS")

    house.service = replace(house.service, signer=Gone())
    assert house.ask(5, 5) == first
    assert house.known().version == 1


class TestRefusals:
    def test_an_unknown_log(self, house: House) -> None:
        house.refuses("unknown-log", 0, 5, origin="log.example/b")

    def test_a_checkpoint_that_is_not_signed_by_the_log(self, house: House) -> None:
        house.refuses("not-signed-by-log", 0, 5, lines=lambda it: (line(it, key("other")),))
        stranger = lambda it: (line(it, key("other"), "other"),)  # noqa: E731
        house.refuses("not-signed-by-log", 0, 5, lines=stranger)

    def test_a_line_of_the_log_s_key_that_does_not_verify(self, house: House) -> None:
        def bad(it: Checkpoint) -> tuple[NoteSignature, ...]:
            return (line(it, key())._replace(signature=bytes(64)),)

        house.refuses("not-signed-by-log", 0, 5, lines=bad)
        house.refuses("not-signed-by-log", 0, 5, lines=lambda it: (line(it, key()), *bad(it)))

    def test_a_signature_of_another_checkpoint(self, house: House) -> None:
        other = Checkpoint(ORIGIN, 6, root_of(LEAVES[:6]))
        house.refuses("not-signed-by-log", 0, 5, lines=lambda _: (line(other, key()),))

    def test_an_old_size_larger_than_the_checkpoint(self, house: House) -> None:
        house.ask(0, 7)
        house.refuses("malformed-checkpoint", 7, 5)

    @pytest.mark.parametrize("old_size", [0, 4, 6])
    def test_an_old_size_that_is_not_the_remembered_one(self, house: House, old_size: int) -> None:
        house.ask(0, 5)
        before = house.known()
        with pytest.raises(SizeConflict) as conflict:
            house.ask(old_size, 9)
        assert conflict.value.size == 5
        assert house.known() == before

    def test_a_stranger_learns_no_size(self, house: House) -> None:
        house.ask(0, 5)
        house.refuses("not-signed-by-log", 0, 9, lines=lambda it: (line(it, key("other")),))

    def test_a_fork(self, house: House) -> None:
        house.ask(0, 7)
        house.refuses("inconsistent-checkpoint", 7, 9, leaves=FORKED)

    def test_another_root_of_the_same_size(self, house: House) -> None:
        house.ask(0, 7)
        house.refuses("inconsistent-checkpoint", 7, 7, leaves=FORKED)

    def test_a_smaller_tree(self, house: House) -> None:
        house.ask(0, 7)
        with pytest.raises(SizeConflict):
            house.ask(5, 5)

    @pytest.mark.parametrize("change", ["short", "long", "swapped", "flipped"])
    def test_a_path_that_does_not_lead_there(self, house: House, change: str) -> None:
        house.ask(0, 7)
        path = list(prove_consistency(LEAVES[:9], 7))
        match change:
            case "short":
                path.pop()
            case "long":
                path.append(LEAVES[0])
            case "swapped":
                path[:2] = path[1::-1]
            case _:
                path[0] = Hash(bytes([path[0][0] ^ 1]) + path[0][1:])
        house.refuses("inconsistent-checkpoint", 7, 9, path=tuple(path))

    def test_a_path_where_none_belongs(self, house: House) -> None:
        house.refuses("inconsistent-checkpoint", 0, 5, path=(LEAVES[0],))
        house.ask(0, 5)
        house.refuses("inconsistent-checkpoint", 5, 5, path=(LEAVES[0],))

    def test_an_empty_tree_with_another_root(self, house: House) -> None:
        assert root_of([]) == EMPTY_ROOT
        house.refuses("inconsistent-checkpoint", 0, 0, root=LEAVES[0])

    @pytest.mark.parametrize(
        "text", [f"{ORIGIN}\n5\n", f"{ORIGIN}\n05\n{'A' * 43}=\n", f"{ORIGIN}\n5\n{'A' * 43}=\nx\n"]
    )
    def test_a_note_that_is_no_checkpoint(self, house: House, text: str) -> None:
        note = request(0, 5).note._replace(text=text.encode())
        with pytest.raises(Refused, match="malformed-checkpoint"):
            house.send(format_add_checkpoint(AddCheckpoint(0, (), note)))


def test_lines_of_others_are_ignored(house: House) -> None:
    """Another witness's cosignature, and even a false one of our own."""
    own = house.service.vkey
    extra = (
        NoteSignature("witness.test/x", b"abcd", bytes(72)),
        NoteSignature(own.name, own.key_id, bytes(72)),
    )
    answer = house.ask(0, 5, lines=lambda it: (*extra, line(it, key())))
    assert cosigned_s(house, answer, 5) == NOW_S


def test_a_log_may_have_several_keys(house: House) -> None:
    newer = ed25519_vkey(ORIGIN, key("newer").public.x)
    house.ask(0, 5)
    before = house.known()
    assert know_log(house.service.states, format_vkey(newer)).keys != before.keys
    assert replace(house.known(), keys=before.keys) == before, "what is remembered stays"
    house.ask(5, 6, lines=lambda it: (line(it, key("newer")),))
    house.ask(6, 7)


def test_a_log_whose_key_makes_cosignatures(house: House) -> None:
    """As some logs sign their own checkpoints."""
    signer = key("cosigning")
    vkey = cosignature_vkey("log.example/c", signer.public.x)
    know_log(house.service.states, format_vkey(vkey))

    def lines(it: Checkpoint) -> tuple[NoteSignature, ...]:
        signature = signer.sign(cosignature_message(format_checkpoint_text(it), 1))
        raw = format_cosignature(Cosignature(1, signature))
        return (NoteSignature(vkey.name, vkey.key_id, raw),)

    house.ask(0, 5, origin="log.example/c", lines=lines)


def test_a_key_that_cannot_be_checked_is_not_known(house: House) -> None:
    with pytest.raises(Malformed, match="type 2"):
        know_log(house.service.states, "log.example/d+00000000+Ag==")
    with pytest.raises(Malformed):
        know_log(house.service.states, "log.example/d")


class TestTime:
    def test_it_never_goes_back(self, house: House) -> None:
        house.ask(0, 5)
        house.now_s -= COSIGN_SKEW_S
        assert cosigned_s(house, house.ask(5, 6), 6) == NOW_S

    def test_a_clock_that_went_back_cosigns_nothing(self, house: House) -> None:
        house.ask(0, 5)
        house.now_s -= COSIGN_SKEW_S + 1
        before = house.known()
        with pytest.raises(Busy, match="our clock is 6 s behind"):
            house.ask(5, 6)
        assert house.known() == before


class Racing:
    """States in which somebody else is faster, ``times`` times."""

    def __init__(
        self, states: MemoryWitnessStates, other: Callable[[], object], times: int
    ) -> None:
        self.states, self.other, self.times = states, other, times

    def get(self, origin: str) -> WitnessedLog | None:
        return self.states.get(origin)

    def logs(self) -> list[WitnessedLog]:
        return self.states.logs()

    def put_log(self, origin: str, key: object) -> None:
        raise AssertionError

    def advance(self, new: WitnessedLog) -> None:
        if self.times:
            self.times -= 1
            self.other()
        self.states.advance(new)


class TestRaces:
    def racing(self, house: House, other: Callable[[], object], times: int = 1) -> House:
        states = cast(MemoryWitnessStates, house.service.states)
        slow = House.__new__(House)
        slow.service = replace(house.service, states=Racing(states, other, times))
        slow.now_s = house.now_s
        return slow

    def test_of_two_forks_at_once_one_is_cosigned(self, house: House) -> None:
        house.ask(0, 5)
        slow = self.racing(house, lambda: house.ask(5, 9))
        with pytest.raises(SizeConflict) as conflict:
            slow.ask(5, 9, leaves=FORKED)
        assert conflict.value.size == 9
        assert house.known().root == root_of(LEAVES[:9])

    def test_a_slower_request_never_takes_the_log_back(self, house: House) -> None:
        house.ask(0, 5)
        slow = self.racing(house, lambda: house.ask(5, 30))
        with pytest.raises(SizeConflict) as conflict:
            slow.ask(5, 9)
        assert conflict.value.size == 30
        assert house.known().size == 30

    def test_of_two_equal_repeats_both_are_answered(self, house: House) -> None:
        house.ask(0, 5)
        house.now_s += COSIGN_REPEAT_S
        slow = self.racing(house, lambda: house.ask(5, 5))
        assert slow.ask(5, 5) == house.known().line
        assert house.known().version == 2

    def test_who_always_loses_is_told_to_come_again(self, house: House) -> None:
        house.ask(0, 5)

        def other() -> None:
            house.now_s += COSIGN_REPEAT_S
            house.ask(5, 5)

        slow = self.racing(house, other, times=100)
        slow.now_s += 10_000
        with pytest.raises(Busy):
            slow.ask(5, 5)

    @pytest.mark.parametrize("kind", ["lost", "unknown-lost", "unknown-done"])
    def test_a_write_that_fails_gives_no_cosignature_and_the_log_asks_again(
        self, house: House, kind: str
    ) -> None:
        house.ask(0, 5)
        faulty = House.__new__(House)
        states = Tapped("states", house.service.states, Fault(kind, at=0))
        faulty.service, faulty.now_s = replace(house.service, states=states), NOW_S
        with pytest.raises((Lost, OutcomeUnknown)):
            faulty.ask(5, 9)
        try:
            answer = faulty.ask(5, 9)
        except SizeConflict as conflict:
            answer = faulty.ask(conflict.size, 9)
        assert cosigned_s(house, answer, 9) == NOW_S
        assert house.known().size == 9


def test_a_witness_whose_key_signs_wrongly_answers_nothing(house: House) -> None:
    class Broken:
        public = house.service.signer.public

        def sign(self, message: bytes) -> bytes:
            return bytes(64)

    good, house.service = house.service, replace(house.service, signer=Broken())
    with pytest.raises(WrongSignature, match="does not verify"):
        house.ask(0, 5)
    house.service = good
    assert house.known().version == 0


def test_what_is_remembered_moves_only_from_the_version_before(house: House) -> None:
    house.ask(0, 5)
    with pytest.raises(Conflict):
        house.service.states.advance(house.known())


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_refused(data: bytes) -> None:
    house = House()
    for each in (data, b"old 0\n\n" + data):
        with suppress(Refused, SizeConflict):
            house.send(each)


GOOD = format_add_checkpoint(request(0, 5))


@given(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(max_size=3))
def test_no_mutation_has_anything_else_cosigned(at: int, cut: int, put: bytes) -> None:
    house = House()
    with suppress(Refused, SizeConflict):
        house.send(GOOD[:at] + put + GOOD[at + cut :])
    assert house.known().root in (EMPTY_ROOT, root_of(LEAVES[:5]))


@given(st.lists(st.tuples(st.sampled_from([LEAVES, FORKED]), st.integers(0, 40)), max_size=12))
def test_all_that_is_ever_cosigned_is_one_history(asked: list[tuple[list[Hash], int]]) -> None:
    """A log that shows now one tree and now another, each time with the best proof it has."""
    house, cosigned = House(), []
    for leaves, size in asked:
        with suppress(Refused, SizeConflict):
            house.ask(house.known().size, size, leaves=leaves)
            cosigned.append((size, root_of(leaves[:size])))
    assert [size for size, _ in cosigned] == sorted(size for size, _ in cosigned)
    histories = [
        [(size, root_of(leaves[:size])) for size, _ in cosigned] for leaves in (LEAVES, FORKED)
    ]
    assert cosigned in histories
