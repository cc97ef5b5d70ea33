"""Tally on AWS Lambda: the routes, the queues and the schedule. Nothing is connected on import."""

from __future__ import annotations

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent

from chalicelib.api import handlers
from chalicelib.api.rooms import ROOMS
from chalicelib.api.serve import ANY_MEDIA, guard

WAKE_QUEUE = "tally-wake"
UPLOADS_QUEUE = "tally-uploads"

app = Chalice(app_name="tally", configure_logs=False)
app.api.binary_types = [ANY_MEDIA]
app.register_middleware(guard, event_type="http")

for room in ROOMS:
    app.register_blueprint(room.blueprint)


# Two, the least that SQS takes: one sequences, a second one finds what came meanwhile.
@app.on_sqs_message(queue=WAKE_QUEUE, batch_size=10, maximum_concurrency=2)
def sequencer(event: SQSEvent) -> handlers.BatchFailures:
    return handlers.sequence_wakes(record.to_dict()["messageId"] for record in event)


@app.on_sqs_message(queue=UPLOADS_QUEUE, batch_size=1)
def admit_upload(event: SQSEvent) -> handlers.BatchFailures:
    return handlers.admit_uploads((record.to_dict()["messageId"], record.body) for record in event)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: CloudWatchEvent) -> None:  # noqa: ARG001 - what it does needs nothing of it
    handlers.sweep()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def attester(event: CloudWatchEvent) -> None:  # noqa: ARG001 - what it does needs nothing of it
    handlers.attest_blocks()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def deliverer(event: CloudWatchEvent) -> None:  # noqa: ARG001 - what it does needs nothing of it
    handlers.deliver_webhooks()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def publisher(event: CloudWatchEvent) -> None:  # noqa: ARG001 - what it does needs nothing of it
    handlers.publish_documents()
