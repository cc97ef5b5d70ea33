"""What runs without a request: the sequencer, the worker that admits uploads, the sweep, the
attester, the publisher, and the deliverer of webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import unquote_plus

from ..notary.admit import Caller, admit_upload, upload_key
from ..notary.attest import attest
from ..notary.custody.documents import Desk, purge
from ..notary.limits import ALARM_TRIES, DRAIN_MS
from ..notary.log import Refusal
from ..notary.networks import Attempt
from ..notary.ports import Job
from ..notary.publish import publish
from ..notary.sequence import drain
from ..notary.webhooks.deliveries import deliver_due
from ..notary.webhooks.events import Delivery
from ..notary.webhooks.telling import tell_news, tell_of_admission, tell_of_failure
from . import wiring
from .serve import describe_error, log_line

if TYPE_CHECKING:
    from ..bootstrap import Service

UPLOADS = "uploads/"


class FailedItem(TypedDict):
    itemIdentifier: str


class BatchFailures(TypedDict):
    """What Lambda puts back into the queue (ReportBatchItemFailures); the rest is deleted."""

    batchItemFailures: list[FailedItem]


def sequence_wakes(message_ids: Iterable[str]) -> BatchFailures:
    """Drain pending, however many wake-ups came; they all come again if it fails."""
    failed = [] if _attempt("sequencer", drain_pending) else list(message_ids)
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}


def admit_uploads(messages: Iterable[tuple[str, str]]) -> BatchFailures:
    """Admit each uploaded object, given message ids and S3's event notifications in JSON."""
    failed = [id_ for id_, body in messages if not _attempt("admit_upload", _admission(body))]
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}


def sweep() -> None:
    """Integrate what no wake-up came for, write the heartbeat when it is due, and destroy what is
    kept of documents longer than their window."""
    done = [_attempt("sweep", drain_pending), _attempt("purge", purge_documents)]
    if not all(done):
        raise SweepFailed


class SweepFailed(Exception):
    """The sweep's function must be seen to fail, so that its alarm rings."""


def attest_blocks() -> None:
    """Take every attestation as far as it goes now."""
    if not _attempt("attester", attest_now):
        raise AttesterFailed


class AttesterFailed(Exception):
    """The attester's function must be seen to fail, so that its alarm rings."""


def attest_now() -> dict[str, int]:
    from ..bootstrap import attester_of

    changed = attest(attester_of(wiring.service(), _tell_attempt))
    return {"attempts": len(changed), "final": sum(each.state == "final" for each in changed)}


def _tell_attempt(attempt: Attempt) -> None:
    """One line for each failure; an alarm rings on those with ``attestation_alarm``."""
    facts: dict[str, object] = {
        "network": attempt.network,
        "height": attempt.height,
        "problem": attempt.problem,
        "tries": attempt.tries,
    }
    if attempt.problem in ALARMING or attempt.tries >= ALARM_TRIES:
        facts["attestation_alarm"] = attempt.problem
    log_line(**facts)


ALARMING = frozenset({"empty-wallet", "false-proof", "fee-cap", "not-our-coin", "wrong-network"})
"""Problems that do not pass by themselves."""


def publish_documents() -> None:
    """Register what is new about issuers and their entries."""
    if not _attempt("publisher", publish_now):
        raise PublisherFailed


class PublisherFailed(Exception):
    """The publisher's function must be seen to fail, so that its alarm rings."""


def publish_now() -> dict[str, int]:
    from ..bootstrap import publisher_of

    service = wiring.service()
    publisher = publisher_of(service, _tell_unpublished)
    notices = publish(publisher) if publisher else 0
    if notices:
        service.wake()
    return {"notices": notices}


def _tell_unpublished(issuer: str, problem: str) -> None:
    """An alarm rings on this line. The detail is for whoever runs the publisher by hand."""
    log_line(publish_alarm=problem.partition(":")[0], issuer=issuer)


def purge_documents() -> dict[str, int]:
    service = wiring.service()
    purged = purge(service.custody.documents, service.clock_ms())
    return {"purged": purged} if purged else {}


