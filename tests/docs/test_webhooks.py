"""What the pages tell receivers of webhooks is so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.api.rooms import all_operations
from chalicelib.notary.limits import (
    PUBLIC_S,
    TELL_JOB_ENTRIES,
    WEBHOOK_AGE_MS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_KEEP_S,
    WEBHOOK_PAGE,
    WEBHOOK_TRIES,
    WEBHOOK_WAITS_MS,
)
from chalicelib.notary.webhooks.events import EVENTS, format_headers, format_secret, new_event

from .pages import block, codes, read, rows, section

PAGE, FORMATS = read("operations.md"), read("formats.md")
SECRETS = [format_secret(bytes([number] * 32)) for number in (1, 2)]
BODY = b'{"type":"webhook.test"}'

Verify = Callable[[Mapping[str, str], bytes, str], None]


@pytest.fixture
def verify() -> Verify:
    """The function on the page."""
    names: dict[str, Any] = {}
    exec(block(section(PAGE, "Receiving"), "python"), names)
    found: Verify = names["verify"]
    return found


def headers(at_s: float) -> dict[str, str]:
    event = new_event("webhook.test", int(at_s * 1000), {})
    return format_headers(SECRETS, event, int(at_s * 1000), BODY)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_function_takes_what_is_sent(verify: Verify, secret: str) -> None:
    verify(headers(time.time()), BODY, secret)


def test_the_function_refuses_what_is_not(verify: Verify) -> None:
    good = headers(time.time())
    bad = [
        (good, BODY + b" ", SECRETS[0]),
        (good, BODY, format_secret(bytes(32))),
        ({**good, "webhook-id": good["webhook-id"] + "0"}, BODY, SECRETS[0]),
        (headers(time.time() - 301), BODY, SECRETS[0]),
        (headers(time.time() + 302), BODY, SECRETS[0]),
    ]
    for each in bad:
        with pytest.raises(ValueError, match="not signed|too old"):
            verify(*each)


def test_events_and_their_members_are_those_that_there_are() -> None:
    table = section(FORMATS, "Webhooks").partition("| type |")[2]
    told = {codes(row[0])[0]: row for row in rows("| type |" + table)}
    assert told.keys() == EVENTS.keys()
    for type_, (_, data, link, _) in told.items():
        assert set(codes(data)) == EVENTS[type_].members.keys(), type_
        assert "".join(codes(link)) == EVENTS[type_].link, type_


def test_routes_are_those_that_there_are() -> None:
    cells = [row[0] for row in rows(section(PAGE, "Webhooks"))]
    requests = [text.split(" ") for cell in cells for text in codes(cell)]
    told = {(method, path.replace("…", "/v1/webhooks/{webhook}")) for method, path in requests}
    routes = {(each.method, each.path) for each in all_operations()}
    assert told == {route for route in routes if route[1].startswith("/v1/webhooks")}


def test_waits_and_numbers_are_those_of_the_service() -> None:
    text = section(PAGE, "Receiving")
    told = re.search(r"after (.*) hours, each up to a quarter longer", text)
    assert told is not None
    minutes = [int(each) for each in re.findall(r"([0-9]+) minute", told[1])]
    hours = [int(each) for each in re.findall(r"[0-9]+", told[1].rpartition("minutes")[2])]
    waits_ms = [60_000 * each for each in minutes] + [3_600_000 * each for each in hours]
    assert tuple(waits_ms) == WEBHOOK_WAITS_MS
    assert (WEBHOOK_TRIES, WEBHOOK_AGE_MS) == (10, 4 * 86_400_000)
    assert "After ten tries, or four days" in text
    assert f"within {PUBLIC_S:.0f} seconds" in text
    assert f"a job of at most {TELL_JOB_ENTRIES}\n" in text
    assert f"are kept {WEBHOOK_KEEP_S // 86_400} days" in text
    page = section(PAGE, "Webhooks")
    assert f"at most {WEBHOOK_PAGE} at once" in page
    assert f"A tenant has at most {WEBHOOK_ENDPOINTS}." in page
