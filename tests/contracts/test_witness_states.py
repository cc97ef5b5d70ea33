"""``WitnessStates``: what a witness remembers of a log moves one step at a time, and only once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb_witness import DynamoWitnessStates
from chalicelib.notary.ports import Conflict, OutcomeUnknown
from chalicelib.notary.witnessing import WitnessedLog, WitnessStates
from chalicelib.proof.hashes import EMPTY_ROOT, sha256
from chalicelib.proof.limits import TREE_SIZE
from chalicelib.proof.note import VerifierKey, cosignature_vkey, ed25519_vkey

from ..fakes import MemoryWitnessStates, key_named
from .stores import make_places, make_stores
from .wire import Fault, Wire, answer_lost, done_but_reported_failed, failed, request_lost

ORIGIN = "log.example/符"


def vkey(name: str, origin: str = ORIGIN) -> VerifierKey:
    return ed25519_vkey(origin, key_named(name).public.x)


@pytest.fixture(params=["fake", "moto", "local"])
def states(request: pytest.FixtureRequest) -> WitnessStates:
    if request.param == "fake":
        return MemoryWitnessStates()
    clients = request.getfixturevalue(f"{request.param}_clients")
    assert isinstance(clients, Clients)
    return DynamoWitnessStates(clients, make_places(clients).registry)


def grown(known: WitnessedLog, size: int = 5) -> WitnessedLog:
    return replace(
        known,
        size=size,
        root=sha256(b"%d" % size),
        cosigned_s=1_790_000_000 + size,
        line="— witness AAAA\n".encode(),
        version=known.version + 1,
    )


def known(states: WitnessStates, *, origin: str = ORIGIN) -> WitnessedLog:
    states.put_log(origin, vkey("a key", origin))
    found = states.get(origin)
    assert found is not None
    return found


def test_a_stranger_is_none(states: WitnessStates) -> None:
    assert states.get(ORIGIN) is None
    assert states.get("x" * 2_000) is None
    assert states.logs() == []


def test_a_log_is_known_with_the_empty_tree_at_first(states: WitnessStates) -> None:
    first = known(states)
    assert first == WitnessedLog(ORIGIN, (vkey("a key"),), 0, EMPTY_ROOT, 0, b"", 0)


def test_a_tree_comes_back_as_it_was_remembered(states: WitnessStates) -> None:
    first = grown(known(states), size=TREE_SIZE)
    states.advance(first)
    assert states.get(ORIGIN) == first
    second = grown(first)
    states.advance(second)
    assert states.get(ORIGIN) == second


def test_a_further_key_changes_nothing_else(states: WitnessStates) -> None:
    first = grown(known(states))
    states.advance(first)
    other = cosignature_vkey(ORIGIN, key_named("another").public.x)
    states.put_log(ORIGIN, other)
    states.put_log(ORIGIN, other)
    found = states.get(ORIGIN)
    assert found is not None
    assert set(found.keys) == {vkey("a key"), other}
    assert len(found.keys) == 2
    assert replace(found, keys=first.keys) == first


def test_a_tree_is_remembered_only_after_the_one_before_it(states: WitnessStates) -> None:
    empty = known(states)
    first = grown(empty)
    states.advance(first)
    for wrong in (grown(empty, 7), grown(grown(first), 7)):
        with pytest.raises(Conflict):
            states.advance(wrong)
    assert states.get(ORIGIN) == first


def test_a_log_that_is_not_known_cannot_advance(states: WitnessStates) -> None:
    with pytest.raises(Conflict):
        states.advance(grown(WitnessedLog(ORIGIN, ())))
    assert states.get(ORIGIN) is None


def test_logs_are_listed_in_order(states: WitnessStates) -> None:
    second, first = known(states, origin="b.example"), known(states, origin="a.example")
    assert states.logs() == [first, second]


def test_each_log_has_a_memory_of_its_own(states: WitnessStates) -> None:
    one, other = known(states, origin="a.example"), known(states, origin="b.example")
    states.advance(grown(one))
    assert states.get("b.example") == other


def test_issuers_are_no_logs(local_clients: Clients) -> None:
    """They are in the same table."""
    places = make_places(local_clients)
    states = DynamoWitnessStates(local_clients, places.registry)
    known(states)
    stores = make_stores(local_clients, places)
    assert stores.registry.issuers() == []
    assert stores.registry.issuer(ORIGIN) is None


def test_of_many_at_once_one_advances(local_clients: Clients) -> None:
    states = DynamoWitnessStates(local_clients, make_places(local_clients).registry)
    empty = known(states)

    def advance(size: int) -> int:
        try:
            states.advance(grown(empty, size))
        except Conflict:
            return 0
        return size

    with ThreadPoolExecutor(8) as pool:
        won = [size for size in pool.map(advance, range(1, 17)) if size]
    assert len(won) == 1
    assert states.get(ORIGIN) == grown(empty, won[0])


class TestDoubt:
    """On the local cloud, with a network that loses requests and answers."""

    @pytest.fixture
    def states(self, local_clients: Clients, network: Wire) -> WitnessStates:
        network.mend()
        return DynamoWitnessStates(local_clients, make_places(local_clients).registry)

    @pytest.mark.parametrize("fault", [request_lost, answer_lost, done_but_reported_failed, failed])
    def test_a_step_whose_answer_is_lost_once_is_made_once(
        self, states: WitnessStates, network: Wire, fault: Fault
    ) -> None:
        first = grown(known(states))
        network.meet("UpdateItem", fault)
        states.advance(first)
        assert states.get(ORIGIN) == first

    def test_a_step_that_somebody_else_made_is_a_conflict_even_then(
        self, states: WitnessStates, network: Wire
    ) -> None:
        empty = known(states)
        states.advance(grown(empty, 7))
        network.meet("UpdateItem", request_lost)
        with pytest.raises(Conflict):
            states.advance(grown(empty, 9))

    def test_a_step_that_stays_in_doubt_is_unknown(
        self, states: WitnessStates, network: Wire
    ) -> None:
        first = grown(known(states))
        network.meet("UpdateItem", answer_lost, *[failed] * 9)
        with pytest.raises(OutcomeUnknown):
            states.advance(first)
        network.mend()
        assert states.get(ORIGIN) == first
