"""How headers are read: strictly where something follows from them, else as the RFCs say."""

from __future__ import annotations

import pytest

from chalicelib.api.media import choose, essence
from chalicelib.api.request import Request

A, B = "application/a", "application/b"


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("id", "GET", "/", named, {}, {}, b"")


@pytest.mark.parametrize(
    ("prefer", "wait_s"),
    [
        ("wait=5", 5),
        ("WAIT=5", 5),
        ("wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5", 5),
        ("wait=5; foo=bar", 5),
        ("wait=0", 0),
        ("wait=007", 7),
        ("wait=21", 20),
        ("wait=999999999", 20),
        ("wait=5, wait=9", 5),
        ("wait=x, wait=9", None),
        ("wait=+5", None),
        ("wait=1_0", None),
        ("wait=٣", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=9999999999", None),
        ("wait", None),
        ("waiting=5", None),
        ("return=minimal", None),
        ("", None),
    ],
)
def test_prefer_wait_is_read_as_rfc_7240_says(prefer: str, wait_s: int | None) -> None:
    assert request(prefer=prefer).wait_s() == wait_s


def test_no_prefer_is_no_wait() -> None:
    assert request().wait_s() is None


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", A),
        ("*/*", A),
        ("application/*", A),
        ("application/b", B),
        ("APPLICATION/B", B),
        ("application/a;q=0.5, application/b", B),
        ("application/a;q=0.5, */*;q=0.4", A),
        ("application/a;q=0, */*", B),
        ("application/b;q=0.9, application/a;q=0.900", A),
        ("application/b; charset=utf-8; q=1.000", B),
        ("application/b;q=1.5", None),
        ("application/b;q=٣", None),
        ("application/b;q=", None),
        ("text/*", None),
        ("*/b", None),
        ("b", None),
        ("application/a;q=0", None),
        (",", None),
    ],
)
def test_accept_is_weighed_as_rfc_9110_says(accept: str, chosen: str | None) -> None:
    assert choose(accept, (A, B)) == chosen


def test_a_media_type_is_compared_without_its_parameters() -> None:
    assert essence(" Application/JSON ; charset=utf-8") == "application/json"
