"""What requests of the W3C VC API have in common, and what is wrong with them as ProblemDetails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ...notary.limits import CREDENTIAL_BYTES
from ...notary.vc.checks import brief
from ...proof.errors import CannotTell, Malformed
from ...proof.jcs import JsonValue
from .. import media
from ..operation import Call
from ..problems import Problem
from .answers import (
    PARSING_ERROR,
    PROOF_VERIFICATION_ERROR,
    UNKNOWN_OPTION_PROVIDED,
    Answer,
    type_of,
    unread,
)


@contextmanager
def reading() -> Iterator[None]:
    """What is wrong with what was sent, as problems."""
    try:
        yield
    except Malformed as error:
        members = unread(type_of(error), "What was sent is malformed", brief(str(error)))
        raise Problem("malformed-credential", brief(str(error)), members=members) from error
    except CannotTell as error:
        members = unread(
            PROOF_VERIFICATION_ERROR, "What was sent is not read here", brief(str(error))
        )
        raise Problem("unknown-proof", brief(str(error)), members=members) from error


def malformed_json(text: str) -> Problem:
    members = unread(PARSING_ERROR, "The body is not the JSON that is asked for", text)
    return Problem("malformed-json", text, members=members)


def read_body(call: Call, names: tuple[str, ...]) -> dict[str, JsonValue]:
    call.request.negotiate((media.JSON,))
    call.request.limit(CREDENTIAL_BYTES)
    try:
        return call.request.json((), names)
    except Problem as problem:
        raise malformed_json(brief(problem.detail)) from problem


def read_options(members: Mapping[str, JsonValue], names: tuple[str, ...]) -> Answer:
    options = members.get("options", {})
    if not isinstance(options, dict):
        raise malformed_json("options is an object")
    for name in options:
        if name not in names:
            text = brief(f"the options are {', '.join(names) or 'none'}, and not {name!r}")
            members = unread(UNKNOWN_OPTION_PROVIDED, "An option is not known", text)
            raise Problem("unknown-option", text, members=members)
    return options
