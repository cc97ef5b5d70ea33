"""``tally erase``: what connects people with entries, destroyed on the issuer's machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from ...proof.errors import Malformed
from ...proof.hashes import Hash
from ...proof.members import read_hash
from ..failure import Misused, Unfinished, echo_json
from ..files import shown
from ..journal import JOURNAL, STATE, open_journal
from ..keyfile import read_key
from ..rosters.issued import ISSUED, open_issued
from ..settings import FILE, Command, json_option, key_option
from .erasing import ERASED, ERASURE_SUFFIX, Plan, carry_out, keep_intent, make_plan, read_intent
from .selecting import Chosen, Place, Shelf, choose, places_of


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--out", required=True, type=FILE, help="Where they were notarised or issued into.")
@click.option("--entry", "ids", multiple=True, metavar="ID", help="By the id of the entry, in hex.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    nargs=2,
    metavar="COLUMN VALUE",
    help="The credentials that say so, such as /student_number S1; of several, all.",
)
@key_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def erase(
    names: tuple[str, ...],
    out: Path,
    ids: tuple[str, ...],
    claims: tuple[tuple[str, str], ...],
    key: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Destroy what connects documents with their entries: salts, seeds, credentials, journal lines.

    NAME is the name of a file in OUT, with its ending or without. OUT/erased then holds, by entry
    id, a signed erasure receipt and the receipt without its salt. Interrupted, run the same command
    again. It cannot be undone. Backups, rosters, the documents themselves and what was handed out
    are not in OUT: they are yours to destroy.
    """
    signer = read_key(key)
    wanted = [_read_entry(text) for text in ids]
    done = [entry for entry in wanted if _erasure_path(out, entry).exists()]
    wanted = [entry for entry in wanted if entry not in done]
    with _open(out) as shelf:
        begun = read_intent(out)
        if begun is not None:
            carry_out(shelf, begun, signer, _now_ms())
            done += begun.entries
    if not (done or begun or names or wanted or claims):
        raise Misused("say which documents: by NAME, --entry or --claim")
    with _open(out) as shelf:
        chosen = choose(shelf, names, wanted, claims, missing_ok=begun is not None)
        _warn(chosen, out)
        if chosen.issued or chosen.documents:
            plan = make_plan(shelf, chosen, signer)
            _confirm(plan, chosen, out, yes, as_json)
            keep_intent(out, plan)
            carry_out(shelf, plan, signer, _now_ms())
            done += plan.entries
    _tell(out, list(dict.fromkeys(done)), as_json)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _read_entry(text: str) -> Hash:
    try:
        return read_hash(text, "--entry")
    except Malformed as error:
        raise Misused(str(error)) from error


def _erasure_path(out: Path, entry: Hash) -> Path:
    return out / ERASED / f"{entry.hex()}{ERASURE_SUFFIX}"


@contextmanager
def _open(out: Path) -> Iterator[Shelf]:
    """What is there, for this process alone."""
    with ExitStack() as stack:
        issued = None
        if (out / STATE / ISSUED).exists():
            issued = stack.enter_context(open_issued(out, erasing=True))
        places = []
        for path in places_of(out):
            journal = None
            if (path / STATE / JOURNAL).exists():
                journal = stack.enter_context(open_journal(path, erasing=True))
            places.append(Place(path, journal))
        if not places:
            raise Misused(f"{shown(out)} is not a directory with receipts")
        yield Shelf(out, issued, places)


def _warn(chosen: Chosen, out: Path) -> None:
    if chosen.unread:
        click.echo(
            f"note: {len(chosen.unread)} credentials are not in {shown(out)}, so that nobody could "
            f"look for claims in them, such as {chosen.unread[0]}: if they are meant, name them",
            err=True,
        )


def _confirm(plan: Plan, chosen: Chosen, out: Path, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json:
        raise Misused("--json asks nobody: give --yes")
    names = dict.fromkeys([*chosen.issued, *(name for _, name in chosen.documents)])
    for name in names:
        click.echo(shown(name), err=True)
    question = f"Erase this, of {_entries(len(plan.entries))}, from {shown(out)}, for ever?"
    if not click.confirm(question, err=True):
        raise Unfinished("nothing was erased")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _tell(out: Path, done: Sequence[Hash], as_json: bool) -> None:
    """By entry id alone: with names beside them, the screen would tell whose they were."""
    files = [shown(_erasure_path(out, entry)) for entry in sorted(done)]
    if as_json:
        echo_json({"erased": [entry.hex() for entry in sorted(done)], "receipts": [*files]})
        return
    for file in files:
        click.echo(file)
    click.echo(
        f"erased: {_entries(len(files))}. Backups and copies elsewhere are yours to destroy."
    )
