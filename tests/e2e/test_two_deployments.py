"""A deployment in Britain and one in China witness each other: only checkpoints cross the border,
and neither can show two histories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from chalicelib.notary.admit import Caller, admit_statement
from chalicelib.notary.log import Log
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.notary.witnessing import WitnessService, know_log
from chalicelib.proof.checkpoint import parse_checkpoint_text
from chalicelib.proof.note import Note, format_vkey, parse_note, verify_note
from chalicelib.proof.tlogwitness import AddCheckpoint, format_add_checkpoint
from infra.attesting import wake
from infra.deploy import Deployment
from infra.local_cloud import deploy_locally, running
from infra.stages import DemoError
from tests.fakes import key_named, memory_log
from tests.notary.desk import UNIVERSITY, Desk, registered

CALLER = Caller("cambrian", "client", frozenset({"entries:write"}))


@dataclass
class Site:
    """A deployment, with documents of its own numbers."""

    deployment: Deployment
    number: int

    @property
    def log(self) -> Log:
        return self.deployment.service.log

    @property
    def witness(self) -> WitnessService:
        witness = self.deployment.service.witness
        assert witness is not None
        return witness

    def trust(self, other: Site) -> None:
        """Be witnessed by the other, which then knows this log."""
        vkey = format_vkey(other.witness.vkey)
        policy = f"witness other {vkey} {other.deployment.url}\nquorum other\n"
        config = {"networks": [], "witnesses": {"policy": policy, "timeout_ms": 10_000}}
        self.deployment.service.registry.put_outside(json.dumps(config))
        know_log(other.witness.states, format_vkey(self.log.vkey))

    def submit(self) -> None:
        service = self.deployment.service
        key = IssuerKey(key_named(UNIVERSITY).public, 0)
        service.registry.put_issuer(Issuer(UNIVERSITY, "cambrian", {"en": "U", "zh": "大"}, (key,)))
        self.number += 1
        entry = registered(self.number)
        admit_statement(entry, CALLER, service.registry, self.log, service.clock_ms())

    def grow(self) -> None:
        """A block with one statement more, made by the deployed function."""
        self.submit()
        wake(self.deployment, "sweep")

    def published(self) -> Note:
        answer = httpx.get(f"{self.deployment.url}/checkpoint")
        answer.raise_for_status()
        return parse_note(answer.content)

    def block(self, height: int) -> dict[str, object]:
        answer = httpx.get(f"{self.deployment.url}/v1/blocks/{height}")
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    with running(tmp_path_factory.mktemp("two")) as cloud:
        britain = Site(deploy_locally(cloud, "britain", "log.britain.example/2026"), 1_000)
        china = Site(deploy_locally(cloud, "china", "log.china.example/2026"), 2_000)
        britain.trust(china)
        china.trust(britain)
        yield britain, china


def split_view(site: Site, entries: int) -> Note:
    """Another history of the site's log, signed with its own key: what only its operator can do."""
    desk = Desk(replace(memory_log(site.log.origin), signer=site.log.signer))
    for number in range(entries):
        desk.submit(registered(9_000 + number))
    desk.step()
    checkpoint = desk.log.tiles.get("checkpoint")
    assert checkpoint is not None
    return parse_note(checkpoint)


def show(view: Note, to: Site, old_size: int) -> httpx.Response:
    request = format_add_checkpoint(AddCheckpoint(old_size, (), view))
    return httpx.post(f"{to.deployment.url}/add-checkpoint", content=request)


def test_each_cosigns_the_other(sites: tuple[Site, Site]) -> None:
    for site, other in (sites, sites[::-1]):
        for _ in range(2):
            site.grow()
        signers = verify_note(site.published(), [site.log.vkey, other.witness.vkey])
        assert set(signers) == {site.log.vkey, other.witness.vkey}
        assert site.block(2)["attestations"] == [
            {
                "network": "witnesses",
                "state": "final",
                "planned_ms": site.block(2)["timestamp_ms"],
                "quorum": True,
                "failures": {},
            }
        ]


def test_a_split_view_that_comes_second_is_not_cosigned(sites: tuple[Site, Site]) -> None:
    britain, china = sites
    britain.grow()
    known = china.witness.states.get(britain.log.origin)
    assert known is not None
    answer = show(split_view(britain, known.size + 3), china, known.size)
    assert answer.status_code == 422
    assert china.witness.states.get(britain.log.origin) == known


def test_a_split_view_that_comes_first_stops_the_log(sites: tuple[Site, Site]) -> None:
    """China was shown another history of Britain's log from its beginning, as if Britain's own
    checkpoints had never come: now it cosigns none of them, and Britain notices."""
    britain, china = sites
    states = china.witness.states
    before = britain.published()
    known = states.get(britain.log.origin)
    assert known is not None
    view = parse_checkpoint_text(split_view(britain, known.size + 8).text)
    states.advance(replace(known, size=view.size, root=view.root, version=known.version + 1))
    britain.submit()
    with pytest.raises(DemoError, match="britain-sweep failed"):
        wake(britain.deployment, "sweep")
    assert britain.published() == before
    assert httpx.get(f"{britain.deployment.url}/healthz").status_code == 200
