"""The verifying half of the W3C VC API: see ``routes.py``."""

from __future__ import annotations

import json
from functools import cache

from ...notary.vc.checks import brief
from ...notary.vc.present import judge_presentation, read_presented
from ...notary.vc.verify import Desk, Registered, Request, judge_credential
from ...notary.vc.views import KNOWN_CONTEXTS
from ...proof.credentials.secured import read_secured
from ...proof.errors import Malformed
from ...proof.members import read_base64
from ...proof.policy import read_policy
from ...proof.receipt import parse_receipt
from .. import media
from ..operation import Call
from ..policy import policy_of
from ..problems import Problem
from ..request import NOT_STORED, Reply
from .answers import Answer, Wanted, first_problem, write_credential, write_presentation
from .requests import malformed_json, read_body, read_options, reading

_WANTED = ("returnResults", "returnProblemDetails")
_VERIFYING = (*_WANTED, "checks")
"""Options of both. W3C's suites send ``checks`` to have some alone: here all are always made."""


def verify_credential(call: Call) -> Reply:
    members = read_body(call, ("verifiableCredential", "options"))
    if "verifiableCredential" not in members:
        raise malformed_json("the body has a member verifiableCredential")
    options = read_options(members, (*_VERIFYING, "returnCredential", "receipt"))
    registered = _read_receipt(options, call)
    with reading():
        secured = read_secured(members["verifiableCredential"], KNOWN_CONTEXTS)
        judged = judge_credential(secured, _desk(call), registered=registered)
    answer = write_credential(judged, _wanted(options, "returnCredential"))
    if answer["verified"] is not True:
        raise Problem("not-verified", first_problem(judged.verdict), members=answer)
    return _reply(answer)


def verify_presentation(call: Call) -> Reply:
    members = read_body(call, ("verifiablePresentation", "presentation", "options"))
    options = read_options(members, (*_VERIFYING, "returnPresentation", "domain", "challenge"))
    names = [name for name in ("verifiablePresentation", "presentation") if name in members]
    if len(names) != 1:
        raise malformed_json("the body has either verifiablePresentation or presentation")
    request = Request(_text(options, "domain"), _text(options, "challenge"))
    with reading():
        proofless = names == ["presentation"]
        presented = read_presented(members[names[0]], proofless=proofless)
        judged = judge_presentation(presented, request, _desk(call))
    return _reply(write_presentation(judged, _wanted(options, "returnPresentation")))


def _desk(call: Call) -> Desk:
    service = call.service
    lookup = cache(service.registry.issuer)
    return Desk(lookup, service.status_lists, service.public_url, call.now_ms)


def _reply(answer: Answer) -> Reply:
    body = json.dumps(answer, ensure_ascii=False).encode()
    return Reply(200, media.JSON, body, NOT_STORED)


def _wanted(options: Answer, document: str) -> Wanted:
    defaults = Wanted()
    names = (*_WANTED, document)
    given = [options.get(name, at) for name, at in zip(names, defaults, strict=True)]
    flags = [each for each in given if isinstance(each, bool)]
    if len(flags) != len(given):
        raise malformed_json(f"the options {', '.join(names)} are true or false")
    return Wanted(*flags)


def _text(options: Answer, name: str) -> str | None:
    value = options.get(name)
    if name in options and not isinstance(value, str):
        raise malformed_json(f"options.{name} is a string")
    return value if isinstance(value, str) else None


def _read_receipt(options: Answer, call: Call) -> Registered | None:
    if "receipt" not in options:
        return None
    try:
        receipt = parse_receipt(read_base64(options["receipt"], "options.receipt"))
    except Malformed as error:
        raise malformed_json(brief(f"options.receipt: {error}")) from error
    return Registered(receipt, read_policy(policy_of(call.service)))
