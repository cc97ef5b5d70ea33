"""Every outage with every state of a document: none makes a bad one valid, or a good one invalid.

The verifier asks for everything: status, a public chain, a time-stamp authority. A cell is the
verdict and the codes that decide it: what failed, else what was required and is not known.
"""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any, NoReturn

import pytest

from chalicelib.api import wiring
from chalicelib.notary.ports import Busy
from chalicelib.proof.command import main as tally_verify
from chalicelib.proof.policy import DEFAULT_REQUIRE, read_policy
from chalicelib.proof.receipt import Evidence, Receipt, format_receipt
from chalicelib.proof.verdict import Verdict
from chalicelib.proof.verify import verify
from tests.api.world import World as Service
from tests.api.world import problem_of
from tests.cli.desk import tally
from tests.proof import notices, outside
from tests.proof.world import ISSUER, REGISTERED_MS, World, policy_value

DAY_MS = 86_400_000
NOW_MS = REGISTERED_MS + 60 * DAY_MS
CHANGED_MS = NOW_MS - DAY_MS
READ_MS = NOW_MS - 60_000
OLD_READ_MS = CHANGED_MS - DAY_MS
"""A list that was read then knows of no change."""

STRANGER = "did:web:stranger.example"
GOOD = b'{"name":"Ada","validUntil":"2099-01-01T00:00:00Z"}'
EXPIRED = b'{"name":"Ada","validUntil":"2026-10-01T00:00:00Z"}'


_notice = cache(notices.status_list)
"""Lists are the same in many cells, and each costs signatures and a tree."""


@dataclass(frozen=True)
class Case:
    """A document, its receipt, and what the verifier goes by."""

    document: bytes
    receipt: Receipt
    policy: dict[str, Any]
    at_ms: int = NOW_MS
    changes: tuple[Any, ...] = ()

    def verdict(self) -> Verdict:
        return verify(self.document, self.receipt, read_policy(self.policy), self.at_ms)

    def cell(self) -> tuple[str, set[str]]:
        verdict = self.verdict()
        failed = {check.code for check in verdict.checks if check.result == "fail"}
        required = {*self.policy["require"], "time"}
        missing = {
            check.code
            for check in verdict.checks
            if check.name in required and check.result == "unknown"
        }
        return verdict.outcome, set(failed or missing)


# --- The states of a document


def registered(document: bytes = GOOD, iss: str = ISSUER) -> Case:
    """A document of which all is well."""
    world = World(document=document, iss=iss)
    block_hash = world.inclusion().block.hash
    evidence = (outside.evm(block_hash), outside.tsa(block_hash))
    receipt = replace(
        world.receipt(),
        registered=world.inclusion(attestations=evidence),
        issuer=notices.profile() if iss == ISSUER else None,
        status=_notice(read_ms=READ_MS, about=iss),
    )
    require = [*DEFAULT_REQUIRE, "status", outside.EVM_CHECK, outside.TSA_CHECK]
    trusted = policy_value(**outside.trust(block_hash), require=require)
    return Case(document, receipt, trusted)


def changed(kind: str) -> Case:
    case = registered()
    news = notices.change(case.receipt.statement.entry_id, kind, CHANGED_MS)
    listed = _notice(news, read_ms=READ_MS)
    return replace(case, receipt=replace(case.receipt, status=listed), changes=(news,))


def stolen() -> Case:
    """The thief registers after the theft; before it, all is well."""
    case = registered()
    case.policy["issuers"][0]["keys"][0]["compromised_ms"] = REGISTERED_MS
    return case


def erased() -> Case:
    """The salt is gone, and with it the holder's part of every receipt."""
    case = registered()
    return replace(case, receipt=replace(case.receipt, document=None))


STATES: dict[str, Callable[[], Case]] = {
    "good": registered,
    "superseded": lambda: changed("supersede"),
    "suspended": lambda: changed("suspend"),
    "revoked": lambda: changed("revoke"),
    "expired": lambda: registered(EXPIRED),
    "erased": erased,
    "unknown issuer": lambda: registered(iss=STRANGER),
    "stolen key": stolen,
}

TRUTH = {
    "good": "valid",
    "superseded": "invalid",
    "suspended": "invalid",
    "revoked": "invalid",
    "expired": "invalid",
    "stolen key": "invalid",
    "erased": "cannot tell",
    "unknown issuer": "cannot tell",
}
"""What somebody who knows everything would say."""


# --- The outages


def listing(status: Evidence | None) -> Callable[[Case], Case]:
    return lambda case: replace(case, receipt=replace(case.receipt, status=status))


def old_list(case: Case) -> Case:
    iss = case.receipt.statement.statement.iss
    return listing(_notice(read_ms=OLD_READ_MS, about=iss))(case)


def old_list_with_news(case: Case) -> Case:
    """Nobody could be asked since the day of the change."""
    iss = case.receipt.statement.statement.iss
    read_ms = CHANGED_MS + 1_000
    return listing(_notice(*case.changes, read_ms=read_ms, about=iss))(case)


def without(**members: Any) -> Callable[[Case], Case]:
    return lambda case: replace(case, policy={**case.policy, **members})


def no_token(case: Case) -> Case:
    """The authority never answered."""
    first = case.receipt.registered
    kept = tuple(each for each in first.attestations if each.type != "rfc3161")
    bare = replace(first, attestations=kept)
    return replace(case, receipt=replace(case.receipt, registered=bare))


def clock(at_ms: int) -> Callable[[Case], Case]:
    return lambda case: replace(case, at_ms=at_ms)


OUTAGES: dict[str, Callable[[Case], Case]] = {
    "none": lambda case: case,
    "status list: none in the receipt": listing(None),
    "status list: older than the change": old_list,
    "status list: older than now": old_list_with_news,
    "status list: of a later version": listing(notices.listing(b'{"v":2}\n')),
    "issuer site": lambda case: case,
    "registry": without(issuers=[]),
    "chain node": without(chains={}),
    "TSA: no token": no_token,
    "TSA: nobody to believe": without(tsa=[]),
    "clock: before the registration": clock(REGISTERED_MS - 365 * DAY_MS),
    "clock: years ahead": clock(NOW_MS + 20 * 365 * DAY_MS),
}

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
