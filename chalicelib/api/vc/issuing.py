"""The issuing half of the W3C VC API: see ``routes.py``."""

from __future__ import annotations

import json

from ...notary.custody.documents import Issued
from ...notary.vc import issue as use_case
from ...proof.hashes import sha256
from ...proof.jcs import JsonValue, parse_ijson
from ...proof.limits import SALT_BYTES
from ...proof.receipt import write_holder
from .. import media
from ..documents import desk_of, once, read_key
from ..operation import Call
from ..request import PRIVATE, Reply
from .requests import malformed_json, read_body, read_options, reading


def issue_credential(call: Call) -> Reply:
    members = read_body(call, ("credential", "options"))
    if "credential" not in members:
        raise malformed_json("the body has a member credential")
    read_options(members, ())
    key, request = _read_key(call), sha256(call.request.body)
    with reading(), once():
        issued = use_case.issue_credential(desk_of(call), key, request, members["credential"])
    call.service.wake()
    return _reply(issued, call)


def _read_key(call: Call) -> str:
    """Not the body's digest where there is none: that would stay, and who knows every field could
    find the entry by it."""
    given = call.request.headers.get("idempotency-key")
    return call.service.custody.random(SALT_BYTES).hex() if given is None else read_key(given)


def _reply(issued: Issued, call: Call) -> Reply:
    entry = issued.signed.entry_id.hex()
    answer: dict[str, JsonValue] = {
        "verifiableCredential": parse_ijson(issued.credential),
        "id": issued.id,
        "entry": entry,
        "document": write_holder(issued.document),
    }
    headers = {"Location": call.url(f"/entries/{entry}"), **PRIVATE}
    return Reply(201, media.JSON, json.dumps(answer, ensure_ascii=False).encode(), headers)
