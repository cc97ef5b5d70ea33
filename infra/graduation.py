"""The demo's registrar: a roster of graduates as credentials, and what becomes of some of them.

Each graduate gets an SD-JWT VC and an Open Badge. Then ten names are corrected, five graduates are
suspended and five revoked, and everybody's verifier tells the dates apart.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx

from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.times import format_time

from .attesting import TIMEOUT_S, wake
from .deploy import Deployment
from .graduates import Row, format_roster, make_graduates, with_columns
from .offline import Judged, Offline, Pair, verify_offline
from .roster import UNIVERSITY
from .stages import Command, Facts, call_json, expect, stage

SUPERSEDED, SUSPENDED, REVOKED = 10, 5, 5
SHOWN = 10
"""Graduates of whom nothing changes, and who are in the table beside the others."""

LEAST = SUPERSEDED + SUSPENDED + REVOKED + SHOWN

FORMS = {"": ".jwt", "/revocation": "-revocation.json", "/suspension": "-suspension.json"}
"""The forms of a status list: the end of its URL, and of its file."""

DOCUMENTS = (".jwt", ".json")
"""What is registered of a credential in either form."""

CORRECTED = "their corrections"

WANTED = {
    "good": (0, 0),
    "superseded": (0, 1),
    CORRECTED: (0, 0),
    "suspended": (0, 1),
    "revoked": (0, 1),
}
"""Exit codes of tally-verify on both dates. (The corrections were registered within a minute of the
first, which a verifier's clock may be behind.)"""

ENDINGS = (
    *DOCUMENTS,
    *(f"{ending}.receipt.json" for ending in DOCUMENTS),
    ".sd-jwt",
    ".disclosures.json",
)
"""What is left of each graduate's credentials."""

ASIDE = ".superseded-1"
"""What stands in the names of files that others have superseded."""


@dataclass(slots=True)
class Graduation:
    """Where the registrar works (``work``), and what is left of it in ``out``. ``names`` are those
    of graduates' files, ``states`` some of them by what became of them; ``dates`` are before that
    and after, in POSIX milliseconds; ``lists`` are the files of status lists."""

    out: Path
    work: Path
    key: Path
    policy: Path
    count: int
    names: list[str] = field(default_factory=list)
    states: dict[str, list[str]] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)
    dates: tuple[int, int] = (0, 0)

    @property
    def statements(self) -> int:
        """How many it has in the log."""
        return len(DOCUMENTS) * (self.count + SUPERSEDED + SUSPENDED + REVOKED)

    @property
    def issued(self) -> Path:
        return self.work / "issued"

    @property
    def receipts(self) -> Path:
        return self.issued / "receipts"

    def files(self) -> set[str]:
        """What ``out`` is promised to hold of it."""
        names = [*self.names, *(f"{name}{ASIDE}" for name in self.states["superseded"])]
        credentials = {f"credentials/{name}{ending}" for name in names for ending in ENDINGS}
        return credentials | {f"status/{file}" for file in self.lists}

    def settings(self, deployment: Deployment) -> Mapping[str, str]:
        return {
            "TALLY_URL": deployment.url,
            "TALLY_KEY": str(self.key),
            "TALLY_POLICY": str(self.policy),
        }

    def receipts_of(self, names: Sequence[str]) -> list[Path]:
        return [
            self.receipts / f"{name}{ending}.receipt.json" for name in names for ending in DOCUMENTS
        ]


def graduate(graduation: Graduation, deployment: Deployment) -> None:
    """Issue, correct, suspend, revoke, and leave credentials and lists."""
    rows = make_graduates(graduation.count)
    stage(
        lambda facts: (
            f"tally issue: {facts['in']} rows in = {len(facts['issued'])} issued"
            f" + {len(facts['rejected'])} rejected, each as SD-JWT VC and Open Badge"
        ),
        lambda: issue(graduation, deployment, rows),
    )
    before_ms = _next_second_ms()
    _next_second_ms()  # and what is changed takes effect later than that
    stage(
        lambda _: (
            f"{SUPERSEDED} graduates' names are corrected, which supersedes; {SUSPENDED} are"
            f" suspended, {REVOKED} revoked"
        ),
        lambda: change(graduation, deployment, rows),
    )
    graduation.dates = (before_ms, _next_second_ms())
    stage(
        lambda facts: f"tally receipt refresh: {len(facts['receipts'])} receipts tell of it",
        lambda: refresh(graduation, deployment),
    )
    stage(
        lambda found: f"{len(found)} status lists are copied as they are served",
        lambda: fetch_lists(graduation, deployment),
    )
    leave(graduation)


def _next_second_ms() -> int:
    """Wait for the next whole second: effective times are seconds."""
    at_s = int(time.time()) + 1
    time.sleep(max(0.0, at_s - time.time()))
    return at_s * 1000


def issue(graduation: Graduation, deployment: Deployment, rows: Sequence[Row]) -> Facts:
    facts = _issue(graduation, deployment, "graduates.csv", rows)
    expect("graduates that were issued", len(facts["issued"]), graduation.count)
    graduation.names = names = [each["name"] for each in facts["issued"]]
    parts = (SUPERSEDED, SUSPENDED, REVOKED, SHOWN)
    for state, size in zip(("superseded", "suspended", "revoked", "good"), parts, strict=True):
        graduation.states[state], names = names[:size], names[size:]
    return facts


def _issue(
    graduation: Graduation, deployment: Deployment, name: str, rows: Sequence[Row], *more: str
) -> Facts:
    roster = graduation.work / name
    roster.write_bytes(format_roster(rows))
    command = ("tally", "issue", roster, "--profile", "education/diploma", "--form", "both")
    place = ("--out", graduation.issued)
    return call_json((*command, *place, *more), graduation.settings(deployment), graduation.work)


