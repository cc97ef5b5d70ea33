"""A registrar with rosters: CSV files of invented graduates, and ``tally issue`` run on them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from click.testing import Result

from chalicelib.cli.keyfile import read_key
from chalicelib.proof.credentials.sd_jwt import SdJwt, parse_sd_jwt
from tests.cli.desk import Desk, tally, tally_json

HEADER = ("Full name", "学号", "Title of the award", "/award/level", "Date of award")
ADA = ("Ada Lovelace", "S1", "Bachelor of Science", "bachelor", "2025-07-09")
SION = ("Siôn Llŷr", "S2", "Bachelor of Laws", "bachelor", "2025-07-09")
CHEN = ("陈𬭎", "S3", "Master of Engineering", "master", "2025-07-10")
GRADUATES = (ADA, SION, CHEN)

Table = Sequence[Sequence[str]]


def csv_text(rows: Table, header: Sequence[str] = HEADER) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


class Registrar:
    """Issues into ``out``, from rosters beside it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.out = desk.path / "issued"
        self.key = read_key(desk.key).key.public

    def roster(
        self,
        rows: Table = GRADUATES,
        header: Sequence[str] = HEADER,
        *,
        name: str = "graduates.csv",
        encoding: str = "utf-8",
    ) -> Path:
        return self.desk.write(name, csv_text(rows, header).encode(encoding))

    def order(self, roster: Path, *flags: object, **options: object) -> list[object]:
        usual: dict[str, object] = {
            "profile": "education/diploma",
            "key": self.desk.key,
            "out": self.out,
            "url": self.desk.front.url,
            **options,
        }
        given = [part for name, value in usual.items() for part in (f"--{name}", value)]
        return ["issue", roster, *given, *flags]

    def issue(self, roster: Path, *flags: object, **options: object) -> Result:
        return tally(*self.order(roster, *flags, **options))

    def facts(self, roster: Path, *flags: object, **options: object) -> dict[str, Any]:
        return tally_json(*self.order(roster, *flags, **options))

    def files(self, place: str) -> list[str]:
        return sorted(path.name for path in (self.out / place).glob("*") if path.is_file())

    def bytes_of(self, place: str) -> dict[str, bytes]:
        return {name: (self.out / place / name).read_bytes() for name in self.files(place)}

    def credential(self, name: str) -> SdJwt:
        return parse_sd_jwt((self.out / "credentials" / name).read_text())

    def badge(self, name: str) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads((self.out / "credentials" / name).read_bytes()))

    @property
    def reconciliation(self) -> dict[str, Any]:
        return cast(
            dict[str, Any], json.loads((self.out / "reconciliation.json").read_text("utf-8"))
        )

    def verify(self, document: Path, receipt: str) -> Result:
        return tally(
            "verify", document, self.out / "receipts" / receipt, "--policy", self.desk.policy
        )
