"""What a request says, read strictly, and what is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..notary.limits import WAIT_S
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.members import read_members
from .media import choose, essence
from .problems import Problem

PRIVATE = {"Cache-Control": "private, no-store"}
"""On what a caller alone may see."""

NOT_STORED = {"Cache-Control": "no-store"}
"""On what is true at this moment alone."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_WAIT = re.compile(r'wait\s*=\s*(?:"([0-9]{1,9})"|([0-9]{1,9}))', re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Header names are in lower case, repeated lines joined by commas."""

    id: str
    method: str
    route: str
    headers: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    params: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return essence(self.headers.get("content-type", ""))

    def negotiate(self, offers: Sequence[str]) -> str:
        """The offered media type that the client wants most; refused when it wants none."""
        chosen = choose(self.headers.get("accept", ""), offers)
        if chosen is None:
            raise Problem("not-acceptable", f"Accept one of {', '.join(offers)}")
        return chosen

    def wait_s(self) -> int | None:
        """The seconds of ``Prefer: wait=N`` (RFC 7240 §4.3), at most ``WAIT_S``; None when it is
        not there. A preference that cannot be read is ignored, as §2 demands, and the first of
        several counts."""
        for preference in self.headers.get("prefer", "").split(","):
            token = preference.partition(";")[0].strip()
            if re.split(r"[\s=]", token, maxsplit=1)[0].lower() != "wait":
                continue
            match = _WAIT.fullmatch(token)
            return min(int(match[1] or match[2]), WAIT_S) if match else None
        return None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A query parameter: plain decimal digits between ``low`` and ``high``, given once."""
        values = self.query.get(name)
        if values is None:
            return default
        if len(values) == 1 and _DECIMAL.fullmatch(values[0]) and low <= int(values[0]) <= high:
            return int(values[0])
        raise Problem("bad-query", f"{name} is one decimal integer from {low} to {high}")

    def one(self, name: str, default: str | None = None) -> str:
        """A query parameter that is given once, or, if there is a default, not at all."""
        values = self.query.get(name)
        if values is None and default is not None:
            return default
        if values is None or len(values) != 1:
            raise Problem("bad-query", f"{name} is given once")
        return values[0]

    def limit(self, size: int) -> None:
        """Refuse a body of more than ``size`` bytes, before anything reads it."""
        if len(self.body) > size:
            raise Problem(
                "too-many-bytes", f"at most {size} bytes, not {len(self.body)}: send less at once"
            )

    def json(
        self, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, JsonValue]:
        """The body: a strict I-JSON object with these members and no others."""
        try:
            return read_members(parse_ijson(self.body), "the body", required, optional)
        except Malformed as error:
            raise Problem("malformed-json", str(error)) from error


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. ``media`` is "" where there is no body."""

    status: int
    media: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
