"""The policy that a log suggests for itself."""

from __future__ import annotations

import json

from chalicelib.notary.outside import Outside, parse_outside
from chalicelib.notary.own_policy import own_policy
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.proof.note import cosignature_vkey, ed25519_vkey, format_vkey
from chalicelib.proof.policy import parse_policy
from tests.fakes import key_named

VKEY = ed25519_vkey("tally.test/log", key_named("log").public.x)
NAMES = {"en": "University", "zh": "大学"}


def test_it_is_a_policy_that_trusts_the_log_and_its_issuers() -> None:
    old = IssuerKey(key_named("old", -7).public, 1, to_ms=5, compromised_ms=4)
    new = IssuerKey(key_named("new").public, 5)
    university = Issuer("did:web:university.example", "university", NAMES, (old, new))
    notary = Issuer("did:web:notary.example", "notary", NAMES, (new,), notary=True)
    policy = parse_policy(json.dumps(own_policy(VKEY, [university, notary], Outside())).encode())

    assert policy.tlog.logs == {"tally.test/log": (VKEY,)}
    assert policy.tlog.quorum is None
    trusted = policy.issuers[university.id]
    assert (trusted.names, trusted.notary) == (NAMES, False)
    assert policy.issuers[notary.id].notary
    known = trusted.keys[old.key.kid]
    assert (known.from_ms, known.to_ms, known.compromised_ms) == (1, 5, 4)
    known = trusted.keys[new.key.kid]
    assert (known.from_ms, known.to_ms, known.compromised_ms) == (5, None, None)


def test_it_asks_for_the_witnesses_that_the_log_asks() -> None:
    alice = cosignature_vkey("alice.example", key_named("alice").public.x)
    text = (
        f"# whom we secretly ask\nlog {format_vkey(VKEY)}\n"
        f"witness alice {format_vkey(alice)} https://u:secret@alice.example\nquorum alice\n"
    )
    config = {"networks": [], "witnesses": {"policy": text}}
    outside = parse_outside(json.dumps(config).encode())
    policy = parse_policy(json.dumps(own_policy(VKEY, [], outside)).encode())
    assert policy.tlog.logs == {"tally.test/log": (VKEY,)}
    assert (policy.tlog.witnesses, policy.tlog.quorum) == ({"alice": alice}, "alice")
    assert "secret" not in json.dumps(own_policy(VKEY, [], outside))


def test_it_trusts_the_authorities_whose_time_stamps_the_log_takes() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    networks = [
        {"type": "rfc3161", "name": name, "url": "https://tsa.example", "certificates": [pem]}
        for name in ("first", "second")
    ]
    outside = parse_outside(json.dumps({"networks": networks}).encode())
    assert parse_policy(json.dumps(own_policy(VKEY, [], outside)).encode()).tsa == (pem,)
