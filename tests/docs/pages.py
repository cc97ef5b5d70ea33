"""Reading the pages under docs/ as data: tables, blocks of commands, and the tests they name."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def section(page: str, title: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert match is not None, f"there is no section {title!r}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the first table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def codes(text: str) -> list[str]:
    """Everything between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def commands(page: str) -> list[str]:
    """The lines of the ``sh`` blocks, and the commands within the text."""
    block = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    lines = [line for text in block.findall(page) for line in text.splitlines() if line]
    inline = codes(block.sub("", page))
    return lines + [code for code in inline if re.match(r"(tally|aws|make) [a-z]", code)]


def block(text: str, language: str) -> str:
    """The text of the first block in this language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no block in {language}"
    return found[1]


def named_tests(text: str) -> list[tuple[str, str]]:
    """Every ``path::test`` between backticks, as pairs; paths are under tests/."""
    return re.findall(r"`([a-z0-9]+/test_\w+\.py)::([\w:]+)`", text)


@cache
def defined(path: str) -> frozenset[str]:
    """The tests in a file, with their classes as pytest writes them."""
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return frozenset(names)
