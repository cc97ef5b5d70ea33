"""``tally issue``: a roster in; credentials, receipts and a reconciliation out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from ...notary.issue import Issuing, check_badge
from ...notary.profiles import Profile, profiles
from ...notary.roster.columns import ColumnMap, parse_column_map
from ...notary.roster.encoding import ENCODINGS, Encoding
from ...notary.roster.reading import Roster, read_roster
from ...proof.errors import Malformed
from ..failure import EXIT_WRONG, Misused, Wrong, echo_json
from ..filenames import safe_name
from ..files import parse_file, read_file, shown
from ..http import Http, check_url
from ..keyfile import read_key
from ..settings import FILE, Command, json_option, key_option, policy_option, token_option
from ..tokens import tokens_for
from .issued import ENDINGS, OPEN_BADGES, SD_JWT_VC, open_issued, read_issued
from .issuing import Run
from .making import CREDENTIALS, RECEIPTS, Maker
from .planning import Planned, Planner
from .reconciliation import Reconciliation, describe_fault

T = TypeVar("T")

_FORMS = {
    SD_JWT_VC: (SD_JWT_VC,),
    OPEN_BADGES: (OPEN_BADGES,),
    "both": (SD_JWT_VC, OPEN_BADGES),
}
_FAULTS_SHOWN = 1_000
"""Faults that are printed; the count is whole, and the reconciliation names every row."""

_ROSTER_PROFILES = [name for name, each in profiles().items() if each.natural_key]


@click.command(cls=Command)
@click.argument("roster", metavar="ROSTER.csv", type=FILE)
@click.option(
    "--profile",
    required=True,
    type=click.Choice(_ROSTER_PROFILES),
    metavar="PROFILE",
    help="What each row is: " + ", ".join(_ROSTER_PROFILES) + ".",
)
@key_option
@click.option("--out", required=True, type=FILE, help="The directory, the same one every year.")
@click.option(
    "--form",
    type=click.Choice(list(_FORMS)),
    default=SD_JWT_VC,
    show_default=True,
    help="SD-JWT VC, whose holder withholds what she likes; Open Badges 3.0; or both.",
)
@click.option("--columns", type=FILE, metavar="MAP.json", help="Columns to JSON pointers, or null.")
@click.option("--name-column", metavar="COLUMN", help="What files are named by, not the row.")
@click.option(
    "--encoding", type=click.Choice(ENCODINGS), default="auto", show_default=True, metavar="NAME"
)
@click.option("--dry-run", is_flag=True, help="Say what would be issued, and issue nothing.")
@click.option("--correct", is_flag=True, help="Supersede what was issued with other claims.")
@click.option("--no-status", is_flag=True, help="Issue without a place in status lists.")
@click.option("--skip-bad", is_flag=True, help="Issue the good rows when others are wrong.")
@click.option(
    "--again",
    type=int,
    multiple=True,
    metavar="ROW",
    help="Issue this row although its document may have been erased; give several by several.",
)
@click.option("--url", envvar="TALLY_URL", help="The service's address. [env: TALLY_URL]")
@token_option
@policy_option
@json_option
def issue(
    roster: Path,
    profile: str,
    key: Path,
    out: Path,
    form: str,
    columns: Path | None,
    name_column: str | None,
    encoding: Encoding,
    dry_run: bool,
    correct: bool,
    no_status: bool,
    skip_bad: bool,
    again: tuple[int, ...],
    url: str | None,
    token: str | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Issue a credential for each row of ROSTER.csv, register it, and keep its receipt.

    Credentials are made and signed here; only signed statements are sent. OUT/credentials holds
    them, OUT/receipts what proves them, OUT/reconciliation.json what became of each row.
    Interrupted, run the same command again: nothing is issued twice. With --correct, a row whose
    document was issued with other claims supersedes it. OUT/.tally keeps what a rerun
    needs, and what next year's duplicates are known by.
    """
    signer = read_key(key)
    issuing, forms = Issuing(signer.iss, signer.key, profiles()[profile]), _FORMS[form]
    if OPEN_BADGES in forms:
        _misused_if_malformed("--form", lambda: check_badge(issuing))
    given = {} if columns is None else _read_columns(columns)
    found = _read_roster(roster, issuing.profile, encoding, given, name_column)
    stem = safe_name(roster.stem) or "row"
    planner = Planner(issuing, forms, stem, not no_status, correct, again)
    result = Reconciliation(roster, found, forms)
    maker = Maker(issuing, forms, int(time.time()), not no_status, result.name)
    run = Run(planner, maker, signer, out, result)
    if dry_run:
        run.plan(read_issued(out))
        _tell_plan(run, as_json)
    else:
        _issue(run, skip_bad, _address(url), token, policy, as_json)
    if run.result.wrong:
        raise click.exceptions.Exit(EXIT_WRONG)