def change(graduation: Graduation, deployment: Deployment, rows: Sequence[Row]) -> None:
    """Say what became of them, and have the lists made: the publisher's schedule does so once a
    minute."""
    corrected = [with_columns(row, {"Full name": f"{row[0]} (Hon.)"}) for row in rows[:SUPERSEDED]]
    facts = _issue(graduation, deployment, "corrections.csv", corrected, "--correct")
    expect("corrections that were issued", len(facts["issued"]), SUPERSEDED)
    for state, verb, reason in (
        ("suspended", "suspend", "under-review"),
        ("revoked", "revoke", "misconduct"),
    ):
        receipts = graduation.receipts_of(graduation.states[state])
        command: Command = ("tally", verb, *receipts, "--reason", reason)
        call_json(command, graduation.settings(deployment), graduation.work)
    publish(deployment)


def publish(deployment: Deployment) -> None:
    """Have the lists made and registered, as the schedules do once a minute."""
    wake(deployment, "publisher")
    wake(deployment, "sweep")


def refresh(graduation: Graduation, deployment: Deployment) -> Facts:
    """The receipts of all that is in the table; old ones of what was superseded, too."""
    receipts = sorted({pair.receipt for _, pair in pairs(graduation)})
    settings = graduation.settings(deployment)
    return call_json(("tally", "receipt", "refresh", *receipts), settings, graduation.work)


def pairs(graduation: Graduation) -> list[tuple[str, Pair]]:
    """Documents and receipts of the table, by state; those that were superseded stand aside."""
    found: list[tuple[str, Pair]] = []
    for state, names in graduation.states.items():
        aside = ASIDE if state == "superseded" else ""
        for name in names:
            for ending in DOCUMENTS:
                found.append((state, _pair(graduation, f"{name}{aside}", ending)))
                if aside:
                    found.append((CORRECTED, _pair(graduation, name, ending)))
    return found


def _pair(graduation: Graduation, name: str, ending: str) -> Pair:
    """An SD-JWT VC is shown whole, and its receipt is of what the issuer signed of it."""
    shown = ".sd-jwt" if ending == ".jwt" else ending
    return Pair(
        graduation.issued / "credentials" / f"{name}{shown}",
        graduation.receipts / f"{name}{ending}.receipt.json",
    )


def fetch_lists(graduation: Graduation, deployment: Deployment) -> list[str]:
    """Copy the lists that the table's credentials name, in each form, as they are served: a list
    is made once somebody has asked for it."""
    lists = sorted({_list_of(pair.document) for _, pair in pairs(graduation)} - {""})
    files = {
        f"{name}{file}": f"{deployment.url}/v1/issuers/{UNIVERSITY}/lists/{name}{form}"
        for name in lists
        for form, file in FORMS.items()
    }
    with httpx.Client(timeout=TIMEOUT_S) as client:
        for url in files.values():
            expect(f"the first answer of {url}", client.get(url).status_code, 503)
        publish(deployment)
        for file, url in files.items():
            found = client.get(url).raise_for_status()
            (graduation.out / "status" / file).write_bytes(found.content)
    graduation.lists = list(files)
    return graduation.lists


def _list_of(document: Path) -> str:
    """The name of the list that an SD-JWT VC names; nothing for another document."""
    if document.suffix != ".sd-jwt":
        return ""
    payload = cast("Facts", parse_sd_jwt(document.read_text()).payload)
    return str(payload["status"]["status_list"]["uri"]).rpartition("/")[2]


def leave(graduation: Graduation) -> None:
    """Credentials with their receipts, and of each SD-JWT VC what may be withheld, readable."""
    place = graduation.out / "credentials"
    for path in sorted((graduation.issued / "credentials").iterdir()):
        shutil.copyfile(path, place / path.name)
        if path.suffix == ".sd-jwt":
            disclosures = parse_sd_jwt(path.read_text()).disclosures
            shown = [[each.name, each.value] for each in disclosures]
            text = json.dumps(shown, ensure_ascii=False, indent=1)
            (place / f"{path.stem}.disclosures.json").write_text(text + "\n", "utf-8")
    for path in graduation.receipts.glob("*.receipt.json"):
        shutil.copyfile(path, place / path.name)


def judge(graduation: Graduation, service: tuple[str, int]) -> Offline:
    """Every pair of the table on both dates, in a process without network; prints the table."""
    listed = pairs(graduation)
    dates = [format_time(at_ms) for at_ms in graduation.dates]
    asked = [Pair(each.document, each.receipt, at) for at in dates for _, each in listed]
    offline = verify_offline(asked, graduation.policy, service)
    print_table([state for state, _ in listed], dates, offline.judged)
    return offline


def print_table(states: Sequence[str], dates: Sequence[str], judged: Sequence[Judged]) -> None:
    """How many credentials in each state got which verdict, on each date."""
    columns = [judged[: len(states)], judged[len(states) :]]
    print(f"\n{'credentials':<20}{dates[0]:>26}{dates[1]:>26}")
    for state, wanted in WANTED.items():
        codes = [
            [each.code for each, kind in zip(column, states, strict=True) if kind == state]
            for column in columns
        ]
        cells = [_count(column) for column in codes]
        print(f"{state:<20}{cells[0]:>26}{cells[1]:>26}")
        found = tuple(set(column) for column in codes)
        expect(f"exit codes for {state}", found, tuple({code} for code in wanted))


_VERDICTS = {0: "valid", 1: "invalid", 2: "cannot tell"}


def _count(codes: Sequence[int]) -> str:
    return ", ".join(
        f"{codes.count(code)} {name}" for code, name in _VERDICTS.items() if code in codes
    )
