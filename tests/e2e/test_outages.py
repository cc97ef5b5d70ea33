"""Every outage with every state of a document: none makes a bad one valid, or a good one invalid.

The verifier asks for everything: status, a public chain, a time-stamp authority. A cell is the
verdict and the codes that decide it: what failed, else what was required and is not known.
"""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any, NoReturn

import pytest

from chalicelib.api import wiring
from chalicelib.notary.ports import Busy
from chalicelib.proof.command import main as tally_verify
from chalicelib.proof.policy import DEFAULT_REQUIRE
from chalicelib.proof.receipt import format_receipt
from tests.api.world import World as Service
from tests.api.world import problem_of
from tests.cli.desk import tally
from tests.proof.world import REGISTERED_MS

from .outages import OUTAGES, STATES, TRUTH, Case, changed, listing, registered

EVERYTHING_KNOWN = {
    "good": ("valid", set[str]()),
    "superseded": ("invalid", {"status/superseded"}),
    "suspended": ("invalid", {"status/suspended"}),
    "revoked": ("invalid", {"status/revoked"}),
    "expired": ("invalid", {"expiry/expired"}),
    "erased": ("cannot tell", {"document/receipt-incomplete"}),
    "unknown issuer": ("cannot tell", {"issuer/unknown"}),
    "stolen key": ("invalid", {"issuer/key-stolen"}),
}


def missing(code: str, **different: tuple[str, set[str]]) -> dict[str, tuple[str, set[str]]]:
    """The row of an outage that leaves one check unknown, and no other says less for it."""
    row = {}
    for state, (outcome, codes) in EVERYTHING_KNOWN.items():
        kept = codes if outcome == "invalid" else codes | {code}
        row[state] = ("invalid" if outcome == "invalid" else "cannot tell", kept)
    return {**row, **different}


def no_news(code: str) -> dict[str, tuple[str, set[str]]]:
    """The row of a list that does not tell what changed."""
    unknown = {state: ("cannot tell", {code}) for state in ("superseded", "suspended", "revoked")}
    return missing(code, **unknown)


NOBODY_KNOWN = ("cannot tell", {"issuer/unknown", "status/unknown"})
EARLY = {"time/at-before-registration", "status/too-early"}

TABLE: dict[str, dict[str, tuple[str, set[str]]]] = {
    "none": EVERYTHING_KNOWN,
    "status list: none in the receipt": no_news("status/none"),
    "status list: older than the change": no_news("status/stale"),
    "status list: older than now": missing("status/stale"),
    "status list: of a later version": no_news("status/unknown"),
    "issuer site": EVERYTHING_KNOWN,
    "registry": {
        **dict.fromkeys(STATES, NOBODY_KNOWN),
        "expired": ("invalid", {"expiry/expired"}),
        "erased": ("cannot tell", NOBODY_KNOWN[1] | {"document/receipt-incomplete"}),
    },
    "chain node": missing("attestation/unknown"),
    "TSA: no token": missing("evidence/missing"),
    "TSA: nobody to believe": missing("attestation/unknown"),
    "clock: before the registration": {
        **dict.fromkeys(STATES, ("cannot tell", EARLY)),
        "erased": ("cannot tell", EARLY | {"document/receipt-incomplete"}),
        "unknown issuer": ("cannot tell", EARLY | {"issuer/unknown"}),
        "stolen key": ("invalid", {"issuer/key-stolen"}),
    },
    "clock: years ahead": missing("status/stale"),
}

CELLS = [(outage, state) for outage in OUTAGES for state in STATES]


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No site, node or authority: a verdict needs none of them."""

    def refuse(*_: object) -> NoReturn:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(("outage", "state"), CELLS)
def test_cell(outage: str, state: str) -> None:
    assert OUTAGES[outage](STATES[state]()).cell() == TABLE[outage][state]


def test_no_cell_is_a_false_valid_or_a_false_invalid() -> None:
    assert TABLE.keys() == OUTAGES.keys()
    for outage, state in CELLS:
        outcome, _ = OUTAGES[outage](STATES[state]()).cell()
        assert outcome in ("cannot tell", TRUTH[state]), (outage, state)


def test_two_things_that_are_out_at_once_change_nothing_about_that() -> None:
    for state, make in STATES.items():
        case = make()
        for first, second in permutations(OUTAGES.values(), 2):
            outcome, _ = first(second(case)).cell()
            assert outcome in ("cannot tell", TRUTH[state])


def test_what_was_registered_before_a_theft_stays_good() -> None:
    case = registered()
    case.policy["issuers"][0]["keys"][0]["compromised_ms"] = REGISTERED_MS + 1
    assert case.cell() == ("valid", set())


def test_who_does_not_require_the_status_is_told_that_nobody_knows_it() -> None:
    case = listing(None)(changed("revoke"))
    verdict = replace(case, policy={**case.policy, "require": [*DEFAULT_REQUIRE]}).verdict()
    [status] = [check for check in verdict.checks if check.name == "status"]
    assert (verdict.outcome, status.result, status.code) == ("valid", "unknown", "status/none")


# --- The same through the commands and the service


def files(place: Path, case: Case) -> list[str]:
    document, receipt, policy = (place / name for name in ("document", "receipt", "policy"))
    document.write_bytes(case.document)
    receipt.write_bytes(format_receipt(case.receipt))
    policy.write_text(json.dumps(case.policy))
    return [str(document), str(receipt), "--policy", str(policy)]


@pytest.mark.parametrize("state", STATES)
def test_the_command_needs_nobody(state: str, tmp_path: Path) -> None:
    arguments = [*files(tmp_path, STATES[state]()), "--at", "2026-11-20T14:13:20Z"]
    code = {"valid": 0, "invalid": 1, "cannot tell": 2}[EVERYTHING_KNOWN[state][0]]
    assert tally_verify(arguments) == code


@pytest.mark.parametrize("state", STATES)
def test_a_node_that_is_down_makes_nobody_valid_or_invalid(state: str, tmp_path: Path) -> None:
    arguments = files(tmp_path, OUTAGES["chain node"](STATES[state]()))
    node = ("--node", "http://127.0.0.1:1", "--at", "2026-11-20T14:13:20Z", "--json")
    done = tally("verify", *arguments, *node)
    assert json.loads(done.stdout)["verdict"] == TABLE["chain node"][state][0]
    assert "did not help" in done.stderr


@pytest.fixture
def service() -> Iterator[Service]:
    yield Service()
    wiring.use(None)


def ask(service: Service, case: Case, **more: Any) -> Any:
    parts = {"receipt": format_receipt(case.receipt), "document": case.document}
    encoded = {name: b64encode(data).decode() for name, data in parts.items()}
    return service.post_json("/v1/verify", {**encoded, "at": "2026-11-20T14:13:20Z", **more})


@pytest.mark.parametrize("state", STATES)
def test_a_registry_that_does_not_answer_gives_no_verdict(
    state: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> NoReturn:
        raise Busy("the registry does not answer")

    monkeypatch.setattr(service.registry, "issuers", fail)
    answer = ask(service, STATES[state]())
    assert (answer.status_code, problem_of(answer)) == (503, "busy")
    assert "verdict" not in answer.json_body


@pytest.mark.parametrize("state", STATES)
def test_whoever_brings_a_policy_needs_no_registry(
    state: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.registry, "issuers", None)
    case = STATES[state]()
    answer = ask(service, case, policy=case.policy)
    assert answer.json_body["verdict"] == EVERYTHING_KNOWN[state][0]
