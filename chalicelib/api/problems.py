"""Problems: every error that the service answers, as RFC 9457 problem details.

One table names them all. The ``type`` URIs are stable: clients may branch on them and on nothing
else. ``detail`` says what was wrong, and the table's hint says what to do next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..proof.cbor import encode
from ..proof.jcs import JsonValue

BASE = "https://tally.example/problems/"
MEDIA_TYPE = "application/problem+json"
CONCISE_MEDIA_TYPE = "application/concise-problem-details+cbor"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table; ``hint`` is empty where the detail always tells what to do."""

    status: int
    title: str
    hint: str = ""


_CBOR = "Encode it as RFC 8949 §4.2.1 core deterministic CBOR and sign it again."
_TOKEN = "Get a new access token from POST /oauth/token and send it as 'Authorization: Bearer …'."

KINDS: Mapping[str, Kind] = {
    # The request itself
    "malformed-json": Kind(400, "The body is not the JSON that is asked for"),
    "bad-query": Kind(400, "A query parameter is not as it should be"),
    "bad-locator": Kind(
        400,
        "The locator has the wrong form",
        "Use an entry id (64 lower-case hex digits) or a decimal index.",
    ),
    "method-not-allowed": Kind(405, "The method is not allowed here", "See /openapi.json."),
    "not-acceptable": Kind(406, "None of the accepted media types can be produced"),
    "too-many-bytes": Kind(413, "There are too many bytes"),
    "too-many-items": Kind(413, "There are too many items"),
    "unsupported-media-type": Kind(415, "The body's media type is not one that is read here"),
    # What the gateway refuses before the service sees it
    "no-such-resource": Kind(
        404, "There is nothing at this path for this method", "See /openapi.json."
    ),
    "refused-by-gateway": Kind(
        400,
        "The request was refused before it reached the service",
        "Check path, method and headers with /openapi.json.",
    ),
    "too-many-requests": Kind(
        429, "Too many requests come at once", "Try again in a second, then ever more slowly."
    ),
    # Who may do what
    "missing-token": Kind(401, "An access token is needed", _TOKEN),
    "invalid-token": Kind(401, "The access token is not good", _TOKEN),
    "insufficient-scope": Kind(403, "The access token does not reach so far"),
    "invalid-client": Kind(401, "The client could not be authenticated"),
    "invalid-token-request": Kind(400, "The token request is not as it should be"),
    "unsupported-grant-type": Kind(400, "Only client credentials are granted here"),
    "invalid-scope": Kind(400, "A scope is asked for that does not exist"),
    "identity-provider-unreachable": Kind(
        503, "The identity provider's keys could not be fetched", "Try again in a minute."
    ),
    # Statements
    "entry-too-large": Kind(413, "The entry is too large"),
    "malformed-cbor": Kind(400, "The entry is not deterministic CBOR", _CBOR),
    "malformed-statement": Kind(400, "The entry is not a signed statement of Tally"),
    "unknown-alg": Kind(400, "The signature algorithm is not known"),
    "unknown-key": Kind(403, "The key is not one of the issuer's good keys"),
    "unknown-issuer": Kind(403, "The issuer is not registered"),
    "wrong-signature": Kind(400, "The statement's signature is wrong"),
    "unknown-kind": Kind(400, "The kind of statement is not known"),
    "unknown-profile": Kind(400, "The profile is not known"),
    "issued-in-future": Kind(400, "The statement is dated too far ahead"),
    "issuer-not-active": Kind(403, "The issuer may not register documents now"),
    "effective-in-future": Kind(400, "The change would take effect too far ahead"),
    "effective-too-early": Kind(400, "The change would take effect before there was anything"),
    "impossible-change": Kind(
        409, "The entry's status cannot change so", "See GET /v1/issuers/{issuer}/status."
    ),
    "approval-required": Kind(403, "One person alone may not register documents of this issuer"),
    "same-person": Kind(403, "Nobody approves what they sent or signed themselves"),
    "not-awaiting-approval": Kind(409, "The job does not wait for approval"),
    "not-your-issuer": Kind(403, "The issuer belongs to somebody else"),
    "sub-not-new": Kind(409, "The lineage is already in the log"),
    "unknown-target": Kind(409, "The target is not in the log"),
    "set-aside": Kind(409, "The submission was set aside and will not be integrated"),
    # Custodial issuing
    "malformed-document": Kind(400, "The document cannot be digested as it should be"),
    "broken-claims": Kind(
        400, "The claims break the schema of their profile", "Mend what breaches lists."
    ),
    "blind-profile": Kind(400, "Documents of this profile are not sent"),
    "no-claims": Kind(400, "The profile takes no claims"),
    "unreadable-roster": Kind(
        400, "The roster cannot be read", "`tally issue --dry-run` tells more, on your own machine."
    ),
    "no-results": Kind(
        409,
        "The job has no results",
        "See GET /v1/jobs/{job}. If it is admitting, ask again after the seconds in Retry-After; if"
        " it awaits approval, once somebody else than its sender has given it.",
    ),
    "no-custodial-key": Kind(403, "The issuer has no key in KMS"),
    "cannot-issue": Kind(400, "The credential cannot be made in this form"),
    "too-long-to-sign": Kind(413, "The credential is too long for the issuer's key"),
    "missing-idempotency-key": Kind(
        400,
        "An Idempotency-Key is needed",
        'Send a random one with each document, such as Idempotency-Key: "UUID", and the same again'
        " when you repeat the request.",
    ),
    "malformed-idempotency-key": Kind(
        400, "The Idempotency-Key cannot be read", "A UUID in double quotes is one."
    ),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key came with another body"),
    "idempotency-key-spent": Kind(409, "The Idempotency-Key was used, and its answer is gone"),
    "in-progress": Kind(
        409,
        "A request with the same Idempotency-Key is being worked on",
        "Send the very same request again after the seconds in Retry-After.",
    ),
    "no-such-issue": Kind(
        404,
        "Nothing was issued under this id",
        "Check the id, and whose token this is; or send the order again with its Idempotency-Key.",
    ),
    "document-gone": Kind(410, "What was kept of the document is destroyed"),
    # Things that are not there
    "no-such-entry": Kind(
        404, "There is no such entry", "Submit the signed statement with POST /entries first."
    ),
    "not-integrated": Kind(
        404, "The entry is accepted but not yet integrated", "Ask again in a second."
    ),
    "no-receipt": Kind(404, "There is no receipt for this entry"),
    "no-such-job": Kind(404, "There is no such job", "Check the id, and whose token this is."),
    "no-such-key": Kind(404, "There is no such key", "See /.well-known/scitt-keys."),
    "no-such-block": Kind(404, "There is no such block", "See GET /v1/blocks for what there is."),
    "no-such-document": Kind(
        404,
        "There is no such document of this issuer",
        "See GET /v1/policy for the issuers; what is new is published within some minutes.",
    ),
    "no-such-list": Kind(
        404,
        "There is no such status list",
        "A credential names its list; that of a superseding one is there within some minutes.",
    ),
    "no-notary": Kind(404, "This deployment has no notary"),
    "no-such-tile": Kind(404, "There is no such tile", "Its width may be that of an older size."),
    "no-checkpoint": Kind(404, "Nothing is published yet", "Ask again in a minute."),
    # Status lists
    "no-more-places": Kind(409, "The issuer has no more places in status lists"),
    "list-not-fresh": Kind(
        503,
        "The status list is being made anew",
        "Ask again after the seconds in Retry-After; until then nobody can tell the status.",
    ),
    # Verification
    "malformed-policy": Kind(400, "The policy cannot be read"),
    "malformed-credential": Kind(400, "This is not a credential or presentation of W3C's model"),
    "unknown-proof": Kind(
        400,
        "What secures this is not read here",
        "This service reads one proof of eddsa-jcs-2022, and SD-JWTs in envelopes.",
    ),
    "unknown-option": Kind(400, "An option is not known"),
    "not-verified": Kind(
        400, "The credential is not verified", "See checks and problemDetails for what was found."
    ),
    # Witnessing
    "no-witness": Kind(404, "This deployment is no witness"),
    "malformed-checkpoint": Kind(400, "The request is not an old size, a proof and a checkpoint"),
    "unknown-log": Kind(
        404, "This log is not witnessed here", "Ask the operator to witness it, with its key."
    ),
    "not-signed-by-log": Kind(403, "The checkpoint is not signed with a known key of the log"),
    "inconsistent-checkpoint": Kind(
        422,
        "The checkpoint does not continue the tree that this witness remembers",
        "If the proof is right, the log has two histories: keep both checkpoints as evidence.",
    ),
    # Webhooks
    "unusable-url": Kind(
        400,
        "The URL cannot be used for a webhook",
        "Use https to a host with public addresses only, on port 443.",
    ),
    "no-such-endpoint": Kind(404, "There is no such webhook", "See GET /v1/webhooks."),
    "no-such-delivery": Kind(404, "There is no such delivery", "Deliveries are kept for 30 days."),
    "too-many-endpoints": Kind(409, "There are too many webhooks"),
    "endpoint-disabled": Kind(409, "The webhook is disabled"),
    "webhook-in-doubt": Kind(
        503,
        "Nobody knows whether the webhook was changed",
        "See GET /v1/webhooks. Delete one whose secret you did not get, or ask for a new secret.",
    ),
    "changed-meanwhile": Kind(
        409, "Somebody else changed it at this moment", "Look at it, and try again."
    ),
    # The service
    "not-ready": Kind(503, "The service is not ready", "Ask the operator to create the log."),
    "outcome-unknown": Kind(
        503,
        "Nobody knows whether this was stored",
        "Send the very same bytes again: they are never registered twice.",
    ),
    "busy": Kind(
        503,
        "The service is busy",
        "Send the very same request again after the seconds in Retry-After.",
    ),
    "internal-error": Kind(
        500,
        "Something went wrong here",
        "Try again; if it stays, send the operator the request id.",
    ),
}


@dataclass(eq=False)
class Problem(Exception):
    """An answer that is an error. ``name`` is one of the table's; ``members`` are extensions
    (RFC 9457 §3.2), ``headers`` go with the answer."""

    name: str
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def text(self) -> str:
        """The detail with its hint, as sentences; a hint alone would not say what is wrong."""
        told = self.detail.strip() or (self.kind.title if self.kind.hint else "")
        parts = (told, self.kind.hint)
        sentences = [part if part[-1] in ".!?" else f"{part}." for part in parts if part]
        return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def format_problem(problem: Problem, request_id: str) -> bytes:
    """``application/problem+json``; ``instance`` is the request id."""
    body = {
        **problem.members,
        "type": BASE + problem.name,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.text,
        "instance": request_id,
    }
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def format_concise_problem(problem: Problem, request_id: str) -> bytes:
    """The same as RFC 9290 §2 concise problem details, which SCRAPI clients read."""
    title, detail, instance, response_code = -1, -2, -3, -4
    return encode(
        {
            title: problem.kind.title,
            detail: problem.text,
            instance: f"{BASE}{problem.name}#{request_id}",
            response_code: problem.kind.status,
        }
    )
