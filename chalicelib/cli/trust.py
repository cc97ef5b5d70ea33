"""What receipts are checked with before they are kept: inclusion, and with a policy signatures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..proof.command import UsageError, read_policy_file
from ..proof.entry_status import check_subject
from ..proof.errors import CannotTell, Invalid, Malformed
from ..proof.evidence import read_status
from ..proof.heads import Heads
from ..proof.inclusion import check_inclusion
from ..proof.policy import Policy, parse_policy
from ..proof.receipt import Inclusion, Receipt
from ..proof.verdict import Check, Result
from ..proof.verify import verify
from .failure import Misused, Unfinished
from .http import Http, Refused

_NOT_FOUND = 404
_GRADES: tuple[Result, ...] = ("fail", "unknown", "pass")


@dataclass(frozen=True, slots=True)
class Trust:
    """``heads`` checks signatures of log and block under a policy; None without a policy."""

    heads: Heads | None

    def check(self, receipt: Receipt) -> None:
        """Raises Invalid when the receipt does not prove that its entry is in a trusted log."""
        check_inclusion(receipt)
        for inclusion in (receipt.registered, receipt.attested):
            if inclusion is not None:
                self._check_head(inclusion)

    def _check_head(self, inclusion: Inclusion) -> None:
        if self.heads is not None:
            for check in self.heads.checks(inclusion)[:2]:
                if check.result != "pass":
                    raise Invalid(f"{check.name}: {check.detail}")


def check_no_worse(held: Receipt, merged: Receipt, heads: Heads) -> None:
    """Raises Invalid when a check fails on ``merged`` that did not fail on ``held``, or no longer
    passes. The document is not at hand and the same in both."""
    at_ms = time.time_ns() // 1_000_000
    checks = verify(None, held, heads.policy, at_ms, heads).checks
    before = {check.name: check.result for check in checks}
    for check in verify(None, merged, heads.policy, at_ms, heads).checks:
        if _GRADES.index(check.result) < _GRADES.index(before.get(check.name, "unknown")):
            _refuse_unless_news(check, merged, heads)


def _refuse_unless_news(check: Check, merged: Receipt, heads: Heads) -> None:
    """A newer status list that is the notary's own may bring bad news; all else is worse."""
    worse = Invalid(f"the receipt would be worse: {check.name}: {check.detail}")
    if check.name != "status" or merged.status is None:
        raise worse
    block, signed = merged.registered.block, merged.statement
    try:
        listed = read_status(merged.status, heads)
        check_subject(listed, signed.entry_id, block.origin, signed.statement.iss)
    except (Invalid, CannotTell):
        raise worse from None


def read_policy_option(path: Path) -> Policy:
    try:
        return read_policy_file(path)
    except UsageError as error:
        raise Misused(str(error)) from error


def trust_of(path: Path | None) -> Trust:
    """Trust in what the user's own policy file names."""
    return Trust(None if path is None else Heads(read_policy_option(path)))


def service_policy(http: Http) -> Policy | None:
    """The policy that the service suggests: it shows that receipts agree with the log they come
    from, not that the log is to be trusted."""
    try:
        answer = http.get("/v1/policy")
    except Refused as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    try:
        return parse_policy(answer.content)
    except Malformed as error:
        raise Unfinished(f"{http.url}/v1/policy: {error}") from error


def suggested_policy(http: Http) -> Policy:
    """The policy of ``service_policy``, for what cannot be done without one."""
    found = service_policy(http)
    if found is None:
        raise Unfinished(
            f"{http.url} suggests no policy: is it a Tally service? Else give --policy"
        )
    return found


def service_trust(http: Http) -> Trust:
    policy = service_policy(http)
    return Trust(None if policy is None else Heads(policy))
