"""Webhooks by Standard Webhooks 1.0.0: what is told to whom, and how it is signed.

An *event* says that something has happened to things that have ids. It holds ids and counts, and
gets a link to the API; nothing else can be put in: whoever may know more asks with a token. An
*endpoint* is a URL of a tenant, to which events of some types are posted. The id of an event
follows from what happened, so that it is the same however often it is told: receivers drop what
they have seen.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ...proof.errors import Malformed
from ...proof.hashes import sha256
from ...proof.jcs import format_jcs
from ...proof.limits import INTEGER
from ...proof.payload import STATUS_KINDS, check_did
from ...proof.text import MalformedBase64, format_base64, parse_base64
from ...proof.times import format_time

SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 64 + 1)


class MalformedSecret(Malformed):
    """Not ``whsec_`` and 24 to 64 bytes in base64."""


class MalformedEvent(Malformed):
    """An event of an unknown type, or with other members than its type has."""


class MalformedEndpoint(Malformed):
    """An endpoint without secret or events, or with too many."""


def parse_secret(text: str) -> bytes:
    """The key of a secret as receivers know it; raises MalformedSecret."""
    try:
        key = parse_base64(text.removeprefix(SECRET_PREFIX))
    except MalformedBase64:
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise MalformedSecret("a secret is whsec_ and 24 to 64 bytes in base64")
    return key


def format_secret(key: bytes) -> str:
    """The secret of a random key of 24 to 64 bytes."""
    return SECRET_PREFIX + format_base64(key)


def format_signatures(secrets: Sequence[str], id: str, at_s: int, payload: bytes) -> str:
    """The header ``webhook-signature``: one signature with each secret, HMAC-SHA256 over
    ``id.timestamp.payload``."""
    message = b"%s.%d.%s" % (id.encode(), at_s, payload)
    keys = [parse_secret(secret) for secret in secrets]
    return " ".join(f"v1,{format_base64(hmac.digest(key, message, 'sha256'))}" for key in keys)


Value = int | str

Form = Literal["count", "hash", "issuer", "kind"]

_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EventType:
    """``members`` are those of the data, with what each of them is. ``link`` is a path of the API
    that is filled in from them; the hash in it says what the event is about."""

    members: Mapping[str, Form] = field(default_factory=dict)
    link: str = ""


_ENTRY: Mapping[str, Form] = {"entry": "hash", "issuer": "issuer"}
_PLACED: Mapping[str, Form] = {**_ENTRY, "index": "count"}
_ENTRY_LINK = "/v1/receipts/{entry}"
_JOB_LINK = "/v1/jobs/{job}"

EVENTS: Mapping[str, EventType] = {
    "document.registered": EventType(_PLACED, _ENTRY_LINK),
    "document.superseded": EventType({**_PLACED, "target": "hash"}, _ENTRY_LINK),
    "document.erased": EventType(_ENTRY, _ENTRY_LINK),
    "status.changed": EventType({**_PLACED, "target": "hash", "kind": "kind"}, _ENTRY_LINK),
    "job.done": EventType({"job": "hash", "accepted": "count", "rejected": "count"}, _JOB_LINK),
    "job.failed": EventType({"job": "hash"}, _JOB_LINK),
    "job.waiting": EventType({"job": "hash"}, _JOB_LINK),
    "webhook.test": EventType(),
}
"""Every event that there is, by type. A type never changes: receivers know it, and deliveries that
are queued have its members. What is told otherwise is another type."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``at_ms``. ``data`` has exactly the members that its type has."""

    id: str
    type: str
    at_ms: int
    data: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = EVENTS.get(self.type)
        if known is None or self.data.keys() != known.members.keys():
            raise MalformedEvent("an event has a known type, and the members of that type")
        if not _EVENT_ID.fullmatch(self.id):
            raise MalformedEvent("the id of an event is evt_ and a hash")
        for name, form in known.members.items():
            _check_value(self.data[name], form)


_EVENT_ID = re.compile("evt_[0-9a-f]{64}")


def _check_value(value: Value, form: Form) -> None:
    """Numbers, hashes, did:web ids of issuers, and words of the formats: no room for a name."""
    if form == "count":
        good = type(value) is int and 0 <= value <= INTEGER
    elif not isinstance(value, str):
        good = False
    elif form == "issuer":
        good = bool(check_did(value))
    else:
        good = value in STATUS_KINDS if form == "kind" else bool(_HASH.fullmatch(value))
    if not good:
        raise MalformedEvent(f"data of an event are ids and counts; this is no {form}")


