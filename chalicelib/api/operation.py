"""Operations: one table describes every route, registers it, and is the API's description."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..notary.admit import Caller
from .request import Reply, Request

if TYPE_CHECKING:
    from ..bootstrap import Service

ENTRIES_WRITE = "entries:write"
JOBS_READ = "jobs:read"
JOBS_APPROVE = "jobs:approve"
WEBHOOKS_MANAGE = "webhooks:manage"
DOCUMENTS_ISSUE = "documents:issue"
SCOPES = {
    ENTRIES_WRITE: "register statements and open uploads",
    JOBS_READ: "read one's own jobs and their receipts",
    JOBS_APPROVE: "approve and reject jobs of one's own tenant that somebody else sent",
    WEBHOOKS_MANAGE: "add, change and remove one's own webhooks",
    DOCUMENTS_ISSUE: "issue documents with an issuer's key in KMS, and see and destroy them",
}


@dataclass
class Call:
    """One request on its way: with the service, and the caller once the token is checked."""

    request: Request
    service: Service
    signed_in: Caller | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def caller(self) -> Caller:
        assert self.signed_in is not None, "the operation names no scope"
        return self.signed_in

    @cached_property
    def now_ms(self) -> int:
        return self.service.clock_ms()

    @property
    def deadline(self) -> float:
        """When the client would rather have any answer (monotonic clock)."""
        return self.started + (self.request.wait_s() or 0)

    def url(self, path: str) -> str:
        return self.service.public_url + path


View = Callable[[Call], Reply]


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    ``gives`` are the media types of each good status, ``takes`` those of the body. ``problems``
    name what the view refuses; what every operation of its kind refuses is added. ``parameters``,
    ``query`` and ``sends`` describe what may stand in the path, the query and the request's
    headers, ``headers`` those of the answer; ``reads`` and ``returns`` name schemas of JSON.
    """

    method: str
    path: str
    view: View
    summary: str
    gives: Mapping[int, tuple[str, ...]]
    scope: str = ""
    takes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    reads: str = ""
    name: str = ""

    @property
    def id(self) -> str:
        """Unique: a view that serves several routes has a name for each."""
        return self.name or self.view.__name__

    @property
    def all_problems(self) -> tuple[str, ...]:
        names = {"internal-error", "not-ready", "bad-query", "too-many-requests", "busy"}
        names |= set(self.problems)
        if self.scope:
            names |= {"missing-token", "invalid-token", "insufficient-scope"}
            names |= {"identity-provider-unreachable"}
        if self.takes:
            names |= {"unsupported-media-type", "too-many-bytes"}
            names |= {"outcome-unknown"}
        return tuple(sorted(names))
