"""OpenTimestamps calendars: they take a hash at once, and anchor many in Bitcoin together, later.

The hash that is sent is the block hash: it is public, so nothing needs to hide it. A calendar's
word is a pending attestation; what it says about Bitcoin later is compared with the operator's own
node and taken over only if all of it is true there.
"""

from __future__ import annotations

from ..notary.limits import (
    CALENDAR_BYTES,
    CALENDAR_HEIGHTS,
    CALENDAR_PENDING,
    CALENDAR_PROOF_BYTES,
)
from ..notary.networks import FalseProof, Memo, NetworkRefused, Standing, Unreachable
from ..proof.bitcoin.evidence import bitcoin_heights, verify_opentimestamps
from ..proof.bitcoin.opentimestamps import (
    merge_timestamps,
    opentimestamps_attestation,
    read_timestamp,
    upgrade_timestamp,
    walk,
)
from ..proof.bitcoin.ots_codec import PendingAttestation
from ..proof.block import Block
from ..proof.errors import Malformed, ProofError
from ..proof.hashes import Hash
from ..proof.members import read_base64
from ..proof.policy import ChainHeader
from ..proof.receipt import Attestation
from ..proof.text import format_base64
from .bitcoin.node import BitcoinNode
from .http import Answer, Http

_ACCEPT = {"Accept": "application/vnd.opentimestamps.v1"}


class CalendarNetwork:
    """``Network`` of one calendar, asked at its own address and at no other that it names.

    The memo holds the ``answer`` to the submission, and the ``upgrade`` once there is one: the same
    proof with all that came since. A reorganisation makes the upgrade void, never the answer.
    """

    serial = False

    def __init__(self, name: str, http: Http, node: BitcoinNode, *, confirmations: int = 6) -> None:
        if confirmations < 1:
            raise ValueError("there is at least 1 confirmation")
        self.name = f"opentimestamps:{name}"
        self.check = f"attestation:opentimestamps:{node.chain}"
        self._http = http
        self._node = node
        self._confirmations = confirmations

    def prepare(self, block: Block, before: Memo) -> Memo:  # noqa: ARG002
        return {"digest": block.hash.hex()}

    def broadcast(self, block: Block, memo: Memo) -> Memo:
        if "answer" in memo:
            return memo
        answer = self._http.post("/digest", block.hash, _ACCEPT)
        if 400 <= answer.status < 500:
            raise NetworkRefused(f"the calendar refused the hash with HTTP {answer.status}")
        proof = _canonical(_body(answer), block.hash)
        if len(_commitments(proof, block.hash)) > CALENDAR_PENDING:
            raise FalseProof(f"more than {CALENDAR_PENDING} pending attestations in one answer")
        if _heights(proof, block.hash):
            # An answer is kept for good, and a reorganisation would make it false.
            raise FalseProof("a calendar's first answer is pending, and names no Bitcoin block")
        return {**memo, "answer": format_base64(proof)}

    def status(self, block: Block, memo: Memo, now_ms: int) -> Standing:  # noqa: ARG002
        if "answer" not in memo:
            return Standing("dropped", memo)
        pending = {name: value for name, value in memo.items() if name != "upgrade"}
        if "upgrade" in memo:
            proof = read_base64(memo["upgrade"], "upgrade")
            depth = self._depth_after_all(proof, block.hash)
        else:
            proof = self._ask(read_base64(memo["answer"], "answer"), block.hash)
            depth = self._depth(proof, block.hash)
        if depth is None:
            return Standing("waiting", pending)
        final = depth >= self._confirmations
        return Standing(
            "final" if final else "included", {**pending, "upgrade": format_base64(proof)}
        )

    def bump(self, block: Block, memo: Memo) -> Memo:  # noqa: ARG002
        return memo

    def proof(self, block: Block, memo: Memo) -> Attestation | None:  # noqa: ARG002
        held = memo.get("upgrade", memo.get("answer"))
        return None if held is None else opentimestamps_attestation(read_base64(held, "proof"))

    def _ask(self, proof: bytes, block_hash: Hash) -> bytes:
        """The proof with what the calendar has by now for each commitment in it."""
        for commitment in _commitments(proof, block_hash):
            answer = self._http.get(f"/timestamp/{commitment.hex()}", _ACCEPT)
            if answer.status != 404:
                proof = _upgraded(proof, block_hash, commitment, _body(answer))
        return proof

    def _depth_after_all(self, proof: bytes, block_hash: Hash) -> int | None:
        """The same of a proof that was true when it was taken over: it is not any more only when
        the chain was reorganised."""
        try:
            return self._depth(proof, block_hash)
        except FalseProof:
            return None

    def _depth(self, proof: bytes, block_hash: Hash) -> int | None:
        """How deep the proof's Bitcoin block that is the least deep is in our own node's chain;
        None when the proof is pending, or names a block that our node does not have yet."""
        heights = _heights(proof, block_hash)
        if not heights:
            return None
        if len(heights) > CALENDAR_HEIGHTS:
            raise FalseProof(f"a calendar's proof names at most {CALENDAR_HEIGHTS} Bitcoin blocks")
        self._node.check_chain()
        for height in sorted(heights):
            header = self._node.header(height)
            if header is None:
                return None
            self._verify(proof, block_hash, header)
        return max(0, self._node.tip().height - max(heights) + 1)

    def _verify(self, proof: bytes, block_hash: Hash, header: ChainHeader) -> None:
        try:
            verify_opentimestamps(proof, block_hash, self._node.chain, [header])
        except ProofError as error:
            raise FalseProof("what the calendar says about Bitcoin is not true there") from error


def _body(answer: Answer) -> bytes:
    if answer.status != 200:
        raise Unreachable(f"the calendar answered with HTTP {answer.status}")
    if len(answer.body) > CALENDAR_BYTES:
        raise FalseProof(f"a calendar's proof has at most {CALENDAR_BYTES} bytes")
    return answer.body


def _canonical(proof: bytes, block_hash: Hash) -> bytes:
    try:
        return _bounded(merge_timestamps([proof], block_hash))
    except Malformed as error:
        raise FalseProof(f"the calendar's answer is no proof: {error}") from error


def _upgraded(proof: bytes, block_hash: Hash, commitment: bytes, upgrade: bytes) -> bytes:
    try:
        return _bounded(upgrade_timestamp(proof, block_hash, commitment, upgrade))
    except Malformed as error:
        raise FalseProof(f"the calendar's answer is no proof: {error}") from error


def _bounded(proof: bytes) -> bytes:
    if len(proof) > CALENDAR_PROOF_BYTES:
        raise FalseProof(f"with all upgrades a proof has at most {CALENDAR_PROOF_BYTES} bytes")
    return proof


def _heights(proof: bytes, block_hash: Hash) -> set[int]:
    return {height for _, height in bitcoin_heights(read_timestamp(proof, block_hash), block_hash)}


def _commitments(proof: bytes, block_hash: Hash) -> list[bytes]:
    """The messages of a proof that are pending at a calendar."""
    return [
        reached
        for reached, node in walk(read_timestamp(proof, block_hash), block_hash)
        if any(isinstance(a, PendingAttestation) for a in node.attestations)
    ]
