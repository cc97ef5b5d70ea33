"""``tally suspend``, ``reinstate``, ``revoke`` and ``supersede``: what becomes of documents.

A statement is kept beside its receipt, as RECEIPT.KIND, from before it is sent until its fate is
known: a command that was interrupted sends the same bytes again. What was said before, in the same
words, is not said twice, and is no error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import click

from ..notary.profiles import profiles
from ..proof.entry_status import NOT_SUSPENDED
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue
from ..proof.payload import REASONS, Payload, Register, StatusChange, Supersede
from ..proof.receipt import MEDIA_TYPE, parse_receipt
from ..proof.statement import SignedStatement, parse_statement, sign_statement
from ..proof.times import parse_time
from .failure import EXIT_WRONG, Failure, Misused, Unfinished, Wrong, echo_json
from .files import create_file, parse_file, parse_receipt_file, shown
from .http import Http, check_url
from .journal import Rejection
from .keyfile import IssuerSigner, read_key
from .notarise import notarise, report
from .prepare import Lineage, Order, name_documents
from .settings import (
    FILE,
    Command,
    canonicalization_option,
    json_option,
    key_option,
    policy_option,
    token_option,
    url_option,
)
from .submit import submit
from .tokens import tokens_for
from .trust import trust_of

F = TypeVar("F", bound=Callable[..., object])

_DONE = {"suspend": "suspended", "reinstate": "reinstated", "revoke": "revoked"}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be said about documents: ``effective`` in seconds, None for now."""

    kind: str
    reason: str
    effective: int | None
    signer: IssuerSigner
    now_s: int


def _reason_option(usual: str | None) -> Callable[[F], F]:
    choice = click.Choice(REASONS)
    if usual is None:
        return click.option("--reason", required=True, type=choice)
    return click.option("--reason", default=usual, show_default=True, type=choice)


def _command(kind: str, usual: str | None, help: str) -> click.Command:
    @click.command(kind, cls=Command, help=help)
    @click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True, type=FILE)
    @_reason_option(usual)
    @click.option("--effective", metavar="TIME", help="From when, in RFC 3339; now if left out.")
    @key_option
    @token_option
    @url_option
    @json_option
    def run(
        receipts: tuple[Path, ...],
        reason: str,
        effective: str | None,
        key: Path,
        token: str | None,
        url: str,
        as_json: bool,
    ) -> None:
        signer, now_s = read_key(key), int(time.time())
        change = Change(kind, reason, _seconds(effective), signer, now_s)
        address = check_url(url)
        targets = {path: read_target(path, signer) for path in receipts}
        kept = [_keep(path, target, change) for path, target in targets.items()]
        with Http(address) as http:
            http.tokens = tokens_for(http, signer, token)
            rejected = _send(kept, http)
            before = _said_before(kept, rejected, change, http)
        _tell(kept, rejected, before, _DONE[kind], as_json)

    return run


