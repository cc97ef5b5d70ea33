"""A progress bar on standard error, where a person watches; silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how much is done, of ``length``."""
    hidden = length == 0 or not sys.stderr.isatty()
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=hidden, show_pos=True
    ) as bar:

        def show(done: int) -> None:
            bar.update(done - bar.pos)

        yield show


def each(show: Callable[[int], None]) -> Callable[[], None]:
    """A function that is called once for each thing done."""
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        show(done)

    return advance