def _misused_if_malformed(what: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except Malformed as error:
        raise Misused(f"{what}: {error}") from error


def _read_columns(path: Path) -> ColumnMap:
    data = read_file(path)
    return _misused_if_malformed(f"--columns {shown(path)}", lambda: parse_column_map(data))


def _read_roster(
    path: Path, profile: Profile, encoding: Encoding, columns: ColumnMap, name_column: str | None
) -> Roster:
    def read(data: bytes) -> Roster:
        return read_roster(
            data, profile, encoding=encoding, columns=columns, name_column=name_column
        )

    return parse_file(path, read)


def _address(url: str | None) -> str:
    if url is None:
        raise Misused("give --url, the service's address, or --dry-run")
    return check_url(url)


def _issue(
    run: Run, skip_bad: bool, url: str, token: str | None, policy: Path | None, as_json: bool
) -> None:
    with open_issued(run.out) as issued:
        run.plan(issued)
        if run.result.refused and not skip_bad:
            if not as_json:
                _tell_notes_and_faults(run.result)
            raise Wrong(
                f"{_rows(run.result.roster.total)}: nothing was issued, for "
                f"{_rows(len(run.result.refused))} cannot be; mend that, or give --skip-bad",
                run.result.facts(),
            )
        with Http(url) as http:
            http.tokens = tokens_for(http, run.signer, token)
            run.finish(issued, http, policy)
    _tell_result(run, as_json)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _tell_notes_and_faults(result: Reconciliation) -> None:
    for note in result.roster.notes:
        click.echo(f"note: {note}", err=True)
    lines = [describe_fault(each.number, fault) for each in result.refused for fault in each.faults]
    for line in lines[:_FAULTS_SHOWN]:
        click.echo(line, err=True)
    more = sum(each.total for each in result.refused) - len(lines[:_FAULTS_SHOWN])
    if more:
        click.echo(f"and {more} more", err=True)


def _tell_plan(run: Run, as_json: bool) -> None:
    """What a dry run would issue, as if all went well."""
    run.result.issued = run.planned
    if as_json:
        echo_json({**run.result.facts(), "dry_run": True})
        return
    _tell_notes_and_faults(run.result)
    forms = run.result.forms
    for planned in run.planned:
        click.echo(f"row {planned.row.number}: {_files(planned, forms)}")
    click.echo(
        f"{_rows(run.result.roster.total)} in: {len(run.planned)} would be issued"
        f"{_of_them(run.planned, forms)}, {run.result.wrong} rejected; nothing was issued"
    )


def _files(planned: Planned, forms: tuple[str, ...]) -> str:
    return ", ".join(planned.name + ENDINGS[form] + _fate(planned, form) for form in forms)


def _fate(planned: Planned, form: str) -> str:
    if form in planned.before:
        return " (issued before)"
    return " (would supersede the one issued before)" if form in planned.olds else ""


def _of_them(planned: Sequence[Planned], forms: tuple[str, ...]) -> str:
    """How many rows were issued before, and how many this run issues in place of older ones."""
    before = sum(all(form in each.before for form in forms) for each in planned)
    later = sum(any(f in each.olds and f not in each.before for f in forms) for each in planned)
    counts = ((before, "before"), (later, "in place of older ones"))
    told = ", ".join(f"{count} of them {what}" for count, what in counts if count)
    return told and f" ({told})"


def _tell_result(run: Run, as_json: bool) -> None:
    result = run.result
    if as_json:
        echo_json(result.facts())
        return
    _tell_notes_and_faults(result)
    for planned, why in result.rejected:
        for name, reason in sorted(why.items()):
            row = f"row {planned.row.number}, {shown(name)}"
            click.echo(f"{row}: {reason.detail} [{reason.type}]", err=True)
    click.echo(
        f"{_rows(result.roster.total)} in = {len(result.issued)} issued"
        f"{_of_them(result.issued, result.forms)} + {result.wrong} rejected; "
        f"credentials in {shown(run.out / CREDENTIALS)}, receipts in {shown(run.out / RECEIPTS)}"
    )
