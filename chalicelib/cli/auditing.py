"""``tally audit URL``: reread a log from its first byte, trusting nobody but its key."""

from __future__ import annotations

from pathlib import Path
from time import sleep

import click

from ..notary.audit import AuditFailure, AuditReport
from ..notary.audit import audit as audit_log
from ..notary.ports import Row
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue
from ..proof.note import VerifierKey, parse_vkey
from ..proof.policy import Policy
from ..proof.times import format_time
from .failure import Failure, Misused, Unfinished, Wrong, echo_json
from .http import Http, check_url
from .reader import HttpLogReader
from .settings import Command, json_option, policy_option
from .trust import read_policy_option, service_policy

_PAUSES_S = (0.5, 1.0, 2.0)


@click.command(cls=Command)
@click.argument("url", envvar="TALLY_URL")
@click.option("--vkey", help="The log's key as C2SP writes it: NAME+ID+KEY.")
@policy_option
@json_option
def audit(url: str, vkey: str | None, policy: Path | None, as_json: bool) -> None:
    """Read the whole log at URL and check every byte: 0 right, 1 wrong, 2 cannot tell.

    Without --vkey or --policy the key is what the service says it is: that shows a log at one with
    itself, not that it is the log you know.
    """
    if vkey is not None and policy is not None:
        raise Misused("give --vkey or --policy, not both")
    with Http(check_url(url)) as http:
        key, witnesses = _log_keys(http, vkey, policy)
        reader = _PatientReader(http)
        if reader.checkpoint() is None:
            raise Unfinished(f"{http.url} publishes no checkpoint; is it the address of a log?")
        try:
            report = audit_log(reader, key, witnesses)
        except AuditFailure as failure:
            raise fail_audit(failure) from failure
    if not report.sealed:
        raise Unfinished(
            f"block {report.blocks} is published but not yet listed, so its signature could not be"
            " checked; everything else is right. Audit again in a minute"
        )
    echo_report(report, as_json=as_json)
    if vkey is None and policy is None:
        click.echo("(the log's key is its service's own word: give --policy or --vkey)", err=True)


class _PatientReader(HttpLogReader):
    """A block is published a moment before it is listed."""

    def row(self, height: int) -> Row | None:
        row = super().row(height)
        for pause_s in _PAUSES_S:
            if row is not None:
                break
            sleep(pause_s)
            row = super().row(height)
        return row


def _log_keys(
    http: Http, vkey: str | None, policy: Path | None
) -> tuple[VerifierKey, list[VerifierKey]]:
    """The log's key, and those of the witnesses that the policy names."""
    if vkey is not None:
        try:
            return parse_vkey(vkey), []
        except Malformed as error:
            raise Misused(f"--vkey: {error}") from error
    trusted = service_policy(http) if policy is None else read_policy_option(policy)
    if trusted is None:
        raise Unfinished(
            f"{http.url} suggests no policy: is it a Tally service? Else give --vkey or --policy"
        )
    witnesses = [key for key in trusted.tlog.witnesses.values() if key.loaded is not None]
    return _only_key(trusted), witnesses


def _only_key(policy: Policy) -> VerifierKey:
    keys = [key for keys in policy.tlog.logs.values() for key in keys]
    if len(keys) != 1:
        raise Misused(f"the policy names {len(keys)} log keys; say which with --vkey")
    return keys[0]


def fail_audit(failure: AuditFailure) -> Failure:
    facts: dict[str, JsonValue] = {
        "what": failure.what,
        "where": failure.where,
        "expected": str(failure.expected),
        "found": str(failure.found),
    }
    return Wrong(f"the audit failed: {failure}", facts)


def echo_report(report: AuditReport, *, as_json: bool) -> None:
    if as_json:
        echo_json(_write_report(report))
        return
    click.echo(f"log         {report.origin}")
    click.echo(f"blocks      {report.blocks}")
    click.echo(f"entries     {report.entries}, of which {report.statements} are statements")
    click.echo(f"root hash   {report.root.hex()}")
    click.echo(f"newest      {format_time(report.timestamp_ms)}")
    click.echo("everything that was read is right")


def _write_report(report: AuditReport) -> dict[str, JsonValue]:
    return {
        "origin": report.origin,
        "blocks": report.blocks,
        "entries": report.entries,
        "statements": report.statements,
        "root": report.root.hex(),
        "timestamp_ms": report.timestamp_ms,
    }
