"""Receipts for everybody: by entry id or index, in the form that the client accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..notary import receipts as use_case
from ..notary.log import Log
from ..notary.published import ask_for_lists
from ..proof.export import export_cose, export_tlog_proof
from ..proof.receipt import HolderPart, Receipt, format_receipt
from . import media
from .operation import Call
from .problems import Problem
from .request import Reply
from .room import Room

room = Room(__name__)

LOCATOR = {"locator": "an entry id (64 lower-case hex digits) or a decimal index"}
JSON_RECEIPTS = (media.RECEIPT, media.JSON)
COSE_RECEIPTS = (media.COSE_RECEIPT, media.COSE)
REFUSALS = ("bad-locator", "no-such-entry", "no-receipt", "set-aside", "not-acceptable")

_FRESH = {"Cache-Control": "no-cache", "Vary": "Accept"}


@room.operation(
    "GET",
    "/v1/receipts/{locator}",
    summary="A receipt: JSON, or one of its exports by Accept",
    parameters=LOCATOR,
    gives={200: (*JSON_RECEIPTS, *COSE_RECEIPTS, media.TLOG_PROOF)},
    returns=("Receipt",),
    problems=(*REFUSALS, "not-integrated"),
)
def show_receipt(call: Call) -> Reply:
    form = call.request.negotiate((*JSON_RECEIPTS, *COSE_RECEIPTS, media.TLOG_PROOF))
    index = find(call.service.log, call.request.params["locator"])
    if index is None:
        raise Problem("not-integrated", headers={"Retry-After": "1"})
    return reply_receipt(200, call, index, form)


def find(log: Log, locator: str) -> int | None:
    """The entry's index; None while it is pending."""
    try:
        return use_case.locate(log, locator)
    except use_case.StillPending:
        return None
    except use_case.BadLocator as error:
        raise Problem("bad-locator") from error
    except use_case.NotInLog as error:
        raise Problem("no-such-entry") from error
    except use_case.SetAside as error:
        raise Problem("set-aside", f"set aside as {error.reason}") from error


def reply_receipt(
    status: int, call: Call, index: int, form: str, headers: dict[str, str] | None = None
) -> Reply:
    body = format_as(_receipt(call, index), call.service.log, form)
    return Reply(status, form, body, {**_FRESH, **(headers or {})})


def receipt_at(call: Call, index: int, document: HolderPart) -> bytes:
    """The receipt with the holder's part, for the holder."""
    return format_receipt(replace(_receipt(call, index), document=document))


def splice(facts: bytes, receipt: bytes) -> bytes:
    """A JSON object with the receipt as one more member, whose bytes stay its own."""
    return facts[:-1] + b',"receipt":' + receipt.rstrip(b"\n") + b"}"


def _receipt(call: Call, index: int) -> Receipt:
    log = call.service.log
    try:
        receipt = use_case.receipt_of(log, index)
    except use_case.NotAStatement as error:
        raise Problem("no-receipt", str(error)) from error
    ask_for_lists(log, [receipt], call.now_ms)
    return receipt


def format_as(receipt: Receipt, log: Log, form: str) -> bytes:
    if form in JSON_RECEIPTS:
        return format_receipt(receipt)
    if form == media.TLOG_PROOF:
        return export_tlog_proof(receipt)
    return export_cose(receipt, log.signer.public.kid)


OFFERS: Sequence[str] = (*COSE_RECEIPTS, *JSON_RECEIPTS)
"""What SCRAPI's own resource gives: a COSE receipt, unless the client names JSON."""
