"""The W3C VC API and the status lists that the service really serves."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.notary.limits import ASK_MS
from tests.api.test_lists import change, one
from tests.api.vc_world import (
    COLLEGE_KEY,
    LIST,
    credential,
    enveloped,
    results,
    sd_jwt,
    signed,
    status,
    verify,
)
from tests.api.world import COLLEGE, URL, World

FORMS = ("w3c", "ietf")


@pytest.fixture
def published(world: World) -> World:
    world.register_notary()
    world.publish()
    return world


def made(form: str, entry: dict[str, Any], index: int | None = None) -> Any:
    """A credential of the college whose status is at an allotted place."""
    at, url = entry["index"] if index is None else index, entry["list"]
    if form == "ietf":
        reference = {"status_list": {"idx": at, "uri": url}}
        return enveloped(sd_jwt(key=COLLEGE_KEY, iss=COLLEGE, status=reference))
    both = [status(purpose, at, url) for purpose in ("revocation", "suspension")]
    return signed(credential(credentialStatus=both))


def ask(world: World, value: Any) -> Any:
    """The answer, once the lists that it asked for are made."""
    verify(world, value)
    world.clock.tick(ASK_MS)
    world.publish()
    return verify(world, value)


@pytest.mark.parametrize("form", FORMS)
def test_what_becomes_of_a_credential_is_seen_in_its_list(published: World, form: str) -> None:
    world, entry = published, one(published)
    value = made(form, entry)
    assert verify(world, value)["verdict"] == "cannot tell"
    statement = world.statement(sub=entry["sub"])
    world.submit(statement, Prefer="wait=5")
    assert ask(world, value)["verified"]
    for kind, verdict, text in (
        ("suspend", "invalid", "suspended"),
        ("reinstate", "valid", ""),
        ("revoke", "invalid", "revoked"),
    ):
        world.clock.tick(2_000)
        world.submit(change(world, kind, statement, entry["sub"]), Prefer="wait=5")
        world.clock.tick(ASK_MS)
        world.publish()
        answer = ask(world, value)
        assert answer["verdict"] == verdict, answer["checks"]
        assert text in answer["checks"][3]["detail"]


@pytest.mark.parametrize("form", FORMS)
def test_a_list_that_is_too_old_is_unknown(published: World, form: str) -> None:
    value = made(form, one(published))
    assert ask(published, value)["verified"]
    published.clock.tick(600_000)
    answer = verify(published, value)
    assert (answer["verdict"], results(answer)["status"]) == ("cannot tell", "unknown")


@pytest.mark.parametrize("form", FORMS)
def test_a_place_beyond_the_list_is_unknown(published: World, form: str) -> None:
    answer = ask(published, made(form, one(published), 131_072))
    assert (answer["verdict"], results(answer)["status"]) == ("cannot tell", "unknown")


@pytest.mark.parametrize(
    "url",
    [
        LIST,
        f"{URL}/v1/issuers/{COLLEGE}/lists/00",
        f"{URL}/v1/issuers/{COLLEGE}/lists/a",
        f"{URL}/v1/issuers/{COLLEGE}/lists/0/revocation",
        f"{URL}/v1/issuers/{COLLEGE}/lists/0/a/lists/0",
        f"{URL}/v1/issuers/{COLLEGE}/lists/0?",
        f"{URL}/v1/issuers/{COLLEGE}/lists/",
    ],
)
def test_a_list_that_is_not_there_is_unknown(published: World, url: str) -> None:
    value = signed(credential(credentialStatus=status(url=url)))
    answer = verify(published, value)
    assert (answer["verdict"], results(answer)["status"]) == ("cannot tell", "unknown")
