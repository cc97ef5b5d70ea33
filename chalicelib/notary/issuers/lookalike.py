"""Ids that look alike: nobody is let in whose id people would take for another issuer's.

Two ids look alike when their skeletons are equal. The idea and the letters are those of Unicode
TR39 (§4 and confusables.txt), of which ASCII needs few. TR39 takes ``1`` and ``I`` for ``l``, ``0``
for ``o`` and ``m`` for ``rn``; here ``i`` is like its capital, ``w`` like ``vv`` and ``d`` like
``cl``, and hyphens, dots and colons are not seen at all. Each letter becomes what it is drawn with,
never the reverse, so ``vvv``, ``wv`` and ``vw`` are one.

A domain's label in punycode (``xn--…``) is judged by the letters that a browser shows for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import category, name, normalize

from ...proof.errors import Invalid

_DRAWN = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "m": "rn", "w": "vv", "d": "cl", "-": "", ".": "", ":": ""}
)

_LATIN = str.maketrans(
    {
        # Cyrillic
        **dict(zip("аԁеһіӏјорԛгѕѵѡԝхуүсь", "adehiljopqrsvwwxyycb", strict=True)),
        # Greek
        **dict(zip("αιϳοσρυνγ", "aijoopuvy", strict=True)),
        # Armenian
        **dict(zip("քցհոռօգզսա", "fghnnoqquw", strict=True)),
        # Latin itself
        **dict(zip("ɑɡɩıʋʏɯ", "agiivyw", strict=True)),
    }
)
"""Letters that are drawn like one of a to z."""

_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
"""Scripts that one label may mix (TR39 §5.2, highly restrictive), by the first word of the names of
their letters."""

_PUNYCODE = "xn--"


class MisleadingId(Invalid):
    """The id is written so that it can be taken for another: in letters that it does not show, of
    several scripts, or of another script than they seem."""


class LooksAlike(Invalid):
    """The id looks like that of a registered issuer."""


def check_id(id: str) -> None:
    """Raises MisleadingId for a did:web id that misleads whatever else is registered."""
    for label in _domain(id):
        if label.startswith(_PUNYCODE):
            _check_shown(label, _shown(label))


def check_lookalikes(id: str, known: Iterable[str], allowed: Iterable[str] = ()) -> None:
    """Raises LooksAlike, with the name of the other, unless that is among those allowed."""
    own = skeleton(id)
    for other in sorted(set(known) - set(allowed)):
        if other != id and skeleton(other) == own:
            raise LooksAlike(f"{id} looks like {other}, which is registered")


def skeleton(id: str) -> str:
    """What is left of a did:web id when what looks alike is one; ids with misleading labels that
    cannot be read have their own."""
    host, _, path = id.removeprefix("did:web:").partition(":")
    labels = [_seen(label) for label in host.split(".")]
    return ".".join([*labels, path]).translate(_DRAWN)


def _domain(id: str) -> list[str]:
    return id.removeprefix("did:web:").partition(":")[0].split(".")


def _seen(label: str) -> str:
    """The label in the Latin letters that it shows, without what is over and under them."""
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return _plain(_shown(label))
    except MisleadingId:
        return label


def _plain(text: str) -> str:
    letters = (char for char in normalize("NFD", text) if category(char) != "Mn")
    return "".join(letters).translate(_LATIN)


def _shown(label: str) -> str:
    """The letters of a label in punycode (RFC 5891 §4.4), which is the one spelling of them."""
    try:
        text = label.removeprefix(_PUNYCODE).encode().decode("punycode")
        again = text.encode("punycode").decode()
    except UnicodeError:
        raise MisleadingId(f"the label {label} is not punycode") from None
    canonical = normalize("NFKC", text.lower()) == text and not text.isascii()
    if again != label.removeprefix(_PUNYCODE) or not canonical:
        raise MisleadingId(f"the label {label} is not the one spelling of its letters")
    return text


def _check_shown(label: str, text: str) -> None:
    letters = [char for char in text if category(char)[0] not in "MN" and char != "-"]
    if not all(category(char)[0] == "L" for char in letters):
        raise MisleadingId(f"the label {label} shows what is no letter")
    scripts = {name(char).split()[0] for char in letters}
    if len(scripts) > 1 and not any(scripts <= each for each in _TOGETHER):
        raise MisleadingId(f"the label {label} mixes letters of {' and '.join(sorted(scripts))}")
    if "LATIN" not in scripts and _plain(text).isascii():
        raise MisleadingId(f"the label {label} shows letters that read as {_plain(text)}")
