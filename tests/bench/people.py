"""The issuer whose documents are notarised here, and how it gets its access token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

from chalicelib.bootstrap import Service
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.tokens import SCOPE, sign_assertion
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.document import commit, digest_document
from chalicelib.proof.keys import SigningKey
from chalicelib.proof.payload import Register
from chalicelib.proof.statement import sign_statement
from tests.proof.world import ISSUER, ISSUER_KEY

from .samples import make_document

PROFILE = "education/diploma"
SIGNER = IssuerSigner(ISSUER, ISSUER_KEY)
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def enrol(service: Service, key: SigningKey = ISSUER_KEY) -> None:
    names = {"en": "The University of Cambria", "zh": "寒武纪大学"}
    service.registry.put_issuer(Issuer(ISSUER, "cambria", names, (IssuerKey(key.public, 0),)))


def token_form(endpoint: str) -> bytes:
    """The form that asks the token endpoint for a token (RFC 7523 §2.2)."""
    return urlencode(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": sign_assertion(SIGNER, endpoint, int(time.time())),
            "scope": SCOPE,
        }
    ).encode()


def new_entries(count: int) -> Iterator[bytes]:
    """Signed statements about as many documents, each in a lineage of its own."""
    for number in range(count):
        digests = digest_document(make_document(number), "raw")
        payload = Register(PROFILE, "raw", *commit(uuid.uuid4().bytes * 2, digests))
        yield sign_statement(payload, ISSUER, uuid.uuid4().urn, int(time.time()), ISSUER_KEY)
