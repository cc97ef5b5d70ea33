"""``GET /.well-known/did.json``: the notary's DID document (did:web), with the keys it signs by."""

from __future__ import annotations

import json

from ..notary.limits import PUBLISHED_MAX_AGE_S
from . import media
from .operation import Call
from .problems import Problem
from .request import Reply
from .room import Room

room = Room(__name__)

_HEADERS = {
    "Cache-Control": f"public, max-age={PUBLISHED_MAX_AGE_S}",
    "Access-Control-Allow-Origin": "*",
}


@room.operation(
    "GET",
    "/.well-known/did.json",
    summary="The notary's DID document",
    gives={200: (media.DID_DOCUMENT,)},
    returns=("DidDocument",),
    problems=("no-notary",),
)
def show_did_document(call: Call) -> Reply:
    from ..notary.issuers.did_web import format_did_document  # only here: it takes its time to load

    service = call.service
    if service.notary is None:
        raise Problem("no-notary")
    known = service.registry.issuer(service.notary.id)
    good = [each.key for each in known.keys if each.good_at(call.now_ms)] if known else []
    document = format_did_document(service.notary.id, good, [service.notary.list_signer.public])
    body = json.dumps(document, indent=1).encode() + b"\n"
    return Reply(200, media.DID_DOCUMENT, body, _HEADERS)
