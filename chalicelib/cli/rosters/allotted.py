"""The lineages that the service allots, each with its place in status lists."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from ...notary.limits import ALLOT_ENTRIES
from ...notary.status.places import StatusPlace
from ...proof.errors import Malformed
from ...proof.jcs import JsonValue
from ...proof.limits import STATUS_ENTRIES_LEAST
from ...proof.members import MalformedMember, read_integer, read_list, read_members, read_text
from ..failure import Unfinished
from ..http import Http, Refused, read_json

_PATH = "/v1/status-entries"
_SUB = re.compile(
    r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)
_LIST = re.compile(r"https://[!-~]{1,2000}", re.ASCII)


class Allotted(NamedTuple):
    """A lineage to come, and the place that status lists have for its first credential."""

    sub: str
    place: StatusPlace


def read_allotted(value: JsonValue) -> Allotted:
    members = read_members(value, "entry", ("sub", "list", "index"))
    sub, url = read_text(members["sub"], "sub"), read_text(members["list"], "list")
    index = read_integer(members["index"], "index")
    if not _SUB.fullmatch(sub):
        raise MalformedMember("sub is a random UUID, as a URN")
    if not _LIST.fullmatch(url) or index >= STATUS_ENTRIES_LEAST:
        raise MalformedMember("a place is an https URL, and an index of the list there")
    return Allotted(sub, StatusPlace(url, index))


def write_allotted(allotted: Allotted) -> JsonValue:
    return {"sub": allotted.sub, "list": allotted.place.list, "index": allotted.place.index}


def ask_allotted(http: Http, issuer: str, count: int) -> list[Allotted]:
    """``count`` new lineages of an issuer. Those of a lost answer are wasted, and cost nothing."""
    starts = range(0, count, ALLOT_ENTRIES)
    return [each for at in starts for each in _ask(http, issuer, min(ALLOT_ENTRIES, count - at))]


def _ask(http: Http, issuer: str, count: int) -> Sequence[Allotted]:
    body = json.dumps({"issuer": issuer, "count": count}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    url = http.url + _PATH
    try:
        answer = http.send("POST", url, content=body, headers=headers, authorised=True)
    except Refused as error:
        if error.status in (404, 405):
            raise Unfinished(
                "this service keeps no status lists; give --no-status to issue without them"
            ) from error
        raise
    try:
        entries = read_list(read_json(answer).get("entries"), "entries")
        allotted = [read_allotted(each) for each in entries]
    except Malformed as error:
        raise Unfinished(f"the service allotted no places in its lists: {error}") from error
    if len(allotted) != count or len({each.sub for each in allotted}) != count:
        raise Unfinished(f"the service allotted {len(allotted)} places where {count} were asked")
    return allotted
