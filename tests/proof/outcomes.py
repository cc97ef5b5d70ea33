"""For every code a verdict that has it, each as small as it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.proof.codes import Code
from chalicelib.proof.credentials.sd_jwt import format_sd_jwt
from chalicelib.proof.issuer_profile import Accreditation
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.payload import StatusChange
from chalicelib.proof.policy import Policy
from chalicelib.proof.receipt import Attestation, Inclusion, Receipt
from chalicelib.proof.verdict import Verdict, refuse_receipt
from chalicelib.proof.verify import verify

from . import credential_world, notices, outside
from .credential_world import ASKED, BOUND, Issued, bound
from .credentials_samples import disclosure_of, jws_of
from .world import (
    AT_MS,
    DOCUMENT,
    ISSUER_KEY,
    REGISTERED_MS,
    STRANGER,
    World,
    cosigned,
    policy,
    policy_value,
    some_hash,
    witnessed_tlog,
)

ENTRY = World().receipt().statement.entry_id


def judge(receipt: Receipt | None = None, trusted: Policy | None = None, **more: Any) -> Verdict:
    document = more.pop("document", DOCUMENT)
    at_ms = more.pop("at_ms", AT_MS)
    return verify(document, receipt or World().receipt(), trusted or policy(), at_ms, **more)


def put(**parts: Any) -> Receipt:
    return replace(World().receipt(), **parts)


def unsigned_by_log() -> Inclusion:
    inclusion = cosigned(World().inclusion())
    note = inclusion.proof.checkpoint_note
    bare = note._replace(signatures=note.signatures[1:])
    return replace(inclusion, proof=replace(inclusion.proof, checkpoint_note=bare))


def falsely_signed_by_log() -> Inclusion:
    inclusion = World().inclusion()
    note = inclusion.proof.checkpoint_note
    line = note.signatures[0]._replace(signature=bytes(64))
    note = note._replace(signatures=(line,))
    return replace(inclusion, proof=replace(inclusion.proof, checkpoint_note=note))


def falsely_signed() -> Receipt:
    world = World()
    world.__dict__["entry"] = world.entry[:-64] + bytes(64)
    return world.receipt()


def in_block(**different: Any) -> Receipt:
    inclusion = World().inclusion()
    return put(registered=replace(inclusion, block=inclusion.block._replace(**different)))


def attested(*evidence: Attestation) -> Receipt:
    return put(registered=World().inclusion(attestations=evidence))


def key_times(**times: int) -> Policy:
    issuers = policy_value()["issuers"]
    issuers[0]["keys"][0].update(times)
    return policy(issuers=issuers)


def judged(receipt: Receipt | None = None, trusted: Policy | None = None, **more: Any) -> Any:
    return lambda: judge(receipt, trusted, **more)


def shown(issued: Issued, text: Any = None, trusted: Policy | None = None, **more: Any) -> Any:
    document = issued.whole if text is None else text
    return lambda: credential_world.judge(document, issued.receipt, trusted, **more)


def saying(document: bytes) -> Any:
    return judged(World(document=document).receipt(), document=document)


def listed(*changes: Any, read_ms: int = AT_MS, **more: Any) -> Any:
    return judged(put(status=notices.status_list(*changes, read_ms=read_ms)), **more)


def profiled(**different: Any) -> Any:
    return judged(put(issuer=notices.profile(**different)))


def changed(kind: str, effective_ms: int = AT_MS) -> Any:
    return notices.change(ENTRY, kind, effective_ms)


BLOCK = World().inclusion().block.hash
REVOKED = World(payload=StatusChange("revoke", some_hash("x"), "other", 1_790_000_000))
STRANGE_DISCLOSURE = disclosure_of(["c2FsdHNhbHRzYWx0c2E", "degree", "PhD"])
WHOLE = format_sd_jwt(Issued().whole)
UNTYPED = jws_of({"alg": "EdDSA"}, credential_world.CLAIMS, ISSUER_KEY)
BEFORE_MS = REGISTERED_MS - 86_400_000
WITNESSED = policy(tlog=witnessed_tlog())

VERDICTS_WITH: dict[Code, Callable[[], Verdict]] = {
    "document/good": judged(),
    "document/differs": judged(document=b"{}"),
    "document/receipt-differs": judged(REVOKED.receipt()),
    "document/receipt-incomplete": judged(World().receipt(holder=False)),
    "document/not-given": judged(document=None),
    "document/none": judged(REVOKED.receipt(holder=False)),
    "inclusion/good": judged(),
    "inclusion/false": judged(in_block(height=0)),
    "inclusion/two-histories": judged(put(attested=World(seed=b"another").inclusion(grown=2))),
    "log/good": judged(),
    "log/false": judged(put(registered=falsely_signed_by_log())),
    "log/unknown": judged(put(registered=unsigned_by_log())),
    "block/good": judged(),
    "block/false": judged(in_block(timestamp_ms=1)),
    "block/unknown": judged(None, policy(tlog="quorum none\n")),
    "witnesses/good": judged(put(registered=cosigned(World().inclusion())), WITNESSED),
    "witnesses/false": judged(put(registered=cosigned(World().inclusion(), spoil=True)), WITNESSED),
    "witnesses/too-few": judged(None, WITNESSED),
    "witnesses/not-asked": judged(),
    "attestation/good": judged(attested(outside.evm(BLOCK)), policy(**outside.trust(BLOCK))),
    "attestation/false": judged(attested(outside.tsa(some_hash("another block")))),
    "attestation/unknown": judged(attested(outside.pending())),
    "issuer/good": judged(),
    "issuer/accredited": profiled(),
    "issuer/unaccredited": profiled(accreditations=()),
    "issuer/profile-unknown": profiled(status="closed", at_ms=REGISTERED_MS + 1),
    "issuer/false": judged(falsely_signed()),
    "issuer/key-not-good": judged(None, key_times(to_ms=REGISTERED_MS)),
    "issuer/key-stolen": judged(None, key_times(compromised_ms=REGISTERED_MS)),
    "issuer/profile-false": profiled(id="did:web:other.example"),
    "issuer/not-active": profiled(status="suspended"),
    "issuer/not-accredited": profiled(
        accreditations=(Accreditation("Register", "1", 0, REGISTERED_MS),)
    ),
    "issuer/unknown": judged(None, policy(issuers=[])),
    "issuer/key-unknown": judged(World(issuer_key=STRANGER).receipt()),
    "issuer/time-unknown": judged(None, policy(tlog="quorum none\n")),
    "credential/good": shown(Issued()),
    "credential/false": shown(Issued(key=STRANGER)),
    "credential/expired": saying(credential_world.badge_until("2027-01-01T00:00:00Z")),
    "credential/other-issuer": saying(
        credential_world.signed_badge(issuer="did:web:other.example")
    ),
    "credential/other-type": shown(Issued({"vct": "urn:tally:profile:generic/file"})),
    "credential/key-not-good": shown(Issued(), None, key_times(to_ms=REGISTERED_MS)),
    "credential/key-stolen": shown(Issued(), None, key_times(compromised_ms=REGISTERED_MS)),
    "credential/unsigned": saying(format_jcs(credential_world.badge())),
    "credential/key-unknown": shown(Issued(), None, policy(issuers=[])),
    "credential/not-bound": shown(Issued(), None, policy(tlog="quorum none\n")),
    "credential/unknown": judged(
        credential_world.receipt_of(UNTYPED), document=f"{UNTYPED}~".encode()
    ),
    "disclosures/good": shown(Issued()),
    "disclosures/false": shown(Issued(), f"{WHOLE}{STRANGE_DISCLOSURE}~"),
    "disclosures/unknown": shown(Issued(), WHOLE + "A" * (1 << 20) + "~"),
    "holder/good": shown(Issued(BOUND), bound(Issued(BOUND).whole), asked=ASKED),
    "holder/false": shown(Issued(BOUND), bound(Issued(BOUND).whole, key=STRANGER), asked=ASKED),
    "holder/stale": shown(Issued(BOUND), bound(Issued(BOUND).whole, iat=1), asked=ASKED),
    "holder/not-shown": shown(Issued(), asked=ASKED),
    "holder/not-asked": shown(Issued(BOUND)),
    "holder/unknown": shown(Issued({"cnf": {}}), bound(Issued({"cnf": {}}).whole), asked=ASKED),
    "status/good": listed(),
    "status/changed-later": listed(changed("revoke", AT_MS + 60_000)),
    "status/revoked": listed(changed("revoke")),
    "status/superseded": listed(changed("supersede")),
    "status/suspended": listed(changed("suspend")),
    "status/false": judged(put(status=notices.profile())),
    "status/stale": listed(read_ms=REGISTERED_MS),
    "status/none": judged(),
    "status/unknown": judged(put(status=notices.listing(b"{}"))),
    "status/too-early": listed(changed("revoke"), at_ms=BEFORE_MS),
    "expiry/good": judged(),
    "expiry/expired": saying(b'{"validUntil":"2020-01-01T00:00:00Z"}'),
    "expiry/not-yet": saying(b'{"validFrom":"2040-01-01T00:00:00Z"}'),
    "expiry/none": saying(b'{"name":"x"}'),
    "expiry/not-read": judged(World(canonicalization="raw").receipt()),
    "expiry/not-bound": judged(document=None),
    "expiry/unknown": saying(b'{"validUntil":"some day"}'),
    "expiry/too-early": judged(at_ms=BEFORE_MS),
    "time/at-before-registration": judged(at_ms=BEFORE_MS),
    "receipt/unreadable": lambda: refuse_receipt("not I-JSON", AT_MS),
    "evidence/missing": judged(None, policy(require=["attestation:rfc3161"])),
}
