"""``POST /v1/verify``: the verdict of ``tally-verify``, for those who cannot run it.

It proves less than the offline command: whoever asks us trusts us. The answer says under which
policy it was made, and ours is used only where the client sends none.
"""

from __future__ import annotations

import json

from ..notary.limits import VERIFY_BYTES
from ..proof.credential_checks import Asked
from ..proof.errors import Malformed
from ..proof.jcs import JsonValue
from ..proof.members import MalformedMember, read_base64, read_text
from ..proof.policy import Policy, read_policy
from ..proof.receipt import parse_receipt
from ..proof.times import parse_time
from ..proof.verdict import Verdict, refuse_receipt, write_verdict
from ..proof.verify import verify
from . import media
from .operation import Call
from .policy import policy_of
from .problems import Problem
from .request import NOT_STORED, Reply
from .room import Room

room = Room(__name__)


@room.operation(
    "POST",
    "/v1/verify",
    summary="A verdict on a document and its receipt",
    takes=(media.JSON,),
    gives={200: (media.JSON,)},
    reads="VerifyRequest",
    returns=("Verdict",),
    problems=("malformed-json", "malformed-policy", "not-acceptable"),
)
def verify_receipt(call: Call) -> Reply:
    call.request.negotiate((media.JSON,))
    call.request.limit(VERIFY_BYTES)
    optional = ("document", "policy", "at", "audience", "nonce")
    members = call.request.json(("receipt",), optional)
    try:
        receipt = read_base64(members["receipt"], "receipt")
        document = read_base64(members["document"], "document") if "document" in members else None
        at_ms = parse_time(read_text(members["at"], "at")) if "at" in members else call.now_ms
        asked = _read_asked(members)
    except Malformed as error:
        raise Problem("malformed-json", str(error)) from error
    policy = _read_policy(members, call)
    verdict = _judge(document, receipt, policy, at_ms, asked)
    body = json.dumps(write_verdict(verdict), ensure_ascii=False).encode()
    return Reply(200, media.JSON, body, NOT_STORED)


def _read_asked(members: dict[str, JsonValue]) -> Asked | None:
    """What the holder was asked to sign: both or neither."""
    if "audience" not in members and "nonce" not in members:
        return None
    audience, nonce = (read_text(members.get(name), name) for name in ("audience", "nonce"))
    if not audience or not nonce:
        raise MalformedMember("audience and nonce are what the holder signed, and not empty")
    return Asked(audience, nonce)


def _read_policy(members: dict[str, JsonValue], call: Call) -> Policy:
    if "policy" not in members:
        return read_policy(policy_of(call.service))
    try:
        return read_policy(members["policy"])
    except Malformed as error:
        raise Problem("malformed-policy", str(error)) from error


def _judge(
    document: bytes | None, receipt: bytes, policy: Policy, at_ms: int, asked: Asked | None
) -> Verdict:
    try:
        return verify(document, parse_receipt(receipt), policy, at_ms, asked=asked)
    except Malformed as error:
        return refuse_receipt(str(error), at_ms)
