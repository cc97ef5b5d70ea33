"""The issuing half of the W3C VC API: see ``vc.py``."""

from __future__ import annotations

import json
import re

from ..notary import vc_issue as use_case
from ..notary.vc_ports import Custodian, Issued
from ..proof.hashes import sha256
from ..proof.jcs import JsonValue, parse_ijson
from . import media
from .operation import Call
from .problems import Problem
from .request import Reply
from .vc_requests import malformed_json, read_body, read_options, reading

_ONCE = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


def issue_credential(call: Call) -> Reply:
    members = read_body(call, ("credential", "options"))
    if "credential" not in members:
        raise malformed_json("the body has a member credential")
    read_options(members, ())
    custodian, once = _custodian(call), _read_once(call)
    request = sha256(call.request.body)
    with reading():
        issued = use_case.issue_credential(
            members["credential"], once, request, call.caller, custodian, call.now_ms
        )
    return _reply(issued, call)


def _custodian(call: Call) -> Custodian:
    if call.service.custodian is None:
        raise Problem("no-custodian")
    return call.service.custodian


def _read_once(call: Call) -> str:
    """The same request is the same order where the client gives it no name."""
    given = call.request.headers.get("idempotency-key")
    if given is None:
        return sha256(call.request.body).hex()
    if not _ONCE.fullmatch(given):
        raise Problem("bad-idempotency-key", "it is 1 to 128 visible ASCII characters")
    return given


def _reply(issued: Issued, call: Call) -> Reply:
    holder, entry = issued.holder, issued.entry_id.hex()
    answer: dict[str, JsonValue] = {
        "verifiableCredential": parse_ijson(issued.document),
        "entry": entry,
        "document": {
            "canonicalization": holder.canonicalization,
            "salt": holder.salt.hex(),
            "sha-256": holder.sha256.hex(),
            "sm3": holder.sm3.hex(),
        },
    }
    headers = {"Location": call.url(f"/entries/{entry}"), "Cache-Control": "no-store"}
    return Reply(201, media.JSON, json.dumps(answer, ensure_ascii=False).encode(), headers)
