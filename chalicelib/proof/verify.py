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

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .attestations import Seen, check_attestations, write_sightings
from .block import GENESIS, Block, verify_block_signature
from .document import commit, digest_document
from .entry_status import EntryStatus, judge_status, parse_entry_status, read_ms_of
from .errors import CannotTell, Invalid, Malformed
from .hashes import sha256
from .issuer_profile import IssuerProfile, check_profile, parse_profile
from .jcs import JsonValue, parse_ijson
from .members import read_text
from .merkle import inclusion_ranges, verify_inclusion
from .note import ED25519, VerifierKey, verify_note
from .payload import IssuerNotice, Register, StatusListNotice, Supersede
from .policy import Policy, PolicyIssuer
from .receipt import Evidence, Inclusion, Receipt
from .statement import SignedStatement, verify_statement
from .times import parse_time
from .verdict import Check, Verdict, decide, merge_checks, run_check

_EXPIRY = ("validUntil", "expirationDate")
"""What a JSON credential calls the end of its validity (VC data model 2.0 §4.9, 1.1 §4.6)."""

# What most receipts get is made once: to raise an error and catch it would cost as much as a check.
_NO_WITNESSES = "the policy asks for no witnesses (quorum none)"
_NOT_WITNESSED = Check("witnesses", "unknown", _NO_WITNESSES)
_NO_STATUS = Check("status", "unknown", "the receipt holds no status list")
_NO_EXPIRY = Check(
    "expiry", "unknown", "a document kept as raw bytes states no expiry that can be read here"
)
_NOT_BOUND = Check(
    "expiry", "unknown", "the document's own expiry is read only once the document is bound"
)


@dataclass(slots=True)
class Heads:
    """What was found about checkpoints and blocks: receipts of one block share it.

    Give the same one to verify many receipts under one policy, or none to keep nothing."""

    policy: Policy
    found: dict[tuple[object, ...], tuple[Check, Check, Check]] = field(default_factory=dict)
    seen: Seen = field(default_factory=dict)

    def checks(self, inclusion: Inclusion) -> tuple[Check, Check, Check]:
        """The checks log, block and witnesses of one inclusion."""
        key = (inclusion.proof.checkpoint_note, inclusion.block, inclusion.signature)
        known = self.found.get(key)
        if known is None:
            known = self.found[key] = (
                run_check("log", check_log, inclusion, self.policy),
                run_check("block", check_block, inclusion, self.policy),
                run_check("witnesses", check_witnesses, inclusion, self.policy)
                if self.policy.tlog.witnesses
                else _NOT_WITNESSED,
            )
        return known


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
    log, block, witnesses = found[0] if len(found) == 1 else _merge_heads(found)
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


def _merge_heads(found: list[tuple[Check, Check, Check]]) -> tuple[Check, Check, Check]:
    logs, blocks, witnesses = zip(*found, strict=True)
    return merge_checks(logs), merge_checks(blocks), _best_witnesses(witnesses)


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


def check_inclusion(receipt: Receipt) -> str:
    first, later = receipt.registered, receipt.attested
    _include(receipt.statement, first)
    if later is not None:
        _include(receipt.statement, later)
        if (later.proof.index, later.block.origin) != (first.proof.index, first.block.origin):
            raise Invalid("attested is about another entry than registered")
        if later.block.height <= first.block.height or later.block.size <= first.block.size:
            raise Invalid("attested is not a later block than registered")
        if later.block.timestamp_ms < first.block.timestamp_ms:
            raise Invalid("attested is earlier than registered")
        _follow(first.block, later.block)
        _agree(first, later)
    return f"entry {first.proof.index} is in the tree of {first.block.size} entries"


def _include(statement: SignedStatement, inclusion: Inclusion) -> None:
    proof, checkpoint = inclusion.proof, inclusion.checkpoint
    _stand(inclusion.block, proof.index)
    verify_inclusion(statement.entry_id, proof.index, checkpoint.size, proof.path, checkpoint.root)


def _stand(block: Block, index: int) -> None:
    """Each block begins with its link: so none is empty, and no statement comes first."""
    if not 1 <= block.height < block.size or index == 0:
        raise Invalid("no log has such a block: each begins with a link, the first at height 1")
    if block.height == 1 and block.previous != GENESIS(block.origin).hash:
        raise Invalid("the first block does not continue the empty log")


def _follow(first: Block, later: Block) -> None:
    """What of the hash chain two of its blocks show."""
    if later.height == first.height + 1 and later.previous != first.hash:
        raise Invalid("registered and attested are of two histories: the hash chain contradicts")
    if later.size - first.size < later.height - first.height:
        raise Invalid("attested holds too few entries: every block begins with its link")


def _agree(first: Inclusion, later: Inclusion) -> None:
    """Subtrees that both paths name are the same in a log that only appends."""
    index = first.proof.index
    nodes = dict(zip(inclusion_ranges(index, first.block.size), first.proof.path, strict=True))
    ranges = inclusion_ranges(index, later.block.size)
    for subtree, node in zip(ranges, later.proof.path, strict=True):
        if nodes.get(subtree, node) != node:
            raise Invalid("registered and attested are of two histories: their trees contradict")


def check_log(inclusion: Inclusion, policy: Policy) -> str:
    verify_note(inclusion.proof.checkpoint_note, _log_keys(inclusion, policy))
    return f"the checkpoint is signed by the log {inclusion.checkpoint.origin}"


