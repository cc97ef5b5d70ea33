"""The policy that a log suggests for itself."""

from __future__ import annotations

import json

from chalicelib.notary.own_policy import own_policy
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.note import ed25519_vkey
from chalicelib.proof.policy import parse_policy
from tests.fakes import key_named

VKEY = ed25519_vkey("tally.test/log", key_named("log").public.x)
NAMES = {"en": "University", "zh": "大学"}


def test_it_is_a_policy_that_trusts_the_log_and_its_issuers() -> None:
    old = IssuerKey(key_named("old", -7).public, 1, to_ms=5, compromised_ms=4)
    new = IssuerKey(key_named("new").public, 5)
    university = Issuer("did:web:university.example", "university", NAMES, (old, new))
    notary = Issuer("did:web:notary.example", "notary", NAMES, (new,), notary=True)
    policy = parse_policy(json.dumps(own_policy(VKEY, [university, notary])).encode())

    assert policy.tlog.logs == {"tally.test/log": (VKEY,)}
    assert policy.tlog.quorum is None
    trusted = policy.issuers[university.id]
    assert (trusted.names, trusted.notary) == (NAMES, False)
    assert policy.issuers[notary.id].notary
    known = trusted.keys[old.key.kid]
    assert (known.from_ms, known.to_ms, known.compromised_ms) == (1, 5, 4)
    known = trusted.keys[new.key.kid]
    assert (known.from_ms, known.to_ms, known.compromised_ms) == (5, None, None)
