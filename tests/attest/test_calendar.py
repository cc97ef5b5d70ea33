"""Calendars: a real one over HTTP, which anchors in a real regtest node, fails and lies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.adapters.http import Http
from chalicelib.adapters.opentimestamps import CalendarNetwork
from chalicelib.notary.limits import (
    CALENDAR_BYTES,
    CALENDAR_HEIGHTS,
    CALENDAR_PENDING,
    CALENDAR_PROOF_BYTES,
)
from chalicelib.notary.networks import (
    FalseProof,
    Memo,
    Network,
    NetworkRefused,
    Unreachable,
    WrongNetwork,
)
from chalicelib.proof.bitcoin.evidence import NoBitcoinEvidence, bitcoin_heights
from chalicelib.proof.bitcoin.opentimestamps import (
    Timestamp,
    format_timestamp,
    merge_timestamps,
    parse_timestamp,
    walk,
)
from chalicelib.proof.bitcoin.ots_codec import (
    BITCOIN_TAG,
    HeightAttestation,
    PendingAttestation,
    UnknownAttestation,
    append,
)
from chalicelib.proof.members import read_base64
from infra.local_cloud import free_port
from infra.peers.bitcoin import REGTEST, BitcoinPeer
from infra.peers.calendar import Calendar, running_calendar

from .bitcoin_peers import block_of, join, node_at, proof_of, reorganise, saw
from .bitcoin_proxy import running_proxy

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

MAINNET = "bip122:000000000019d6689c085ae165831e93"
BLOCK = block_of("ours")


def network(
    calendar: Calendar, node_url: str, *, chain: str = REGTEST, timeout_s: float = 10.0
) -> CalendarNetwork:
    return CalendarNetwork(
        "test", Http(calendar.url, timeout_s), node_at(node_url, chain, timeout_s), confirmations=3
    )


@pytest.fixture
def ours(calendar: Calendar, bitcoin: BitcoinPeer) -> CalendarNetwork:
    return network(calendar, bitcoin.url)


def sent(network: Network) -> Memo:
    return network.broadcast(BLOCK, network.prepare(BLOCK, {}))


def pending_in(proof: bytes) -> list[str]:
    nodes = walk(parse_timestamp(proof, BLOCK.hash), BLOCK.hash)
    said = [attestation for _, node in nodes for attestation in node.attestations]
    return [each.uri for each in said if isinstance(each, PendingAttestation)]


def test_the_network_is_one(ours: CalendarNetwork) -> None:
    one: Network = ours
    assert (one.name, one.check, one.serial) == (
        "opentimestamps:test",
        f"attestation:opentimestamps:{REGTEST}",
        False,
    )


def test_a_hash_is_taken_at_once_and_proven_later(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    prepared = ours.prepare(BLOCK, {})
    assert calendar.asked == []
    assert ours.proof(BLOCK, prepared) is None
    memo = ours.broadcast(BLOCK, prepared)
    pending = proof_of(ours, BLOCK, memo)
    assert pending_in(pending) == [calendar.url]
    with pytest.raises(NoBitcoinEvidence, match="pending at http"):
        saw(bitcoin, pending, BLOCK)
    assert ours.status(BLOCK, memo, 0) == ("waiting", memo)
    calendar.anchor()
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "included"
    assert saw(bitcoin, proof_of(ours, BLOCK, standing.memo), BLOCK).chain == REGTEST
    bitcoin.mine(2)
    standing = ours.status(BLOCK, standing.memo, 0)
    assert standing.at == "final"
    proof = proof_of(ours, BLOCK, standing.memo)
    assert saw(bitcoin, proof, BLOCK)
    assert pending_in(proof) == [calendar.url], "the pending part is kept"


def test_what_is_sent_is_the_block_hash(ours: CalendarNetwork, calendar: Calendar) -> None:
    assert ours.prepare(BLOCK, {}) == {"digest": BLOCK.hash.hex()}
    memo = sent(ours)
    parse_timestamp(read_base64(memo["answer"], "answer"), BLOCK.hash)
    assert calendar.asked == ["POST /digest"]


def test_what_was_taken_is_not_sent_again(ours: CalendarNetwork, calendar: Calendar) -> None:
    memo = sent(ours)
    assert ours.broadcast(BLOCK, memo) == memo
    assert ours.bump(BLOCK, memo) == memo
    assert calendar.asked == ["POST /digest"]


def test_an_answer_lost_after_broadcast_is_asked_for_again(ours: CalendarNetwork) -> None:
    """The calendar then anchors the hash twice, which costs nobody anything."""
    prepared = ours.prepare(BLOCK, {})
    ours.broadcast(BLOCK, prepared)
    assert ours.status(BLOCK, prepared, 0).at == "dropped"
    assert "answer" in ours.broadcast(BLOCK, prepared)


def test_two_calendars_make_one_proof(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    with running_calendar(bitcoin) as second:
        other = network(second, bitcoin.url)
        memos = [sent(ours), sent(other)]
        calendar.anchor()
        first = proof_of(ours, BLOCK, ours.status(BLOCK, memos[0], 0).memo)
        merged = merge_timestamps([first, proof_of(other, BLOCK, memos[1])], BLOCK.hash)
        assert sorted(pending_in(merged)) == sorted([calendar.url, second.url])
        assert saw(bitcoin, merged, BLOCK)


# Calendars that are down, slow, idle or false.


def test_a_calendar_that_never_upgrades_stays_pending(
    ours: CalendarNetwork, bitcoin: BitcoinPeer
) -> None:
    memo = sent(ours)
    bitcoin.mine(10)
    for now_ms in (0, 86_400_000, 31 * 86_400_000):
        assert ours.status(BLOCK, memo, now_ms) == ("waiting", memo)
    assert ours.proof(BLOCK, memo) is not None


def test_a_calendar_that_is_down_is_unreachable(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    memo = sent(ours)
    calendar.status = 503
    with pytest.raises(Unreachable):
        sent(ours)
    with pytest.raises(Unreachable):
        ours.status(BLOCK, memo, 0)
    calendar.repair()
    calendar.anchor()
    memo = ours.status(BLOCK, memo, 0).memo
    bitcoin.mine(2)
    calendar.status = 503
    assert ours.status(BLOCK, memo, 0).at == "final", "once it is proven, the calendar may be gone"


def test_nobody_listening_is_unreachable(bitcoin: BitcoinPeer, calendar: Calendar) -> None:
    calendar.url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable):
        sent(network(calendar, bitcoin.url))


def test_a_slow_calendar_is_unreachable(calendar: Calendar, bitcoin: BitcoinPeer) -> None:
    hasty = network(calendar, bitcoin.url, timeout_s=0.1)
    calendar.delay_s = 0.5
    with pytest.raises(Unreachable):
        sent(hasty)


def test_a_refusal_is_told_from_an_outage(ours: CalendarNetwork, calendar: Calendar) -> None:
    calendar.status = 400
    with pytest.raises(NetworkRefused, match="HTTP 400"):
        sent(ours)


def claim(height: int) -> bytes:
    """That any message is the Merkle root at this height."""
    return format_timestamp(Timestamp({HeightAttestation(BITCOIN_TAG, height)}))


def many_pending() -> bytes:
    """More branches than a calendar has reason to give, each pending; the last without its mark."""
    end = format_timestamp(Timestamp({PendingAttestation("http://calendar.example")}))
    branches = [b"\xff\xf0\x01%c%b" % (n, end) for n in range(CALENDAR_PENDING + 1)]
    return b"".join(branches[:-1]) + branches[-1].removeprefix(b"\xff")


LIES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "a web page": lambda _: b"<html>sorry</html>",
    "cut short": lambda proof: proof[:-1],
    "garbage after it": lambda proof: proof + b"\x00",
    "sha1": lambda proof: b"\x02" + proof,
    "too long": lambda _: bytes(CALENDAR_BYTES + 1),
    "another block": lambda _: claim(1),
}


@pytest.mark.parametrize("name", LIES)
def test_a_false_first_answer_is_not_kept(
    ours: CalendarNetwork, calendar: Calendar, name: str
) -> None:
    calendar.lie = LIES[name]
    with pytest.raises(FalseProof):
        sent(ours)


@pytest.mark.parametrize("name", LIES)
def test_a_false_upgrade_is_not_taken_over(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer, name: str
) -> None:
    memo = sent(ours)
    calendar.anchor()
    calendar.lie = LIES[name]
    with pytest.raises(FalseProof):
        ours.status(BLOCK, memo, 0)
    calendar.repair()
    assert saw(bitcoin, proof_of(ours, BLOCK, ours.status(BLOCK, memo, 0).memo), BLOCK)


def test_an_answer_has_few_pending_parts(ours: CalendarNetwork, calendar: Calendar) -> None:
    calendar.lie = lambda _: many_pending()
    with pytest.raises(FalseProof, match="pending"):
        sent(ours)
    assert calendar.asked == ["POST /digest"]


def test_a_true_and_a_false_height_together_are_not_taken_over(
    ours: CalendarNetwork, calendar: Calendar
) -> None:
    memo = sent(ours)
    calendar.anchor()
    calendar.lie = lambda proof: b"\xff" + claim(1) + proof
    with pytest.raises(FalseProof):
        ours.status(BLOCK, memo, 0)


def test_a_block_that_our_node_does_not_have_yet_is_waited_for(
    ours: CalendarNetwork, calendar: Calendar
) -> None:
    memo = sent(ours)
    calendar.anchor()
    calendar.lie = lambda _: claim(1_000_000)
    assert ours.status(BLOCK, memo, 0) == ("waiting", memo)


def test_a_first_answer_that_names_a_bitcoin_block_is_not_kept(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    """Not even a true one: the first answer is kept for good, and a reorganisation undoes it."""
    memo = sent(ours)
    calendar.anchor()
    proof = proof_of(ours, BLOCK, ours.status(BLOCK, memo, 0).memo)
    bitcoin.mine(10)
    assert saw(bitcoin, proof, BLOCK)
    calendar.lie = lambda _: proof
    with pytest.raises(FalseProof, match="first answer"):
        sent(ours)


def test_a_proof_is_as_deep_as_the_newest_block_that_it_names(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    memo = sent(ours)
    (commitment,) = commitments_in(memo)
    calendar.anchor()
    old = calendar.complete(commitment)
    assert old is not None
    bitcoin.mine(5)
    calendar.forget()
    calendar.anchor()
    calendar.lie = lambda new: merge_timestamps([old, new], commitment)
    standing = ours.status(BLOCK, memo, 0)
    assert standing.at == "included"
    bitcoin.mine()
    standing = ours.status(BLOCK, standing.memo, 0)
    assert standing.at == "included"
    bitcoin.mine()
    assert ours.status(BLOCK, standing.memo, 0).at == "final"


def commitments_in(memo: Memo) -> list[bytes]:
    """What is pending in a first answer."""
    proof = read_base64(memo["answer"], "answer")
    nodes = walk(parse_timestamp(proof, BLOCK.hash), BLOCK.hash)
    return [
        reached
        for reached, node in nodes
        if any(isinstance(each, PendingAttestation) for each in node.attestations)
    ]


def test_few_blocks_are_asked_for_whatever_a_calendar_names(
    calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    with running_proxy(bitcoin) as proxy:
        ours = network(calendar, proxy.url)
        memo = sent(ours)
        calendar.anchor()
        calendar.lie = lambda _: claims(CALENDAR_HEIGHTS + 1)
        with pytest.raises(FalseProof, match=f"at most {CALENDAR_HEIGHTS} Bitcoin blocks"):
            ours.status(BLOCK, memo, 0)
        assert proxy.asked == []
        calendar.lie = lambda _: claims(CALENDAR_HEIGHTS)
        with pytest.raises(FalseProof, match="not true"):
            ours.status(BLOCK, memo, 0)
        assert proxy.asked.count("getblockheader") == 1, "the first false one is enough"


def claims(count: int) -> bytes:
    """The same about many heights."""
    return format_timestamp(
        Timestamp({HeightAttestation(BITCOIN_TAG, height) for height in range(1, count + 1)})
    )


def test_a_proof_does_not_grow_without_end(ours: CalendarNetwork, calendar: Calendar) -> None:
    """Each answer is small enough; it is what they add up to that no receipt could hold."""
    pending = Timestamp({PendingAttestation(calendar.url)})
    branches = {append(b"1"): pending, append(b"2"): pending}
    calendar.lie = lambda _: format_timestamp(Timestamp(operations=dict(branches)))
    memo = sent(ours)
    for commitment in commitments_in(memo):
        calendar.adopt(commitment)
    calendar.anchor()
    calendar.lie = lambda _: fat(8_000)
    assert ours.status(BLOCK, memo, 0).at == "waiting"
    assert CALENDAR_PROOF_BYTES < 2 * len(fat(9_000)) < 2 * CALENDAR_BYTES
    calendar.lie = lambda _: fat(9_000)
    with pytest.raises(FalseProof, match=f"at most {CALENDAR_PROOF_BYTES} bytes"):
        ours.status(BLOCK, memo, 0)


def fat(size: int) -> bytes:
    """A proof that says nothing in many bytes."""
    halves = (UnknownAttestation(tag, bytes(size // 2)) for tag in (b"unknown1", b"unknown2"))
    return format_timestamp(Timestamp(set(halves)))


def test_a_proof_in_another_spelling_is_kept_in_the_standard_one(
    ours: CalendarNetwork, calendar: Calendar
) -> None:
    calendar.lie = lambda proof: b"\xff" + proof + proof
    memo = sent(ours)
    assert len(pending_in(read_base64(memo["answer"], "answer"))) == 1


@pytest.mark.parametrize("none", [0, -1])
def test_no_confirmation_is_no_configuration(
    calendar: Calendar, bitcoin: BitcoinPeer, none: int
) -> None:
    with pytest.raises(ValueError, match="at least 1 confirmation"):
        CalendarNetwork("test", Http(calendar.url), node_at(bitcoin.url), confirmations=none)


# Our own node decides.


def test_without_our_own_node_nothing_is_taken_over(
    ours: CalendarNetwork, calendar: Calendar
) -> None:
    memo = sent(ours)
    calendar.anchor()
    blind = network(calendar, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unreachable):
        blind.status(BLOCK, memo, 0)


def test_a_node_of_another_chain_decides_nothing(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    memo = sent(ours)
    calendar.anchor()
    with pytest.raises(WrongNetwork):
        network(calendar, bitcoin.url, chain=MAINNET).status(BLOCK, memo, 0)


def test_a_node_that_lies_about_a_header_decides_nothing(
    calendar: Calendar, bitcoin: BitcoinPeer
) -> None:
    with running_proxy(bitcoin) as proxy:
        ours = network(calendar, proxy.url)
        memo = sent(ours)
        calendar.anchor()
        proxy.lies["getblockheader"] = lambda header: header[:-8] + "ffffffff"
        with pytest.raises(FalseProof):
            ours.status(BLOCK, memo, 0)


def test_after_a_reorganisation_the_proof_is_rebuilt(
    ours: CalendarNetwork, calendar: Calendar, bitcoin: BitcoinPeer, rival: BitcoinPeer
) -> None:
    memo = sent(ours)
    join(bitcoin, rival)
    calendar.anchor()
    included = ours.status(BLOCK, memo, 0)
    assert included.at == "included"
    reorganise(bitcoin, rival)
    standing = ours.status(BLOCK, included.memo, 0)
    assert standing == ("waiting", memo), "what is not true any more is gone"
    with pytest.raises(FalseProof):  # the calendar has not noticed
        ours.status(BLOCK, standing.memo, 0)
    calendar.forget()
    assert ours.status(BLOCK, standing.memo, 0).at == "waiting"
    calendar.anchor()
    again = ours.status(BLOCK, standing.memo, 0)
    assert again.at == "included"
    proof = proof_of(ours, BLOCK, again.memo)
    assert saw(bitcoin, proof, BLOCK)
    assert len(bitcoin_heights(parse_timestamp(proof, BLOCK.hash), BLOCK.hash)) == 1
