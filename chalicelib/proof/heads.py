"""Checkpoints and blocks: signed by the log, and cosigned by its witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .attestations import Seen
from .block import verify_block_signature
from .errors import CannotTell, Invalid
from .note import ED25519, UnknownSigners, VerifierKey, verify_note
from .policy import Policy
from .receipt import Inclusion
from .verdict import Check, merge_checks, run_check

# What most receipts get is made once: to raise an error and catch it would cost as much as a check.
_NO_WITNESSES = "the policy asks for no witnesses (quorum none)"
_NOT_WITNESSED = Check("witnesses", "unknown", _NO_WITNESSES, "witnesses/not-asked")


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


def merge_heads(found: list[tuple[Check, Check, Check]]) -> tuple[Check, Check, Check]:
    logs, blocks, witnesses = zip(*found, strict=True)
    return merge_checks(logs), merge_checks(blocks), _best_witnesses(witnesses)


def check_log(inclusion: Inclusion, policy: Policy) -> str:
    origin = inclusion.checkpoint.origin
    try:
        verify_note(inclusion.proof.checkpoint_note, _log_keys(inclusion, policy))
    except UnknownSigners as error:
        raise CannotTell(
            f"no key that the policy has for {origin} signed the checkpoint: is it the policy of"
            " the log that made the receipt?"
        ) from error
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
        raise CannotTell(_NO_WITNESSES, "witnesses/not-asked")
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