def new_event(type_: str, at_ms: int, data: Mapping[str, Value]) -> Event:
    """An event; raises MalformedEvent. Its id follows from its type and the entry or job that it is
    about, to which it happens but once. An event about nothing is another one at each time."""
    about = [data[name] for name in ("entry", "job") if name in data] or [at_ms]
    id_ = f"evt_{sha256(format_jcs([type_, *about])).hex()}"
    return Event(id_, type_, at_ms, data)


def format_payload(event: Event, base_url: str) -> bytes:
    """The body that is posted; ``base_url`` is where the API is."""
    link = EVENTS[event.type].link
    data = {**event.data, "link": base_url + link.format_map(event.data)} if link else event.data
    return format_jcs({"type": event.type, "timestamp": format_time(event.at_ms), "data": data})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL of a tenant. ``secrets`` are sealed, and there is a second one, the older, during
    rotation; ``events`` are the types that are told. Of the log it is told what comes after block
    ``since``. ``disabled`` says why nothing is posted, and is empty while something is.
    ``version`` counts writes: 0 is not yet stored."""

    id: str
    tenant: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    events: frozenset[str]
    since: int = 0
    disabled: str = ""
    version: int = 0

    def __post_init__(self) -> None:
        if len(self.secrets) not in (1, 2):
            raise MalformedEndpoint("an endpoint has one secret, and two during rotation")
        check_event_types(self.events)


def check_event_types(types: Collection[str]) -> None:
    """Raises MalformedEndpoint unless they are some that there are, each once."""
    if not types or not EVENTS.keys() >= set(types) or len(set(types)) != len(types):
        raise MalformedEndpoint(f"events are some of {', '.join(EVENTS)}, each once")


class WrongSeal(Exception):
    """What is sealed is not a secret of this endpoint, or was altered."""


class Sealer(Protocol):
    """Keeps secrets from whoever reads the store: a key that never leaves its place seals them."""

    def seal(self, tenant: str, endpoint: str, secret: str) -> str:
        """The secret as it is stored, good for this endpoint of this tenant alone."""

    def open(self, tenant: str, endpoint: str, sealed: str) -> str:
        """The secret; raises WrongSeal."""


def format_headers(
    secrets: Sequence[str], event: Event, now_ms: int, payload: bytes
) -> dict[str, str]:
    """The headers of one attempt at ``now_ms``; ``secrets`` are open ones."""
    at_s = now_ms // 1000
    return {
        "Content-Type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": format_signatures(secrets, event.id, at_s, payload),
    }


State = Literal["due", "done", "dead"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint.

    ``due``: to be tried at ``due_ms`` or later; ``tries`` counts attempts since ``queued_ms``, and
    ``problem`` names what was wrong with the last one. ``done``: the receiver has it. ``dead``: a
    dead letter, until it is replayed. ``version`` counts writes: 0 is not yet stored.
    """

    endpoint: str
    tenant: str
    event: Event
    state: State
    queued_ms: int
    due_ms: int
    tries: int = 0
    problem: str = ""
    version: int = 0


class WebhookStore(Protocol):
    """Endpoints and deliveries. ``due`` and ``dead`` may lag by a moment; the rest is strongly
    consistent."""

    def endpoint(self, tenant: str, id: str) -> Endpoint | None: ...

    def endpoints(self, tenant: str | None = None) -> list[Endpoint]:
        """Those of the tenant, in order of id; or all there are."""

    def put_endpoint(self, endpoint: Endpoint) -> Endpoint:
        """Write it with the next version, on condition that its own version is the stored one (0:
        none is stored); the endpoint as stored. Raises Conflict or OutcomeUnknown."""

    def remove_endpoint(self, tenant: str, id: str) -> None:
        """Forget URL and secrets; deliveries to it stay as they are, and go nowhere. Idempotent."""

    def delivery(self, endpoint: str, event: str) -> Delivery | None: ...

    def due(self, endpoint: str, now_ms: int, limit: int) -> list[Delivery]:
        """At most ``limit`` of those to the endpoint that are due, the longest due first."""

    def dead(self, endpoint: str, limit: int) -> list[Delivery]:
        """At most ``limit`` dead letters of the endpoint, in order of ``due_ms``."""

    def put(self, delivery: Delivery) -> Delivery:
        """As ``put_endpoint``. It is kept for ``WEBHOOK_KEEP_S`` after ``due_ms`` at least."""

    def told(self) -> int:
        """The height of the last block of which everybody was told; 0 at first."""

    def advance(self, before: int, after: int) -> None:
        """Move that height from ``before`` to ``after``; Conflict when it is another. Raises
        OutcomeUnknown."""