def _seconds(effective: str | None) -> int | None:
    if effective is None:
        return None
    try:
        return parse_time(effective) // 1000
    except Malformed as error:
        raise Misused(f"--effective: {error}") from error


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement about the document of ``receipt``, whose bytes are in ``file``."""

    receipt: Path
    file: Path
    signed: SignedStatement


def _keep(path: Path, target: SignedStatement, change: Change) -> Kept:
    """The statement that an interrupted command left, or a new one."""
    file = path.with_name(f"{path.name}.{change.kind}")
    if not file.exists():
        effective = change.now_s if change.effective is None else change.effective
        payload = StatusChange(change.kind, target.entry_id, change.reason, effective)
        sub, signer = target.statement.sub, change.signer
        entry = sign_statement(payload, signer.iss, sub, change.now_s, signer.key)
        create_file(file, entry, 0o644)
    signed = parse_file(file, parse_statement)
    kept = signed.statement.payload
    if not isinstance(kept, StatusChange) or kept.target != target.entry_id:
        raise Wrong(f"{shown(file)} is about another document; move it away")
    if kept.reason != change.reason:
        raise Misused(
            f"a command that was interrupted said {kept.reason}: say so again, or remove"
            f" {shown(file)} if it was not sent"
        )
    return Kept(path, file, signed)


def read_target(path: Path, signer: IssuerSigner) -> SignedStatement:
    """The statement in a receipt, if it registered a document of this issuer."""
    signed = parse_receipt_file(path).statement
    if not isinstance(signed.statement.payload, Register | Supersede):
        raise Wrong(f"{shown(path)} is not the receipt of a document")
    if signed.statement.iss != signer.iss:
        raise Misused(f"{shown(path)} is of {signed.statement.iss}, but the key of {signer.iss}")
    return signed


def _send(kept: Sequence[Kept], http: Http) -> dict[int, Rejection]:
    """Have them integrated; those that were rejected, by number. What has its fate is not kept."""
    body = b"".join(each.signed.entry for each in kept)
    job = submit(http, body, len(kept), lambda _: None)
    if job.state != "done" or job.rejected_count != len(job.rejected):
        why = job.problem or "run the same command again"
        raise Unfinished(f"the service did not register everything: {why}")
    for each in kept:
        each.file.unlink(missing_ok=True)
    return job.rejected


def _said_before(
    kept: Sequence[Kept], rejected: Mapping[int, Rejection], change: Change, http: Http
) -> dict[int, str]:
    """Those that were rejected because it is so already, and how it came."""
    before: dict[int, str] = {}
    for number, reason in rejected.items():
        if reason.type != "impossible-change":
            continue
        by = _BY.search(reason.detail)
        if change.kind == "reinstate" and reason.detail.endswith(NOT_SUSPENDED):
            before[number] = NOT_SUSPENDED
        elif by and _says_so(_payload(by[1], http), kept[number], change):
            before[number] = f"{_DONE[change.kind]} before, by {by[1]}"
    return before


_BY = re.compile(r" by ([0-9a-f]{64})$")
"""How a change that cannot be names the one that stands in its way."""


def _payload(entry_id: str, http: Http) -> Payload | None:
    """What an entry says; None if that cannot be had: the rejection stands."""
    try:
        answer = http.get(f"/v1/receipts/{entry_id}", accept=MEDIA_TYPE)
        return parse_receipt(answer.content).statement.statement.payload
    except (Failure, Malformed):
        return None


def _says_so(was: Payload | None, kept: Kept, change: Change) -> bool:
    """Whether an earlier statement says what is to be said now."""
    new = kept.signed.statement.payload
    return (
        isinstance(was, StatusChange)
        and isinstance(new, StatusChange)
        and (was.kind, was.target, was.reason) == (new.kind, new.target, new.reason)
        and change.effective in (None, was.effective)
    )


def _tell(
    kept: Sequence[Kept],
    rejected: Mapping[int, Rejection],
    before: Mapping[int, str],
    done: str,
    as_json: bool,
) -> None:
    results: list[JsonValue] = []
    for number, each in enumerate(kept):
        result: dict[str, JsonValue] = {"receipt": shown(each.receipt)}
        if number in before:
            result["before"] = text = before[number]
        elif number in rejected:
            reason = rejected[number]
            result |= {"problem": reason.type, "detail": reason.detail}
            text = f"{reason.detail} [{reason.type}]"
        else:
            result["entry_id"] = each.signed.entry_id.hex()
            text = f"{done} by {each.signed.entry_id.hex()}"
        results.append(result)
        if not as_json:
            click.echo(f"{shown(each.receipt)}: {text}", err="problem" in result)
    if as_json:
        echo_json({"receipts": results})
    if rejected.keys() - before.keys():
        raise click.exceptions.Exit(EXIT_WRONG)


suspend = _command(
    "suspend", "under-review", "Suspend the documents of RECEIPT, until they are reinstated."
)
reinstate = _command("reinstate", "review-closed", "Make suspended documents good again.")
revoke = _command("revoke", None, "Revoke the documents of RECEIPT for ever.")


@click.command(cls=Command)
@click.argument("old", metavar="OLD_RECEIPT", type=FILE)
@click.argument("new", metavar="NEW_FILE", type=FILE)
@click.option("--out", required=True, type=FILE, help="The directory for the new receipt.")
@key_option
@canonicalization_option
@token_option
@url_option
@policy_option
@json_option
def supersede(
    old: Path,
    new: Path,
    out: Path,
    key: Path,
    canonicalization: Literal["auto", "raw", "jcs"],
    token: str | None,
    url: str,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Register NEW_FILE in place of the document of OLD_RECEIPT, which is good no more.

    Interrupted, run the same command again: nothing is registered twice."""
    signer = read_key(key)
    target = read_target(old, signer)
    payload = target.statement.payload
    assert isinstance(payload, Register | Supersede), "it is the receipt of a document"
    if payload.profile not in profiles():
        raise Misused(f"{payload.profile} is a profile that this version does not know")
    lineages = {new.name: Lineage(target.statement.sub, target)}
    order = Order(signer, payload.profile, canonicalization, int(time.time()), lineages)
    order.check()
    address = check_url(url)
    trust = None if policy is None else trust_of(policy)
    with Http(address) as http:
        http.tokens = tokens_for(http, signer, token)
        outcome = notarise(name_documents([new]), order, http, out, trust)
    report(outcome, as_json=as_json)
