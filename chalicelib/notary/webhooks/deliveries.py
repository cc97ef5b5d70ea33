"""Delivering events to webhooks: at least once, and each try by one deliverer alone.

    due → done, or after many tries → dead → (replayed) due

Every step is one conditional write, so any number of deliverers may run at once and die at any
point. A try is claimed before it is made: the write that counts it also moves the delivery to its
next time, so nobody else makes the same try, and one whose deliverer died is made again then.
What came of it is written afterwards; if that is lost, the receiver gets the event again, with the
same id, and drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..limits import (
    WEBHOOK_AGE_MS,
    WEBHOOK_JITTER,
    WEBHOOK_PAGE,
    WEBHOOK_RUN_MS,
    WEBHOOK_THREADS,
    WEBHOOK_TRIES,
    WEBHOOK_WAITS_MS,
)
from ..ports import Conflict, OutcomeUnknown
from ..public_url import Answer, NotReached, Post
from .events import Delivery, Endpoint, Event, Sealer, WebhookStore, format_headers, format_payload

GONE = "gone"
"""Why an endpoint is disabled that answered so (410), and what is wrong with that delivery."""

_GONE_STATUS = 410
_THROTTLING = frozenset((429, 502, 503, 504))
"""Answers of a server that has too much to do: it is left alone for this run."""


def untold(delivery: Delivery) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Deliverer:
    """``base_url`` is where the API is, for links. ``chance`` gives a number from 0 to below 1.
    ``tell`` is told of each delivery that failed once more."""

    store: WebhookStore
    sealer: Sealer
    post: Post
    base_url: str
    clock_ms: Callable[[], int]
    chance: Callable[[], float]
    tell: Callable[[Delivery], None] = field(default=untold)


def announce(store: WebhookStore, tenant: str, event: Event, now_ms: int) -> list[Delivery]:
    """Queue the event for every endpoint of the tenant that wants it; those that are new.

    Idempotent: whoever is not sure that it was done, after OutcomeUnknown too, does it again."""
    return queue(store, store.endpoints(tenant), event, now_ms)


def queue(
    store: WebhookStore, endpoints: Iterable[Endpoint], event: Event, now_ms: int
) -> list[Delivery]:
    """``announce`` to those of these endpoints that want it."""
    queued: list[Delivery] = []
    for each in endpoints:
        if each.disabled or event.type not in each.events:
            continue
        try:
            queued.append(store.put(Delivery(each.id, each.tenant, event, "due", now_ms, now_ms)))
        except Conflict:
            continue  # it was told before
    return queued


def deliver_due(deliverer: Deliverer) -> list[Delivery]:
    """Make every try that is due; the deliveries that changed, as they are now.

    Endpoints are served side by side, so a slow one holds up few others, and each run begins with
    another of them. One that cannot be reached is tried once a run."""
    until_ms = deliverer.clock_ms() + WEBHOOK_RUN_MS
    endpoints = [each for each in deliverer.store.endpoints() if not each.disabled]
    first = int(deliverer.chance() * len(endpoints))

    def serve(endpoint: Endpoint) -> list[Delivery]:
        return _serve(deliverer, endpoint, until_ms)

    with ThreadPoolExecutor(WEBHOOK_THREADS) as pool:
        served = [pool.submit(serve, each) for each in endpoints[first:] + endpoints[:first]]
    # What went wrong with one is raised only when all others were served.
    return [delivery for each in served for delivery in each.result()]


def replay(store: WebhookStore, endpoint: str, now_ms: int) -> list[Delivery]:
    """Make dead letters of the endpoint due again, at most a page of them; those that are."""
    queued = []
    for delivery in store.dead(endpoint, WEBHOOK_PAGE):
        again = replace(delivery, state="due", queued_ms=now_ms, due_ms=now_ms, tries=0, problem="")
        queued.append(_put(store, again))
    return [delivery for delivery in queued if delivery is not None]


def _serve(deliverer: Deliverer, endpoint: Endpoint, until_ms: int) -> list[Delivery]:
    """Try what is due at one endpoint, page after page, until nothing is or the time is up."""
    changed: list[Delivery] = []
    seen: set[str] = set()
    secrets: list[str] = []
    while True:
        now_ms = deliverer.clock_ms()
        page = deliverer.store.due(endpoint.id, now_ms, WEBHOOK_PAGE)
        new = [delivery for delivery in page if delivery.event.id not in seen]
        if not new:
            return changed
        # Before a try is claimed: a key that cannot be used spends none.
        secrets = secrets or _open(deliverer.sealer, endpoint)
        for delivery in new:
            if deliverer.clock_ms() > until_ms:
                return changed
            seen.add(delivery.event.id)
            now, go_on = _try(deliverer, endpoint, secrets, delivery)
            changed += [now] if now is not None else []
            if not go_on:
                return changed


def _open(sealer: Sealer, endpoint: Endpoint) -> list[str]:
    return [sealer.open(endpoint.tenant, endpoint.id, each) for each in endpoint.secrets]


def _try(
    deliverer: Deliverer, endpoint: Endpoint, secrets: Sequence[str], delivery: Delivery
) -> tuple[Delivery | None, bool]:
    """The delivery after one try, None if somebody else made it; and whether to go on with this
    endpoint."""
    store, now_ms = deliverer.store, deliverer.clock_ms()
    if _is_spent(delivery, now_ms):
        return _put(store, replace(delivery, state="dead")), True
    claimed = _put(store, _claim(delivery, now_ms, deliverer.chance()))
    if claimed is None:
        return None, True
    answer, problem = _post(deliverer, endpoint.url, secrets, claimed.event, now_ms)
    if not problem:
        return _put(store, replace(claimed, state="done", problem="")), True
    if answer.status == _GONE_STATUS:
        _disable(store, endpoint)
    failed = _failed(claimed, answer, problem, now_ms)
    deliverer.tell(failed)
    go_on = answer.status not in (0, _GONE_STATUS, *_THROTTLING)
    return _put(store, failed), go_on


def _is_spent(delivery: Delivery, now_ms: int) -> bool:
    """Whether it was tried enough. One that was never tried is tried however old it is."""
    old = now_ms - delivery.queued_ms > WEBHOOK_AGE_MS
    return delivery.tries >= WEBHOOK_TRIES or (delivery.tries > 0 and old)


def _claim(delivery: Delivery, now_ms: int, chance: float) -> Delivery:
    """One more try, and its next time should this one come to nothing."""
    tries = delivery.tries + 1
    wait_ms = WEBHOOK_WAITS_MS[min(tries, len(WEBHOOK_WAITS_MS)) - 1]
    due_ms = now_ms + wait_ms + int(wait_ms * WEBHOOK_JITTER * chance)
    return replace(delivery, tries=tries, due_ms=due_ms)


_NO_ANSWER = Answer(0)


def _post(
    deliverer: Deliverer, url: str, secrets: Sequence[str], event: Event, now_ms: int
) -> tuple[Answer, str]:
    """The answer, and what is wrong with it: nothing if it is 2xx."""
    payload = format_payload(event, deliverer.base_url)
    headers = format_headers(secrets, event, now_ms, payload)
    try:
        answer = deliverer.post(url, payload, headers)
    except NotReached as error:
        return _NO_ANSWER, error.name
    if answer.status == _GONE_STATUS:
        return answer, GONE
    return answer, "" if answer.status // 100 == 2 else f"status-{answer.status}"


def _failed(claimed: Delivery, answer: Answer, problem: str, now_ms: int) -> Delivery:
    """A dead letter after the last try, or when nobody is there any more; else due at its next
    time, or when the server asks for it if that is later, within the longest wait."""
    dead = claimed.tries >= WEBHOOK_TRIES or problem == GONE
    asked_ms = now_ms + min(1000 * answer.retry_after_s, max(WEBHOOK_WAITS_MS))
    due_ms = max(claimed.due_ms, asked_ms)
    return replace(claimed, state="dead" if dead else "due", problem=problem, due_ms=due_ms)


def _disable(store: WebhookStore, endpoint: Endpoint) -> None:
    """Post nothing more to it. If its tenant changes it at this moment, that counts: an endpoint
    that is gone says so again."""
    try:
        store.put_endpoint(replace(endpoint, disabled=GONE))
    except (Conflict, OutcomeUnknown):
        return


def _put(store: WebhookStore, delivery: Delivery) -> Delivery | None:
    """The delivery as stored; None when somebody else stored another one, or nobody knows: the
    next run reads what is there."""
    try:
        return store.put(delivery)
    except (Conflict, OutcomeUnknown):
        return None
