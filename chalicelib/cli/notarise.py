"""``tally notarise``: documents in, receipts out, whatever interrupts.

Sign and journal; then, for every batch with a receipt missing: send, follow, fetch, check, keep.
Each step may be killed and is taken up again by the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from ..proof.errors import Invalid, Malformed
from ..proof.hashes import Hash
from ..proof.jcs import JsonValue
from ..proof.receipt import Receipt, format_receipt, parse_receipt
from .failure import EXIT_WRONG, Failure, Unfinished, echo_json
from .filenames import aside_name
from .files import replace_file, shown, why
from .http import Http
from .journal import STATE, Journal, Rejection, open_journal
from .prepare import RECEIPT_SUFFIX, Order, plan_batches, prepare
from .progress import each, progress_bar
from .submit import JobStatus, job_receipts, submit
from .trust import Trust, service_trust

UNLISTED = Rejection(
    "rejected",
    "the service rejected it and lists only the first reasons; mend those and run this again",
)


@dataclass(slots=True)
class Outcome:
    """What became of the documents, by name. Whoever is in neither has no receipt yet. ``entries``
    are the ids of what was signed for them."""

    out: Path
    documents: int
    entries: dict[str, Hash] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    rejected: dict[str, Rejection] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    """Jobs that wait for a second person."""

    @property
    def waiting(self) -> int:
        return self.documents - len(self.done) - len(self.rejected)

    def facts(self) -> dict[str, JsonValue]:
        held: dict[str, JsonValue] = {"awaiting_approval": list(self.held)} if self.held else {}
        return {
            **held,
            "in": self.documents,
            "done": len(self.done),
            "rejected": [
                {"document": shown(name), "problem": reason.type, "detail": reason.detail}
                for name, reason in sorted(self.rejected.items())
            ],
            "waiting": self.waiting,
            "receipts": shown(self.out),
        }


def report(outcome: Outcome, *, as_json: bool) -> None:
    """Tell what became of the documents; ends the command with 1 if any was rejected."""
    if as_json:
        echo_json(outcome.facts())
    else:
        for name, reason in sorted(outcome.rejected.items()):
            click.echo(f"{shown(name)}: {reason.detail} [{reason.type}]", err=True)
        documents = "document" if outcome.documents == 1 else "documents"
        click.echo(
            f"{outcome.documents} {documents}: {len(outcome.done)} done, "
            f"{len(outcome.rejected)} rejected; receipts in {shown(outcome.out)}"
        )
    if outcome.rejected:
        raise click.exceptions.Exit(EXIT_WRONG)


def describe_held(jobs: Sequence[str]) -> str:
    """What is to be done about jobs that wait for a second person."""
    lines = [f"  tally jobs approve {job} --key THEIR_KEY.json" for job in jobs]
    what = "a job awaits" if len(jobs) == 1 else f"{len(jobs)} jobs await"
    return "\n".join(
        [
            f"{what} approval; another person with a key of their own runs:",
            *lines,
            "then run the same command again, and it goes on from here",
        ]
    )


def notarise(
    documents: Mapping[str, Path], order: Order, http: Http, out: Path, trust: Trust | None
) -> Outcome:
    """Notarise into ``out``; ``trust`` is the user's own, else the service's policy is used.

    Raises Failure, with the outcome so far among its facts, when it could not finish.
    """
    outcome = Outcome(out, len(documents))

    def sign(journal: Journal) -> dict[int, str]:
        with progress_bar("Hashing and signing", len(documents)) as show:
            prepared = prepare(documents, order, journal, out, each(show))
        outcome.rejected.update(prepared.rejected)
        journal.add(prepared.new)
        return prepared.wanted

    return _finish(sign, http, outcome, trust)


def settle(names: Sequence[str], http: Http, out: Path, trust: Trust | None) -> Outcome:
    """Finish what was signed for these documents in ``out``, which need not be there any more."""

    def signed(journal: Journal) -> dict[int, str]:
        return {journal.current[name]: name for name in names}

    return _finish(signed, http, Outcome(out, len(names)), trust)


def _finish(
    choose: Callable[[Journal], dict[int, str]], http: Http, outcome: Outcome, trust: Trust | None
) -> Outcome:
    with open_journal(outcome.out) as journal:
        try:
            wanted = choose(journal)
            outcome.entries.update(
                (name, journal.signed[number].statement.entry_id) for number, name in wanted.items()
            )
            journal.plan(plan_batches(journal, wanted))
            Run(journal, wanted, http, outcome, trust).finish()
        except Failure as failure:
            failure.facts = {**outcome.facts(), **failure.facts}
            raise
    return outcome


@dataclass(slots=True)
class Run:
    """From the journal to receipts; ``wanted`` are the documents of this run by number."""

    journal: Journal
    wanted: Mapping[int, str]
    http: Http
    outcome: Outcome
    trust: Trust | None

    def finish(self) -> None:
        for number, name in self.wanted.items():
            self._look(number, name)
        for batch in self.journal.batches:
            missing = {number for number in batch if self._waits(number)}
            if missing:
                self._complete(batch, missing)
        if self.outcome.held:
            raise Unfinished(describe_held(self.outcome.held))

    def _waits(self, number: int) -> bool:
        name = self.wanted.get(number)
        known = name is None or name in self.outcome.done or name in self.outcome.rejected
        return not known

    def _path(self, name: str) -> Path:
        return self.outcome.out / (name + RECEIPT_SUFFIX)

    def _look(self, number: int, name: str) -> None:
        """A receipt that is there and good is done; a damaged one will be fetched again."""
        path = self._path(name)
        try:
            receipt = parse_receipt(path.read_bytes())
            if receipt.statement.entry != self.journal.signed[number].statement.entry:
                if self._supersedes(number, receipt):
                    return
                self.outcome.rejected[name] = Rejection(
                    "receipt-exists", f"{shown(path)} is another document's; move it away"
                )
                return
            (self.trust or Trust(None)).check(receipt)
        except (FileNotFoundError, Malformed, Invalid):
            return
        except OSError as error:
            raise Unfinished(f"cannot read {shown(path)}: {why(error)}") from error
        if receipt.document == self.journal.signed[number].holder:
            self.outcome.done.add(name)

    def _supersedes(self, number: int, receipt: Receipt) -> bool:
        before = self.journal.superseded(number)
        return before == self.journal.numbers.get(receipt.statement.entry_id, -1)

    def _put_aside(self, number: int) -> None:
        """Keep the receipt of what this document supersedes under another name."""
        name = self.wanted[number]
        if self.journal.superseded(number) is None:
            return
        with suppress(FileNotFoundError, Malformed):
            if self._supersedes(number, parse_receipt(self._path(name).read_bytes())):
                aside = aside_name(name, self.journal.generation(number))
                self._path(name).replace(self._path(aside))

    def _complete(self, batch: tuple[int, ...], missing: set[int]) -> None:
        body = b"".join(self.journal.signed[number].statement.entry for number in batch)
        with progress_bar("Registering", len(batch)) as show:
            job = submit(self.http, body, len(batch), show)
        if job.items not in (0, len(batch)):
            raise Unfinished(f"the service counts {job.items} items where {len(batch)} were sent")
        self._reject({batch[item]: reason for item, reason in job.rejected.items()})
        if job.state == "awaiting-approval":
            self.outcome.held.append(job.id)
            return
        missing = {number for number in missing if self._waits(number)}
        if missing and (job.integrated or job.state == "done"):
            self._fetch(job, batch, missing)
        if job.state == "failed":
            # What the job integrated before it failed has its receipt now; nothing more will come.
            left = [number for number in batch if self._waits(number)]
            name, _, detail = job.problem.partition(": ")
            self._reject(dict.fromkeys(left, Rejection(name or "job-failed", detail)))
        elif missing:
            self._reject_unlisted(job, missing)

    def _reject(self, rejections: dict[int, Rejection]) -> None:
        self.journal.reject(rejections)
        for number, reason in rejections.items():
            if self._waits(number):
                self.outcome.rejected[self.wanted[number]] = reason

    def _fetch(self, job: JobStatus, batch: tuple[int, ...], missing: set[int]) -> None:
        """Fetch, check and keep receipts; ``missing`` loses those that came."""
        if self.trust is None:
            self.trust = service_trust(self.http)
        with progress_bar("Fetching receipts", len(missing)) as show:
            advance = each(show)
            for item, receipt in job_receipts(self.http, job):
                if item < len(batch) and batch[item] in missing:
                    self._keep(batch[item], receipt, self.trust)
                    missing.remove(batch[item])
                    advance()

    def _reject_unlisted(self, job: JobStatus, missing: set[int]) -> None:
        """A job that rejected more than it lists gives neither receipt nor reason for the rest."""
        if len(missing) > job.rejected_count - len(job.rejected):
            raise Unfinished(
                f"the service gave no receipt for {len(missing)} documents; "
                "run the same command again"
            )
        self._reject(dict.fromkeys(missing, UNLISTED))

    def _keep(self, number: int, receipt: Receipt, trust: Trust) -> None:
        name, signed = self.wanted[number], self.journal.signed[number]
        if receipt.statement.entry != signed.statement.entry:
            raise Unfinished(f"the service sent another document's receipt for {shown(name)}")
        try:
            trust.check(receipt)
        except Invalid as error:
            raise Unfinished(
                f"the service's receipt for {shown(name)} does not verify ({error}); it was not "
                "kept. Is --policy of another log? If not, tell the operator"
            ) from error
        self._put_aside(number)
        held = replace(receipt, document=signed.holder)
        # Not synced to disk one by one: what a power cut takes is fetched again by a rerun.
        temporary = self.outcome.out / STATE / "receipt.tmp"
        replace_file(self._path(name), format_receipt(held), temporary, durable=False)
        self.outcome.done.add(name)
