"""A stranger's clients judge exported ``.ots`` files: that of Python against a node, that of
JavaScript by reading them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bitcoin.core import CBlockHeader, b2lx  # type: ignore[import-untyped]

from chalicelib.adapters.http import Http
from chalicelib.adapters.opentimestamps import CalendarNetwork
from chalicelib.proof.bitcoin.ots_file import export_ots
from chalicelib.proof.receipt import Attestation
from infra.peers.bitcoin import BitcoinPeer
from infra.peers.calendar import Calendar

from ..e2e.clients import ots_in_javascript, ots_verify
from ..proof.world import World
from .bitcoin_peers import mined, node_at, wallet

pytest_plugins = ("tests.attest.bitcoin_fixtures",)

OTS = Path(sys.executable).with_name("ots")
DOCUMENT = b"%PDF-1.7 " + "文凭 · a diploma".encode()
WORLD = World(document=DOCUMENT, canonicalization="raw", before=37, after=90)


def write(place: Path, *attestations: Attestation) -> Path:
    """A raw document and its exported file, side by side."""
    receipt = WORLD.receipt()
    attested = replace(receipt.registered, attestations=attestations)
    document = place / "diploma.pdf"
    document.write_bytes(DOCUMENT)
    file = place / "diploma.pdf.ots"
    file.write_bytes(export_ots(replace(receipt, registered=attested)))
    return file


def direct(bitcoin: BitcoinPeer) -> Attestation:
    block = WORLD.inclusion().block
    ours = wallet(bitcoin, "clients")
    for _ in range(3):
        bitcoin.pay([])
    evidence = ours.proof(block, mined(bitcoin, ours, block))
    assert evidence is not None
    return evidence


def by_calendar(bitcoin: BitcoinPeer, calendar: Calendar) -> tuple[Attestation, Attestation]:
    """What a calendar gives at first, and in the end."""
    block = WORLD.inclusion().block
    ours = CalendarNetwork("test", Http(calendar.url), node_at(bitcoin.url))
    memo = ours.broadcast(block, ours.prepare(block, {}))
    calendar.anchor()
    first, last = ours.proof(block, memo), ours.proof(block, ours.status(block, memo, 0).memo)
    assert first is not None
    assert last is not None
    return first, last


@pytest.mark.parametrize("way", ["direct", "calendar", "both"])
def test_the_python_client_verifies_a_document_as_it_is(
    bitcoin: BitcoinPeer, calendar: Calendar, tmp_path: Path, way: str
) -> None:
    evidence = []
    if way != "calendar":
        evidence.append(direct(bitcoin))
    if way != "direct":
        evidence += by_calendar(bitcoin, calendar)
    file = write(tmp_path, *evidence)
    done = ots_verify(file, bitcoin.url)
    assert done.returncode == 0, done.stderr
    assert "Success! Bitcoin block" in done.stderr


def test_the_python_client_refuses_an_altered_document(
    bitcoin: BitcoinPeer, tmp_path: Path
) -> None:
    file = write(tmp_path, direct(bitcoin))
    (tmp_path / "diploma.pdf").write_bytes(DOCUMENT + b" with honours")
    done = ots_verify(file, bitcoin.url)
    assert done.returncode == 1
    assert "does not match" in done.stderr


def test_the_python_client_refuses_a_block_that_is_undone(
    bitcoin: BitcoinPeer, tmp_path: Path
) -> None:
    file = write(tmp_path, direct(bitcoin))
    bitcoin.forget(1)
    bitcoin.mine()
    done = ots_verify(file, bitcoin.url)
    assert done.returncode == 1
    assert "Bitcoin verification failed" in done.stderr


def test_a_pending_file_verifies_nothing_yet(
    bitcoin: BitcoinPeer, calendar: Calendar, tmp_path: Path
) -> None:
    file = write(tmp_path, by_calendar(bitcoin, calendar)[0])
    done = ots_verify(file, bitcoin.url)
    assert done.returncode == 1
    assert "Success" not in done.stderr


def test_the_javascript_client_reads_the_same_root_and_height(
    bitcoin: BitcoinPeer, calendar: Calendar, tmp_path: Path
) -> None:
    evidence = direct(bitcoin)
    file = write(tmp_path, evidence, *by_calendar(bitcoin, calendar))
    read = ots_in_javascript(file)
    heights = [bitcoin.height - 1, bitcoin.height]
    assert sorted(read["found"], key=lambda pair: pair[1]) == [
        [root_at(bitcoin, height), height] for height in heights
    ]
    assert read["written"] == file.read_bytes().hex()
    assert read["digest"] == WORLD.digests.sha256.hex()


def root_at(bitcoin: BitcoinPeer, height: int) -> str:
    header = CBlockHeader.deserialize(bitcoin.block(bitcoin.call("getblockhash", height))[:80])
    root: str = b2lx(header.hashMerkleRoot)
    return root
