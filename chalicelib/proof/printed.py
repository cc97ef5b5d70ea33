"""A verdict as it is printed: JSON, or lines for people, in English or Chinese.

Each check has its text, and below it the detail, which is in English and for whoever looks closer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from .issuer_profile import UNSEEN
from .jcs import JsonValue
from .texts import TEXTS, VERDICTS, Language, Outcome
from .times import format_time
from .verdict import Result, Verdict, write_verdict

_OUTCOMES: dict[Language, dict[Outcome, str]] = {
    "en": {"valid": "VALID", "invalid": "INVALID", "cannot tell": "CANNOT TELL"},
    "zh": {"valid": "有效", "invalid": "无效", "cannot tell": "无法确认"},
}
_MARKS: dict[Language, dict[Result, str]] = {
    "en": {"pass": "ok    ", "fail": "FAILED", "unknown": "?     "},
    "zh": {"pass": "通过　", "fail": "不通过", "unknown": "？　　"},
}
_ISSUER = {"en": "issued by {name} ({id})", "zh": "颁发机构：{name}（{id}）"}
_CLAIMS = {
    "en": "what the issuer wrote, as far as it is shown:",
    "zh": "颁发机构写明的内容（已出示的部分）：",
}
_REGISTERED = {
    "en": "registered {at} as entry {index} of {origin}",
    "zh": "登记时间：{at}，登记簿 {origin} 中编号为 {index} 的记录",
}


def format_verdict(verdict: Verdict, language: Language = "en", *, as_json: bool) -> str:
    if as_json:
        return json.dumps(write_verdict(verdict), sort_keys=True)
    lines = [_OUTCOMES[language][verdict.outcome], getattr(VERDICTS[verdict.outcome], language)]
    for check in verdict.checks:
        text = getattr(TEXTS[check.code], language)
        lines.append(f"  {_MARKS[language][check.result]} {check.name}: {text}")
        lines.append(f"         {check.detail}")
    lines += _write_facts(verdict.facts, language)
    return "\n".join(map(visible, lines))


def _write_facts(facts: dict[str, JsonValue], language: Language) -> Iterator[str]:
    """The registry's name of the issuer, never the document's; and what the document says."""
    match facts.get("issuer"):
        case {"id": id_, "names": dict(names)}:
            yield _ISSUER[language].format(name=names[language], id=id_)
    if "claims" in facts:
        yield _CLAIMS[language]
        yield from json.dumps(facts["claims"], ensure_ascii=False, indent=1).split("\n")
    match facts.get("registered"):
        case {"origin": origin, "index": index, "timestamp_ms": int(at_ms)}:
            at = format_time(at_ms)
            yield _REGISTERED[language].format(at=at, index=index, origin=origin)


def visible(line: str) -> str:
    """The line with characters that nobody sees, or that turn what follows, spelled out."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
