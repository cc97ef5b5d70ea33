"""Ids that look alike: which two are one to the eye, and which labels mislead by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.notary.issuers.lookalike import (
    LooksAlike,
    MisleadingId,
    check_id,
    check_lookalikes,
    skeleton,
)

REGISTRY = "did:web:registry.cambrian.example"


def shown(label: str) -> str:
    """A label in punycode, as browsers write what they show."""
    return "xn--" + label.encode("punycode").decode()


ALIKE = {
    "one for i": (REGISTRY, "did:web:reg1stry.cambrian.example"),
    "l for i": (REGISTRY, "did:web:reglstry.cambrian.example"),
    "one for l": ("did:web:college.example", "did:web:co1lege.example"),
    "zero for o": ("did:web:oxford.example", "did:web:0xford.example"),
    "rn for m": (REGISTRY, "did:web:registry.carnbrian.example"),
    "m for rn": ("did:web:modern.example", "did:web:modem.example"),
    "vv for w": ("did:web:wales.example", "did:web:vvales.example"),
    "three v": ("did:web:vw.example", "did:web:wv.example"),
    "cl for d": ("did:web:davis.example", "did:web:clavis.example"),
    "a hyphen more": (REGISTRY, "did:web:reg-istry.cambrian.example"),
    "a hyphen for a dot": (REGISTRY, "did:web:registry-cambrian.example"),
    "a dot elsewhere": (REGISTRY, "did:web:registryca.mbrian.example"),
    "a path for a subdomain": ("did:web:a.example:law", "did:web:a.examp1e.law"),
    "in the path": ("did:web:a.example:law", "did:web:a.example:1aw"),
    "in the last label": ("did:web:a.com", "did:web:a.corn"),
    "several at once": (REGISTRY, "did:web:reg1-stry.carnbrlan.example"),
    "Cyrillic letters": ("did:web:cop.example", f"did:web:{shown('сор')}.example"),
    "Greek letters": ("did:web:pov.example", f"did:web:{shown('ρον')}.example"),
    "Armenian letters": ("did:web:hug.example", f"did:web:{shown('հսց')}.example"),
    "one Cyrillic letter": ("did:web:cambrian.example", f"did:web:{shown('cаmbrian')}.example"),
    "an accent": ("did:web:cambrian.example", f"did:web:{shown('cambrián')}.example"),
    "a dotless i": ("did:web:cambrian.example", f"did:web:{shown('cambrıan')}.example"),
    "a script a": ("did:web:cambrian.example", f"did:web:{shown('cɑmbrian')}.example"),
}

APART = {
    "another word": (REGISTRY, "did:web:registrar.cambrian.example"),
    "another domain": (REGISTRY, "did:web:registry.cambrian.test"),
    "a subdomain": ("did:web:cambrian.example", REGISTRY),
    "a faculty": ("did:web:cambrian.example", "did:web:cambrian.example:law"),
    "a letter less": ("did:web:college.example", "did:web:colege.example"),
    "a digit": ("did:web:lycee4.example", "did:web:lycee5.example"),
    "n is not m": ("did:web:non.example", "did:web:mom.example"),
    "Chinese": ("did:web:cambrian.example", f"did:web:{shown('寒武大学')}.example"),
    "two Chinese names": (f"did:web:{shown('天')}.example", f"did:web:{shown('夫')}.example"),
    "no punycode": ("did:web:xn--.example", "did:web:xn.example:a"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_alike(name: str) -> None:
    known, new = ALIKE[name]
    assert skeleton(known) == skeleton(new)
    with pytest.raises(LooksAlike, match=f"{new} looks like {known}"):
        check_lookalikes(new, ["did:web:other.example", known])
    with pytest.raises(LooksAlike):
        check_lookalikes(known, [new])


@pytest.mark.parametrize("name", APART)
def test_apart(name: str) -> None:
    known, new = APART[name]
    assert skeleton(known) != skeleton(new)
    check_lookalikes(new, [known])


def test_who_is_known_to_be_another_is_let_in_and_nobody_else() -> None:
    new = "did:web:reg1stry.cambrian.example"
    check_lookalikes(new, [REGISTRY], [REGISTRY])
    other = "did:web:reglstry.cambrian.example"
    with pytest.raises(LooksAlike, match=other):
        check_lookalikes(new, [REGISTRY, other], [REGISTRY])


def test_an_id_is_not_its_own_double() -> None:
    check_lookalikes(REGISTRY, [REGISTRY])


@given(st.lists(st.sampled_from("0o1lirnmvwcd-aq5"), min_size=1, max_size=12))
def test_what_one_letter_is_drawn_as_can_stand_for_it_anywhere(letters: list[str]) -> None:
    """So the order in which a forger replaces does not matter."""
    id_ = f"did:web:{''.join(letters)}.example"
    own = skeleton(id_)
    for letter, drawn in {"m": "rn", "w": "vv", "d": "cl", "i": "1", "o": "0", "-": ""}.items():
        host = "".join(letters)
        assert skeleton(f"did:web:{host.replace(letter, drawn, 1)}.example") == own


MISLEADING = {
    "Cyrillic among Latin": shown("cаmbrian"),
    "Greek among Latin": shown("cambriαn"),
    "Cyrillic and Greek": shown("абвγδ"),
    "Hebrew and Arabic": shown("אبא"),
    "Hangul and Kana": shown("가あ"),
    "all Cyrillic that reads as Latin": shown("сосо"),
    "Cyrillic with an accent that reads as Latin": shown("сосӧ"),
    "all Greek that reads as Latin": shown("ορν"),
    "all Armenian that reads as Latin": shown("հոս"),
    "not punycode": "xn--a-\N{LATIN SMALL LETTER A}b!",
    "nothing": "xn--",
    "too large a number": "xn--99999999",
    "plain letters in punycode": "xn--abc-",
    "capitals": shown("Ärzte"),
    "not in NFC": shown("cafe\u0301"),
    "a compatibility letter": shown("ﬁnanz"),
    "invisible": shown("uni\u200bversität"),
    "turned round": shown("uni\u202eversität"),
    "a picture": shown("uni🎓"),
    "a punctuation mark": shown("uni․e"),
    "an unassigned character": shown("uni\u0378"),
}


@pytest.mark.parametrize("name", MISLEADING)
def test_a_label_that_misleads_is_refused_whatever_is_registered(name: str) -> None:
    with pytest.raises(MisleadingId) as refused:
        check_id(f"did:web:{MISLEADING[name]}.example")
    assert MISLEADING[name] in str(refused.value)
    assert skeleton(f"did:web:{MISLEADING[name]}.example")


@pytest.mark.parametrize(
    "label",
    [
        *("寒武大学", "東京大学", "ひらがなカタカナー漢字", "서울대학교", "ㄅㄆ漢", "山々大学"),
        *("universität", "łódź", "ışık", "prifysgol-llŷr", "coöperatie"),
        *("университет", "университет-2", "πανεπιστήμιο", "հայաստան", "جامعة", "विश्वविद्यालय"),
        *("大学abc", "サクラtokyo", "서울univ"),
    ],
)
def test_a_name_in_one_script_or_as_it_is_usual_is_none_that_misleads(label: str) -> None:
    check_id(f"did:web:{shown(label)}.example")


def test_a_path_is_plain_text_and_not_punycode() -> None:
    check_id("did:web:a.example:xn--99999999")
    check_id(REGISTRY)
