"""Every outcome of a verdict has a code, and every code its words, which say what it means."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from typing import get_args

import pytest

import chalicelib.proof
from chalicelib.proof.codes import OUTCOMES, Code, Text
from chalicelib.proof.errors import ProofError
from chalicelib.proof.policy import CHECKS
from chalicelib.proof.printed import format_verdict, visible
from chalicelib.proof.texts import LANGUAGES, TEXTS, VERDICTS, Language, Outcome
from chalicelib.proof.verdict import EXIT_CODES, Check, write_verdict

from .outcomes import VERDICTS_WITH

CODES = get_args(Code)
CANNOT = {"en": "cannot be confirmed", "zh": "无法确认"}


@cache
def decided(code: Code) -> Check:
    """The check of a real verdict with this code."""
    [found] = {check for check in VERDICTS_WITH[code]().checks if check.code == code}
    return found


def all_texts() -> list[Text]:
    return [*TEXTS.values(), *VERDICTS.values()]


def classes(root: type[ProofError] = ProofError) -> Iterator[type[ProofError]]:
    for each in root.__subclasses__():
        yield each
        yield from classes(each)


class TestTheTable:
    def test_every_code_has_a_text_and_every_text_a_code(self) -> None:
        assert set(TEXTS) == set(CODES)
        assert len(CODES) == len(set(CODES))

    def test_every_verdict_has_a_text(self) -> None:
        assert set(VERDICTS) == set(get_args(Outcome)) == set(EXIT_CODES)

    def test_every_code_is_of_some_verdict(self) -> None:
        assert set(VERDICTS_WITH) == set(CODES)

    def test_every_check_has_its_usual_outcomes(self) -> None:
        assert set(OUTCOMES) == {*CHECKS, "attestation"}
        for name, outcomes in OUTCOMES.items():
            own = {code for code in outcomes if code.startswith(f"{name}/")}
            assert own | {"evidence/missing"} >= set(outcomes)

    def test_every_error_that_decides_an_outcome_has_a_code_of_the_table(self) -> None:
        for found in pkgutil.walk_packages(chalicelib.proof.__path__, "chalicelib.proof."):
            importlib.import_module(found.name)
        coded = {each.code for each in classes() if each.code is not None}
        assert {"holder/stale", "holder/not-shown", "credential/expired"} <= coded <= set(CODES)


@pytest.mark.parametrize("code", CODES)
class TestEachOutcome:
    def test_a_verdict_has_it_with_its_words(self, code: Code) -> None:
        verdict = VERDICTS_WITH[code]()
        written = write_verdict(verdict)["checks"]
        assert isinstance(written, list)
        [found] = [each for each in written if isinstance(each, dict) and each["code"] == code]
        assert found["texts"] == {"en": TEXTS[code].en, "zh": TEXTS[code].zh}
        for language in LANGUAGES:
            told = format_verdict(verdict, language, as_json=False)
            assert getattr(TEXTS[code], language) in told
            assert getattr(VERDICTS[verdict.outcome], language) in told

    def test_its_family_is_the_check(self, code: Code) -> None:
        name = decided(code).name.partition(":")[0]
        assert code == "evidence/missing" or code.startswith(f"{name}/")

    def test_what_could_not_be_checked_says_so_and_nothing_else_does(self, code: Code) -> None:
        unknown = decided(code).result == "unknown"
        for language, words in CANNOT.items():
            assert (words in getattr(TEXTS[code], language)) == unknown


class TestTheWords:
    def test_each_is_a_sentence(self) -> None:
        for text in all_texts():
            assert text.en[0].isupper()
            assert text.en.endswith(".")
            assert text.zh.endswith("。")

    def test_each_keeps_to_its_language(self) -> None:
        for text in all_texts():
            assert text.en.isascii()
            assert not re.search("[A-Za-z,.:;()]", text.zh)

    def test_no_two_say_the_same(self) -> None:
        for language in LANGUAGES:
            assert len({getattr(text, language) for text in all_texts()}) == len(all_texts())

    def test_there_is_no_jargon(self) -> None:
        words = "hash|merkle|digest|json|jwt|block|checkpoint|entry id|kid|payload|policy"
        for text in all_texts():
            assert not re.search(words, text.en, re.IGNORECASE)

    def test_cannot_tell_is_neither_good_nor_bad(self) -> None:
        assert CANNOT["zh"] in VERDICTS["cannot tell"].zh
        assert CANNOT["en"] in VERDICTS["cannot tell"].en


class TestPrinted:
    @pytest.mark.parametrize(
        ("language", "first", "issuer"),
        [
            ("en", "VALID", "issued by The did:web:cambrian.example (did:web:cambrian.example)"),
            ("zh", "有效", "颁发机构：寒武纪大学（did:web:cambrian.example）"),
        ],
    )
    def test_in_both_languages(self, language: Language, first: str, issuer: str) -> None:
        lines = format_verdict(
            VERDICTS_WITH["credential/good"](), language, as_json=False
        ).splitlines()
        assert lines[0] == first
        assert issuer in lines
        assert ' "given_name": "Ffion",' in lines

    def test_json_has_both_languages(self) -> None:
        verdict = VERDICTS_WITH["document/good"]()
        written = json.loads(format_verdict(verdict, as_json=True))
        assert (written["verdict"], written["code"]) == ("valid", "verdict/valid")
        assert written["texts"].keys() == {"en", "zh"}

    def test_what_is_not_seen_or_turns_the_text_is_spelled_out(self) -> None:
        assert visible("a\u202eb\x1b[2Jc\u200b 寒武纪") == "a\\u202eb\\u001b[2Jc\\u200b 寒武纪"
