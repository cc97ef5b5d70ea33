"""The offline verifier: document, receipt, policy and time in, verdict out. It does no I/O.

Every check is made over all that the receipt holds (``registered`` and, if present, ``attested``):

1. document: its digests, salted, are the commitments that the issuer signed
2. inclusion: the entry is in the tree of the checkpoint (RFC 6962 §2.1.1)
3. log: the checkpoint is signed by a log of the policy (C2SP tlog-checkpoint)
4. block: the block signature binds height, previous block hash and time to that root (RFC 9942)
5. witnesses: the policy's quorum cosigned (C2SP tlog-cosignature, tlog-policy)
6. attestation:…: outside evidence for the block hash
7. issuer: a key of the policy, good at the time of the ``registered`` block, signed the entry
8. credential, disclosures, holder: of an SD-JWT or a VC 2.0 document alone, its own signatures
9. status: what the notary registered about it since
10. expiry: the times that the document itself sets
"""

from __future__ import annotations

from .attestations import check_attestations, write_sightings
from .credential_checks import CREDENTIALS, Asked, Credential, Ground, credential_of
from .early import TIME, is_early, judge_early
from .evidence import check_issuer, check_status
from .expiry import expiry_of
from .heads import Heads, merge_heads
from .inclusion import check_inclusion
from .jcs import JsonValue
from .policy import Policy
from .receipt import Receipt
from .shown import check_document, read_shown
from .verdict import Check, Verdict, decide, run_check

# What most receipts get is made once: to raise an error and catch it would cost as much as a check.
_NO_STATUS = Check("status", "unknown", "the receipt holds no status list", "status/none")
_NO_CREDENTIAL = Credential()


def verify(
    document: bytes | None,
    receipt: Receipt,
    policy: Policy,
    at_ms: int,
    heads: Heads | None = None,
    asked: Asked | None = None,
) -> Verdict:
    """The verdict on a document and its receipt under a policy at a time (POSIX milliseconds).

    ``asked`` is what the holder was asked to sign; then ``holder`` must pass, too."""
    heads = Heads(policy) if heads is None else heads
    inclusions = [receipt.registered]
    if receipt.attested is not None:
        inclusions.append(receipt.attested)
    # The signatures together: each pushes the rest out of the processor's first cache.
    found = [heads.checks(inclusion) for inclusion in inclusions]
    included = run_check("inclusion", check_inclusion, receipt)
    placed = included if included.result == "fail" else found[0][1]
    issuer = run_check("issuer", check_issuer, receipt, placed, heads)
    shown = read_shown(document, receipt)
    bound = run_check("document", check_document, shown.registered, receipt)
    log, block, witnesses = found[0] if len(found) == 1 else merge_heads(found)
    outside = check_attestations(inclusions, policy, heads.seen)
    credential = (
        credential_of(shown, Ground(receipt, policy, bound, placed), at_ms, asked)
        if shown.kind in CREDENTIALS
        else _NO_CREDENTIAL
    )
    checks = [
        bound,
        included,
        log,
        block,
        witnesses,
        *[each.check for each in outside],
        issuer,
        *credential.checks,
        run_check("status", check_status, receipt, receipt.status, at_ms, heads)
        if receipt.status
        else _NO_STATUS,
        expiry_of(shown, bound, at_ms),
    ]
    require = policy.require if asked is None else _also("holder", policy.require)
    if shown.kind == "sd-jwt":
        # What is disclosed is what people read; the digests of the document are of the JWT alone.
        require = _also("disclosures", require)
    logged = included.result == log.result == block.result == "pass"
    facts = _facts(receipt, policy, logged, issuer)
    if outside and (seen := write_sightings(outside)):
        facts["attested"] = seen
    if credential.claims is not None:
        facts["claims"] = credential.claims
    if is_early(at_ms, placed, receipt.registered):
        checks = judge_early(checks, at_ms, receipt.registered)
        require = _also(TIME, require)
        facts["at_before_registration"] = True
    return decide(checks, require, at_ms, facts)


def _also(name: str, require: tuple[str, ...]) -> tuple[str, ...]:
    return require if name in require else (*require, name)


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
