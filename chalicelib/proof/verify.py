"""The offline verifier: document, receipt, policy and time in, verdict out. It does no I/O.

Every check is made over all that the receipt holds (``registered`` and, if present, ``attested``):

1. document: its digests, salted, are the commitments that the issuer signed
2. inclusion: the entry is in the tree of the checkpoint (RFC 6962 §2.1.1)
3. log: the checkpoint is signed by a log of the policy (C2SP tlog-checkpoint)
4. block: the block signature binds height, previous block hash and time to that root (RFC 9942)
5. witnesses: the policy's quorum cosigned (C2SP tlog-cosignature, tlog-policy)
6. attestation:…: outside evidence for the block hash
7. issuer: a key of the policy, good at the time of the ``registered`` block, signed the entry
8. status: what the notary registered about it since
9. expiry: the time that the document itself sets
"""

from __future__ import annotations

from .attestations import check_attestations, write_sightings
from .document import commit, digest_document
from .errors import CannotTell, Invalid, Malformed
from .evidence import check_issuer, check_status
from .heads import Heads, merge_heads
from .inclusion import check_inclusion
from .jcs import JsonValue, parse_ijson
from .members import read_text
from .payload import Register, Supersede
from .policy import Policy
from .receipt import Receipt
from .times import parse_time
from .verdict import Check, Verdict, decide, run_check

_EXPIRY = ("validUntil", "expirationDate")
"""What a JSON credential calls the end of its validity (VC data model 2.0 §4.9, 1.1 §4.6)."""

# What most receipts get is made once: to raise an error and catch it would cost as much as a check.
_NO_STATUS = Check("status", "unknown", "the receipt holds no status list")
_NO_EXPIRY = Check(
    "expiry", "unknown", "a document kept as raw bytes states no expiry that can be read here"
)
_NOT_BOUND = Check(
    "expiry", "unknown", "the document's own expiry is read only once the document is bound"
)


def verify(
    document: bytes | None,
    receipt: Receipt,
    policy: Policy,
    at_ms: int,
    heads: Heads | None = None,
) -> Verdict:
    """The verdict on a document and its receipt under a policy at a time (POSIX milliseconds)."""
    heads = Heads(policy) if heads is None else heads
    inclusions = [receipt.registered]
    if receipt.attested is not None:
        inclusions.append(receipt.attested)
    # The signatures together: each pushes the rest out of the processor's first cache.
    found = [heads.checks(inclusion) for inclusion in inclusions]
    included = run_check("inclusion", check_inclusion, receipt)
    placed = included if included.result == "fail" else found[0][1]
    issuer = run_check("issuer", check_issuer, receipt, placed, heads)
    bound = run_check("document", check_document, document, receipt)
    log, block, witnesses = found[0] if len(found) == 1 else merge_heads(found)
    outside = check_attestations(inclusions, policy, heads.seen)
    checks = [
        bound,
        included,
        log,
        block,
        witnesses,
        *[each.check for each in outside],
        issuer,
        run_check("status", check_status, receipt, receipt.status, at_ms, heads)
        if receipt.status
        else _NO_STATUS,
        _expiry(document, receipt, bound, at_ms),
    ]
    facts = _facts(receipt, policy, included.result == log.result == block.result == "pass", issuer)
    if seen := write_sightings(outside):
        facts["attested"] = seen
    return decide(checks, policy.require, at_ms, facts)


def check_document(document: bytes | None, receipt: Receipt) -> str:
    payload, holder = receipt.statement.statement.payload, receipt.document
    if not isinstance(payload, (Register, Supersede)):
        if holder is not None:
            raise Invalid("a holder's part, but the statement commits to no document")
        raise CannotTell("this statement is about another statement, not about a document's bytes")
    if holder is None:
        raise CannotTell("the receipt lacks the holder's part, without which no document is bound")
    if holder.canonicalization != payload.canonicalization:
        raise Invalid("the holder's part names another canonicalization than the statement")
    if commit(holder.salt, holder) != (payload.sha256, payload.sm3):
        raise Invalid("the salted digests are not the commitments that the issuer signed")
    if document is None:
        raise CannotTell("no document was given")
    try:
        digests = digest_document(document, payload.canonicalization)
    except Malformed as error:
        raise Invalid(f"this is not the document that was registered: {error}") from error
    if (digests.sha256, digests.sm3) != (holder.sha256, holder.sm3):
        raise Invalid("this is not the document that was registered: its digests differ")
    return "the document is the one whose commitments the issuer signed (SHA-256 and SM3)"


def _expiry(document: bytes | None, receipt: Receipt, bound: Check, at_ms: int) -> Check:
    payload = receipt.statement.statement.payload
    if bound.result != "pass" or document is None:
        return _NOT_BOUND
    if not isinstance(payload, (Register, Supersede)) or payload.canonicalization != "jcs":
        return _NO_EXPIRY
    return run_check("expiry", check_expiry, document, at_ms)


def check_expiry(document: bytes, at_ms: int) -> str:
    value = parse_ijson(document)
    members = value if isinstance(value, dict) else {}
    ends = [members[name] for name in _EXPIRY if name in members]
    if not ends:
        raise CannotTell("the document states no expiry")
    for end in ends:
        if at_ms >= _expiry_ms(end):
            raise Invalid(f"the document expired at {end}")
    return f"the document is good until {ends[0]}"


def _expiry_ms(end: JsonValue) -> int:
    try:
        return parse_time(read_text(end, "the end of validity"))
    except Malformed as error:
        raise CannotTell(f"the document states an expiry that cannot be read: {error}") from error


def _facts(receipt: Receipt, policy: Policy, logged: bool, issuer: Check) -> dict[str, JsonValue]:
    """What the checks established, for people: the registry's names, never the document's."""
    claims = receipt.statement.statement
    facts: dict[str, JsonValue] = {"entry_id": receipt.statement.entry_id.hex()}
    if logged:
        block = receipt.registered.block
        facts["registered"] = {
            "origin": block.origin,
            "index": receipt.registered.proof.index,
            "height": block.height,
            "timestamp_ms": block.timestamp_ms,
        }
    if issuer.result == "pass":
        names: dict[str, JsonValue] = dict(policy.issuers[claims.iss].names)
        facts["issuer"] = {"id": claims.iss, "names": names}
    return facts