def check_block(inclusion: Inclusion, policy: Policy) -> str:
    block = inclusion.block
    keys = _log_keys(inclusion, policy)
    *older, newest = [key.loaded for key in keys if key.loaded is not None]
    for key in older:
        with suppress(Invalid):
            verify_block_signature(block, key, inclusion.signature)
            break
    else:
        verify_block_signature(block, newest, inclusion.signature)
    return f"block {block.height} is signed by the log"


def _log_keys(inclusion: Inclusion, policy: Policy) -> list[VerifierKey]:
    """The policy's Ed25519 keys for the checkpoint's origin."""
    keys = policy.tlog.logs.get(inclusion.checkpoint.origin, ())
    usable = [key for key in keys if key.type == ED25519]
    if not usable:
        raise CannotTell(f"the policy has no key for the log {inclusion.checkpoint.origin!r}")
    return usable


def check_witnesses(inclusion: Inclusion, policy: Policy) -> str:
    """The policy names witnesses, but perhaps no quorum."""
    tlog = policy.tlog
    witnesses = {key: name for name, key in tlog.witnesses.items() if key.loaded is not None}
    signers = verify_note(inclusion.proof.checkpoint_note, witnesses)
    if tlog.quorum is None:
        raise CannotTell(_NO_WITNESSES)
    if not tlog.quorum_met({witnesses[key] for key in signers}):
        raise CannotTell("the witnesses that cosigned are fewer than the policy's quorum")
    return f"{len(set(signers))} witnesses of the policy cosigned the checkpoint"


def _best_witnesses(checks: Sequence[Check]) -> Check:
    """Quorum on either checkpoint is quorum: the later tree holds the entry too. A bad line of a
    policy's witness fails wherever it stands."""
    for result in ("fail", "pass"):
        for check in checks:
            if check.result == result:
                return check
    return checks[-1]


def check_issuer(receipt: Receipt, block: Check, heads: Heads) -> str:
    """``block`` says whether the entry is in the ``registered`` block and that has its time."""
    issuer = _check_signer(receipt.statement, receipt.registered, block, heads.policy)
    told = f"signed by {issuer.id} with a key that was good when it was registered"
    if receipt.issuer is None:
        return told
    at_ms = receipt.registered.block.timestamp_ms
    known_ms = receipt.issuer.registered.block.timestamp_ms
    try:
        profile = read_profile(receipt.issuer, issuer.id, heads)
        return f"{told}: {check_profile(profile, issuer.id, at_ms, known_ms)}"
    except CannotTell as error:
        return f"{told}; its profile proves nothing here: {error}"


def _check_signer(
    statement: SignedStatement, registered: Inclusion, block: Check, policy: Policy
) -> PolicyIssuer:
    """The policy's issuer whose key signed, if that key was good at the block's time."""
    claims = statement.statement
    issuer = policy.issuers.get(claims.iss)
    if issuer is None:
        raise CannotTell(f"the policy does not know the issuer {claims.iss}")
    known = issuer.keys.get(claims.kid)
    if known is None:
        raise CannotTell(f"the policy does not know this key of {claims.iss}")
    verify_statement(statement, known.key)
    if block.result != "pass":
        raise CannotTell("the key is judged by the time of the block, which is not established")
    if not known.good_at(registered.block.timestamp_ms):
        raise Invalid(f"the key of {claims.iss} was not good when this was registered")
    return issuer


def read_profile(evidence: Evidence, issuer: str, heads: Heads) -> IssuerProfile:
    """The profile that the notary registered of this issuer; raises Invalid or CannotTell."""
    notice = _check_evidence(evidence, heads)
    if not isinstance(notice, IssuerNotice) or notice.issuer != issuer:
        raise Invalid(f"the evidence for the issuer is not a notice about {issuer}")
    try:
        return parse_profile(evidence.document)
    except Malformed as error:
        raise CannotTell(f"this version cannot read the registered profile: {error}") from error


def _check_evidence(evidence: Evidence, heads: Heads) -> IssuerNotice | StatusListNotice:
    """A statement of the notary about public bytes, checked like any other receipt."""
    _include(evidence.statement, evidence.registered)
    log, block, _ = heads.checks(evidence.registered)
    for check in (log, block):
        if check.result == "fail":
            raise Invalid(f"evidence: {check.detail}")
        if check.result == "unknown":
            raise CannotTell(f"evidence: {check.detail}")
    payload = evidence.statement.statement.payload
    if not isinstance(payload, (IssuerNotice, StatusListNotice)):
        raise Invalid("the evidence is not a statement of the notary")
    if sha256(evidence.document) != payload.sha256:
        raise Invalid("the evidence's document is not the one that the notary registered")
    if not _check_signer(evidence.statement, evidence.registered, block, heads.policy).notary:
        raise Invalid("the evidence is signed by an issuer that the policy does not call a notary")
    return payload


def check_status(receipt: Receipt, evidence: Evidence, at_ms: int, heads: Heads) -> str:
    status, signed = read_status(evidence, heads), receipt.statement
    origin, read_ms = receipt.registered.block.origin, read_ms_of(evidence)
    return judge_status(status, signed.entry_id, origin, signed.statement.iss, at_ms, read_ms)


def read_status(evidence: Evidence, heads: Heads) -> EntryStatus:
    """The list that the notary registered; raises Invalid or CannotTell."""
    if not isinstance(_check_evidence(evidence, heads), StatusListNotice):
        raise Invalid("the evidence for the status is not a status list")
    try:
        return parse_entry_status(evidence.document)
    except Malformed as error:
        raise CannotTell(f"this version cannot read the registered status list: {error}") from error


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
