"""Making and verifying credentials, beside npm packages that do the same work in the same run.

The claims are the sample of ``education/diploma``, ten of which may be withheld; all keys are
Ed25519. A peer's figure is the CPU time of its own process, after it has warmed up.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import cast

from chalicelib.notary.issue import Issuing, issuer_part, make_open_badge, make_sd_jwt_vc
from chalicelib.notary.profiles import profiles
from chalicelib.proof.credential_checks import VCT
from chalicelib.proof.credentials.data_integrity import verify_credential
from chalicelib.proof.credentials.sd_jwt import parse_sd_jwt
from chalicelib.proof.credentials.sd_jwt_vc import verify_sd_jwt_vc
from chalicelib.proof.credentials.vcdm import parse_json_object
from chalicelib.proof.entry_status import Change, EntryStatus, format_entry_status
from chalicelib.proof.hashes import sha256
from chalicelib.proof.issuer_profile import IssuerProfile, ProfileKey, format_profile
from chalicelib.proof.jcs import JsonValue
from chalicelib.proof.payload import IssuerNotice, Payload, StatusListNotice
from chalicelib.proof.receipt import Evidence, Receipt, format_receipt, parse_receipt
from chalicelib.proof.times import format_time
from chalicelib.proof.verify import verify
from infra.peers.process import PEERS
from tests.proof.world import (
    AT_MS,
    ISSUER,
    ISSUER_KEY,
    NOTARY,
    NOTARY_KEY,
    ORIGIN,
    REGISTERED_MS,
    World,
    policy,
    some_hash,
)

from .measure import Results, Work, median_us
from .samples import state

SCRIPT = Path(__file__).with_suffix(".mjs")
DIPLOMA = profiles()["education/diploma"]
ISSUING = Issuing(ISSUER, ISSUER_KEY, DIPLOMA)
SEED = sha256(b"a seed")
POLICY = policy()
CHANGES = 250
"""Changes in the status list of a receipt: as many as one has before it is divided."""


def measure(each: int = 50, rounds: int = 25) -> Results:
    """Milliseconds of CPU for each credential, and microseconds for each verdict with status."""
    works = {name: Work(each, _repeated(each, work)) for name, work in _works().items()}
    found = median_us(rounds, works)
    status_us = found.pop("verify_status_us")
    ours = {name: us / 1_000 for name, us in found.items()}
    return {**ours, **peers(each, rounds), "verify_status_us": status_us}


def _repeated(count: int, work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(count):
            work()

    return run


def _works() -> dict[str, Callable[[], object]]:
    text, badge = sd_jwt(), open_badge()
    key, created_ms = ISSUER_KEY.public, REGISTERED_MS
    receipt = format_receipt(receipt_with_status())
    return {
        "issue_sd_jwt_ms": sd_jwt,
        "issue_badge_ms": open_badge,
        "issue_registered_ms": lambda: state(issuer_part(sd_jwt()).encode(), 1),
        "verify_sd_jwt_ms": lambda: verify_sd_jwt_vc(parse_sd_jwt(text), key),
        "verify_badge_ms": lambda: verify_credential(parse_json_object(badge), key, created_ms),
        "verify_status_us": lambda: _judge(receipt),
    }


def _claims() -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", DIPLOMA.sample)


def sd_jwt() -> str:
    return make_sd_jwt_vc(ISSUING, _claims(), SEED, REGISTERED_MS // 1_000)


def open_badge() -> bytes:
    return make_open_badge(ISSUING, _claims(), SEED, format_time(REGISTERED_MS))


def _judge(receipt: bytes) -> None:
    verdict = verify(World().document, parse_receipt(receipt), POLICY, AT_MS)
    assert {"issuer", "status"} <= {each.name for each in verdict.checks if each.result == "pass"}


def receipt_with_status() -> Receipt:
    """A receipt with its issuer's profile, and a list of as many changes as one holds."""
    profile = format_profile(
        IssuerProfile(
            id=ISSUER,
            names={"en": "A University", "zh": "某大学"},
            status="active",
            accreditations=(),
            keys=(ProfileKey(ISSUER_KEY.public, 0, None, None),),
        )
    )
    others = [some_hash(f"changed {number}") for number in range(CHANGES)]
    changes = [Change(each, "revoke", REGISTERED_MS // 1_000, "other", each) for each in others]
    listed = format_entry_status(EntryStatus(ORIGIN, ISSUER, "", 9, AT_MS - 60_000, tuple(changes)))
    return replace(
        World().receipt(),
        issuer=_notice(profile, IssuerNotice(ISSUER, sha256(profile)), REGISTERED_MS),
        status=_notice(
            listed, StatusListNotice("https://notary.example/list", sha256(listed)), AT_MS - 60_000
        ),
    )


def _notice(document: bytes, payload: Payload, at_ms: int) -> Evidence:
    world = World(
        document=document,
        payload=payload,
        iss=NOTARY,
        issuer_key=NOTARY_KEY,
        timestamp_ms=at_ms,
        seed=sha256(document),
    )
    return world.evidence()


def _order(each: int, rounds: int) -> dict[str, JsonValue]:
    """What the peers are asked to do: with the claims and the badge that ours are made of."""
    badge = json.loads(open_badge())
    return {
        "each": each,
        "rounds": rounds,
        "claims": {**_claims(), "iss": ISSUER, "iat": REGISTERED_MS // 1_000},
        "vct": VCT + DIPLOMA.name,
        "concealed": [[*pointer.split("/")[1:]] for pointer in DIPLOMA.withholdable],
        "badge": {name: member for name, member in badge.items() if name != "proof"},
        "created": format_time(REGISTERED_MS),
    }


def peers(each: int, rounds: int) -> Results:
    """Medians of the peers' rounds, in milliseconds of CPU for each credential."""
    with TemporaryDirectory() as directory:
        order = Path(directory) / "order.json"
        order.write_text(json.dumps(_order(each, rounds)), "utf-8")
        done = subprocess.run(
            ["node", "--input-type=module", "-", str(order)],
            input=SCRIPT.read_text("utf-8"),
            cwd=PEERS,
            capture_output=True,
            text=True,
            check=True,
        )
    return {name: median(values) for name, values in json.loads(done.stdout).items()}
