"""File names made of what people wrote: safe on every file system, in their own script."""

from __future__ import annotations

import os
import re
from unicodedata import category, normalize

_BYTES = 150
"""What is left of 255 for endings, numbers and temporary names."""

_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)

_ASIDE_WITHIN = re.compile(r"\.superseded-[0-9]+(?=\.|$)", re.IGNORECASE)
_ASIDE = re.compile(r"\.superseded-[0-9]+$", re.IGNORECASE)


def safe_name(text: str) -> str:
    """Letters, marks and digits of any script, and ``-``, ``_`` and ``.`` inside; what else there
    is becomes ``_``. Empty if nothing is left; never a name of ``aside_name``."""
    kept = "".join(each if _is_safe(each) else "_" for each in normalize("NFC", text))
    name = _cut(kept.strip("._")).rstrip("._")
    return f"{name}_" if _DEVICES.fullmatch(name) or _ASIDE.search(name) else name


def aside_name(name: str, generation: int) -> str:
    """The name that a file is kept under when what supersedes it for the ``generation``-th time
    takes its own: ``ada.superseded-1.json``."""
    stem, _, ending = name.rpartition(".")
    aside = f"{stem or name}.superseded-{generation}"
    return f"{aside}.{ending}" if stem else aside


def original_name(name: str) -> str:
    """The name that a file had before it was put aside; its own if it was not."""
    return _ASIDE_WITHIN.sub("", name)


def _is_safe(character: str) -> bool:
    return character in "-_." or category(character)[0] in "LMN"


def _cut(name: str) -> str:
    while len(os.fsencode(name)) > _BYTES:
        name = name[:-1]
    return name
