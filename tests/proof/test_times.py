"""RFC 3339 in, POSIX milliseconds out, and nothing that only looks like a time."""

import pytest

from chalicelib.proof.times import MalformedTime, format_time, parse_time


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-07-01T09:30:00Z", 1_782_898_200_000),
        ("2026-07-01t17:30:00.5+08:00", 1_782_898_200_500),
        ("2026-07-01T09:30:00.123456789Z", 1_782_898_200_123),
        ("1969-12-31T23:59:59.250Z", -750),
    ],
)
def test_reads_a_time_with_its_offset(text: str, at_ms: int) -> None:
    assert parse_time(text) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-07-01",
        "2026-07-01 09:30:00Z",
        "2026-07-01T09:30:00",
        "2026-13-01T09:30:00Z",
        "2026-02-29T09:30:00Z",
        "2026-07-01T24:30:00Z",
        "٢٠٢٦-07-01T09:30:00Z",
        "2026-07-01T09:30:00.Z",
        "2026-07-01T09:30:00Z\n",
        "2026-07-01T09:30:00+99:00",
        "2026-07-01T09:30:00+05:60",
    ],
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(MalformedTime):
        parse_time(text)


def test_writes_utc_with_milliseconds() -> None:
    assert format_time(1_782_898_200_120) == "2026-07-01T09:30:00.120Z"


def test_a_time_past_the_calendar_is_still_shown() -> None:
    assert format_time((1 << 53) - 1) == "9007199254740991 ms"
