"""The W3C VC API (VCALM): credentials and presentations are verified, and credentials issued.

A credential that is not verified is answered with 400, as W3C's test suites expect; a presentation
that could be judged with 200, whatever the verdict, as the specification says. In both ``verified``
is true only if every check was made and passed, and every other answer says which did not.

A credential is issued by signing and registering it at once, with its issuer's key in KMS. Besides
it, the answer has what the holder keeps to bind it to its entry, as receipts have it; the receipt
itself is at ``Location``. W3C's clients know no Idempotency-Key: without one, each request is an
order of its own.

What reads and makes credentials takes a while to load, which a cold start need not pay.
"""

from __future__ import annotations

from .. import media
from ..documents import GIVEN_KEY_REFUSALS
from ..entries import STATEMENT_REFUSALS
from ..operation import DOCUMENTS_ISSUE, Call
from ..request import Reply
from ..room import Room

room = Room(__name__)

UNREAD = (
    "malformed-json",
    "malformed-credential",
    "unknown-proof",
    "unknown-option",
    "not-acceptable",
)


@room.operation(
    "POST",
    "/credentials/verify",
    summary="Whether a credential is verified by this service's registry (W3C VC API)",
    takes=(media.JSON,),
    gives={200: (media.JSON,)},
    reads="VerifyCredentialRequest",
    returns=("CredentialResult",),
    problems=(*UNREAD, "not-verified"),
)
def verify_credential(call: Call) -> Reply:
    from . import verifying

    return verifying.verify_credential(call)


@room.operation(
    "POST",
    "/presentations/verify",
    summary="Whether a presentation and the credentials in it are verified (W3C VC API)",
    takes=(media.JSON,),
    gives={200: (media.JSON,)},
    reads="VerifyPresentationRequest",
    returns=("PresentationResult",),
    problems=UNREAD,
)
def verify_presentation(call: Call) -> Reply:
    from . import verifying

    return verifying.verify_presentation(call)


@room.operation(
    "POST",
    "/credentials/issue",
    summary="Sign and register a credential with its issuer's key in KMS (W3C VC API)",
    scope=DOCUMENTS_ISSUE,
    takes=(media.JSON,),
    sends={"Idempotency-Key": "as for POST /v1/documents; left out, it is another order each time"},
    gives={201: (media.JSON,)},
    headers={"Location": "where the receipt is found"},
    reads="IssueCredentialRequest",
    returns=("IssuedVc",),
    problems=(
        *(*UNREAD, *STATEMENT_REFUSALS, *GIVEN_KEY_REFUSALS),
        *("malformed-document", "no-custodial-key", "cannot-issue"),
    ),
)
def issue_credential(call: Call) -> Reply:
    from . import issuing

    return issuing.issue_credential(call)
