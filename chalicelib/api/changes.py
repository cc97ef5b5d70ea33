"""``POST /v1/status-changes``: what becomes of an entry, signed with its issuer's key in KMS."""

from __future__ import annotations

from ..notary.custody.change import change_status
from ..proof.errors import Malformed
from ..proof.members import read_hash, read_integer, read_text
from ..proof.payload import StatusChange, check_payload
from . import media
from .documents import desk_of
from .entries import RETRY, applied, integrated_index
from .operation import DOCUMENTS_ISSUE, Call
from .problems import Problem
from .receipts import JSON_RECEIPTS, reply_receipt
from .request import Reply
from .room import Room

room = Room(__name__)

REQUEST_BYTES = 1_024


@room.operation(
    "POST",
    "/v1/status-changes",
    summary="Suspend, reinstate or revoke an entry, with its issuer's key in KMS",
    scope=DOCUMENTS_ISSUE,
    takes=(media.JSON,),
    sends={"Prefer": "wait=N: answer within N seconds (RFC 7240)"},
    gives={201: JSON_RECEIPTS, 303: ("",)},
    headers={
        "Location": "where the receipt of the change is found",
        "Retry-After": "seconds, while it is not integrated",
        "Preference-Applied": "the wait that was honoured",
    },
    reads="StatusChangeRequest",
    returns=("Receipt",),
    problems=(
        *("malformed-json", "not-acceptable", "unknown-target", "not-your-issuer"),
        *("unknown-issuer", "no-custodial-key", "impossible-change", "set-aside"),
        *("effective-in-future", "effective-too-early", "unknown-key"),
    ),
)
def change(call: Call) -> Reply:
    form = call.request.negotiate(JSON_RECEIPTS)
    call.request.limit(REQUEST_BYTES)
    entry_id = change_status(desk_of(call), _read_change(call))
    headers = {"Location": call.url(f"/entries/{entry_id.hex()}"), **applied(call)}
    index = integrated_index(call, entry_id)
    if index is None:
        return Reply(303, headers={**headers, **RETRY})
    return reply_receipt(201, call, index, form, headers)


def _read_change(call: Call) -> StatusChange:
    members = call.request.json(("target", "kind", "reason"), ("effective",))
    try:
        read = StatusChange(
            kind=read_text(members["kind"], "kind"),
            target=read_hash(members["target"], "target"),
            reason=read_text(members["reason"], "reason"),
            effective=read_integer(members.get("effective", call.now_ms // 1_000), "effective"),
        )
        check_payload(read)
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    return read
