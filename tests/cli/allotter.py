"""A stand-in for ``POST /v1/status-entries``: what it answers has the form of the service's, but
its lineages are random, and no list is served."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.notary.limits import ALLOT_ENTRIES
from chalicelib.proof.limits import STATUS_ENTRIES_LEAST

_FACTOR, _TERM = 48_271, 65_537
"""An odd factor makes a permutation of the indices of a page."""


@dataclass
class Allotter:
    """``asked`` are the counts that were asked for, ``entries`` all that was allotted."""

    url: str
    asked: list[int] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Counter[str] = field(default_factory=Counter)

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        request = json.loads(body)
        issuer, count = request["issuer"], request["count"]
        assert request.keys() == {"issuer", "count"}
        assert 1 <= count <= ALLOT_ENTRIES
        self.asked.append(count)
        entries = [self._next(issuer) for _ in range(count)]
        self.entries += entries
        return 201, json.dumps({"entries": entries}).encode()

    def _next(self, issuer: str) -> dict[str, Any]:
        page, number = divmod(self._numbers[issuer], STATUS_ENTRIES_LEAST)
        self._numbers[issuer] += 1
        place = f"https://{self.url.partition('://')[2]}/v1/issuers/{issuer}/lists/{page}"
        index = (number * _FACTOR + _TERM) % STATUS_ENTRIES_LEAST
        return {"sub": uuid.uuid4().urn, "list": place, "index": index}