def deliver_webhooks() -> None:
    """Queue what happened, and deliver what is due; a failure of one does not stop the other."""
    done = [_attempt("teller", tell_now), _attempt("deliverer", deliver_now)]
    if not all(done):
        raise DelivererFailed


class DelivererFailed(Exception):
    """The deliverer's function must be seen to fail, so that its alarm rings."""


def tell_now() -> dict[str, int]:
    from ..bootstrap import teller_of

    return {"queued": tell_news(teller_of(wiring.service()))}


def deliver_now() -> dict[str, int]:
    from ..bootstrap import deliverer_of

    changed = deliver_due(deliverer_of(wiring.service(), _tell_undelivered))
    states = [each.state for each in changed]
    return {"delivered": states.count("done"), "dead": states.count("dead")}


def _tell_undelivered(delivery: Delivery) -> None:
    """One line for each failure. URLs are not logged: they may hold what receivers keep secret."""
    log_line(
        endpoint=delivery.endpoint,
        event=delivery.event.id,
        problem=delivery.problem,
        tries=delivery.tries,
    )


def drain_pending() -> dict[str, int]:
    service = wiring.service()
    witnesses = service.outside().witnesses
    log = replace(service.log, tell_aside=_aside_teller(service), witnesses=witnesses)
    blocks = drain(log, service.clock_ms, for_ms=DRAIN_MS)
    if not blocks:
        return {"blocks": 0}
    return {"blocks": len(blocks), "height": blocks[-1].height, "size": blocks[-1].size}


def _aside_teller(service: Service) -> Callable[[str, str], None]:
    def tell(id_: str, reason: str) -> None:
        """An alarm rings on this line. The id is a hash; the detail stays with the submission."""
        log_line(set_aside=id_, reason=reason.partition(":")[0])
        try:
            job = service.log.jobs.get(id_)
            if job is not None:
                tell_of_failure(service.webhooks, job, service.clock_ms())
        except Exception as error:  # noqa: BLE001 - the log goes on, whoever cannot be told
            log_line(untold=id_, error=describe_error(error))

    return tell


def _admission(body: str) -> Callable[[], dict[str, int]]:
    def admit() -> dict[str, int]:
        service = wiring.service()
        admitted = []
        for id_ in uploaded_jobs(body):
            admitted.append(_admit(id_, service))
            # It may be a file that was sent by mistake, with whoever is named in it.
            service.uploads.destroy(upload_key(id_))
        if admitted:
            service.wake()
        for job in admitted:
            tell_of_admission(service.webhooks, job, service.clock_ms())
        return {"jobs": len(admitted), "accepted": sum(job.accepted for job in admitted)}

    return admit


def _admit(id_: str, service: Service) -> Job:
    """An upload of statements; or a roster in our custody, which is issued first."""
    now_ms = service.clock_ms()
    job = service.log.jobs.get(id_)
    if job is None or service.custody.documents.get(id_) is None:
        return admit_upload(id_, service.registry, service.log, now_ms)
    from ..notary.custody.bulk_issue import issue_job

    caller = Caller(job.tenant, client="", scopes=frozenset())
    return issue_job(Desk(service.custody, service.registry, service.log, caller, now_ms), id_)


def uploaded_jobs(body: str) -> list[str]:
    """The job ids in a notification of S3. Its test event, sent once, has no records."""
    records = json.loads(body).get("Records", [])
    keys = [unquote_plus(record["s3"]["object"]["key"]) for record in records]
    return [key.removeprefix(UPLOADS) for key in keys if key.startswith(UPLOADS)]


def _attempt(name: str, work: Callable[[], dict[str, int]]) -> bool:
    """Do it and log one line, unless there is nothing to tell; False when it failed."""
    started = perf_counter()
    facts: dict[str, object]
    try:
        facts, done = dict(work()), True
    except Refusal as error:  # an alarm rings on its line, and whatever woke us comes again
        facts, done = {"refusal": error.name, "error": describe_error(error)}, False
    except Exception as error:  # noqa: BLE001 - the boundary: logged, and reported to the queue
        facts, done = {"error": describe_error(error)}, False
    if facts:
        log_line(function=name, ms=round((perf_counter() - started) * 1000, 1), done=done, **facts)
    return done
