"""Webhooks managed from the command line, with an issuer's key."""

from __future__ import annotations

from typing import cast

import pytest

from chalicelib.notary.webhooks.events import parse_secret
from tests.cli.desk import Desk, tally, tally_json
from tests.webhook_fakes import MemoryWebhooks

TARGET = "https://university.example/hooks"


def order(desk: Desk, *arguments: str) -> list[object]:
    return ["webhooks", *arguments, "--key", desk.key, "--url", desk.front.url]


def store(desk: Desk) -> MemoryWebhooks:
    return cast(MemoryWebhooks, desk.front.service.webhooks)


def test_one_is_added_and_listed_and_its_secret_is_shown_once(desk: Desk) -> None:
    made = tally_json(*order(desk, "add", TARGET))
    parse_secret(made.pop("secret"))
    [stored] = store(desk).endpoints("university")
    assert (stored.id, stored.url, sorted(stored.events)) == (made["id"], TARGET, made["events"])
    assert {"document.registered", "job.done", "job.failed"} < stored.events
    assert tally_json(*order(desk, "list")) == {"webhooks": [made]}
    assert tally(*order(desk, "list")).stdout == f"{made['id']}  {TARGET}\n"


def test_events_are_chosen(desk: Desk) -> None:
    told = tally(*order(desk, "add", TARGET, "--event", "job.done", "--event", "job.done")).stdout
    assert 'events       ["job.done"]' in told
    assert "whsec_" in told
    assert tally(*order(desk, "add", TARGET, "--event", "job.undone")).exit_code == 64


def test_it_lives_through_everything(desk: Desk) -> None:
    first = tally_json(*order(desk, "add", TARGET))
    id_ = first["id"]
    rotated = tally_json(*order(desk, "secret", id_))
    assert (rotated["secrets"], rotated["secret"] != first["secret"]) == (2, True)
    assert tally_json(*order(desk, "retire", id_))["secrets"] == 1
    assert tally_json(*order(desk, "test", id_))["state"] == "due"
    assert tally_json(*order(desk, "disable", id_))["disabled"] == "disabled-by-tenant"
    assert "disabled-by-tenant" in tally(*order(desk, "list")).stdout
    assert "disabled" not in tally_json(*order(desk, "enable", id_))
    assert tally_json(*order(desk, "dead-letters", id_)) == {"dead_letters": []}
    assert tally(*order(desk, "replay", id_)).stdout == "replayed     0\n"
    assert tally_json(*order(desk, "remove", id_)) == {}
    assert store(desk).endpoints() == []


@pytest.mark.parametrize("target", ["https://169.254.169.254/", "http://university.example/"])
def test_a_target_that_cannot_be_used_is_refused_in_a_sentence(desk: Desk, target: str) -> None:
    refused = tally(*order(desk, "add", target))
    assert refused.exit_code != 0
    assert "the service refused: " in refused.stderr
    assert "Use https to a host with public addresses only" in refused.stderr


def test_a_webhook_that_is_not_there_is_refused(desk: Desk) -> None:
    for command in ("remove", "test", "secret", "dead-letters"):
        refused = tally(*order(desk, command, "ep_" + "0" * 32))
        assert refused.exit_code != 0
        assert "There is no such endpoint of yours" in refused.stderr
