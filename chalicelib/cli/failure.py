"""How a command ends when it does not succeed: one plain sentence and an exit code, no traceback.

Exit codes: 1 something was refused or is wrong, 2 the command could not finish or tell, 64 wrong
usage (sysexits EX_USAGE).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import click

from ..proof.jcs import JsonValue

EXIT_WRONG = 1
EXIT_UNFINISHED = 2
EXIT_USAGE = 64


class Failure(click.ClickException):
    """An end that people can do something about. ``facts`` join the object of ``--json``."""

    def __init__(self, message: str, facts: dict[str, JsonValue] | None = None):
        super().__init__(message)
        self.facts = facts or {}
        self.as_json = False

    def show(self, file: IO[str] | None = None) -> None:
        if self.as_json:
            echo_json({**self.facts, "error": self.message})
        click.echo(f"tally: {self.message}", file=file, err=file is None)


class Wrong(Failure):
    """Something was checked and is wrong."""

    exit_code = EXIT_WRONG


class Unfinished(Failure):
    """The command could not finish, or could not tell."""

    exit_code = EXIT_UNFINISHED


class Misused(Failure):
    """The command was given what it cannot work with."""

    exit_code = EXIT_USAGE


class UsageError(click.UsageError):
    """A usage error of click's, with the exit code of this project."""

    exit_code = EXIT_USAGE


class NoArguments(click.exceptions.NoArgsIsHelpError):
    """A group was called without a command: its help is shown."""

    exit_code = EXIT_USAGE


def echo_json(value: dict[str, JsonValue]) -> None:
    """One object on one line of stdout, in ASCII so that any terminal and any pipe carries it."""
    click.echo(json.dumps(value, sort_keys=True))


@contextmanager
def exit_codes(*, as_json: bool = False) -> Iterator[None]:
    """Give every error of a command its exit code: click's own usage errors become 64."""
    try:
        yield
    except (UsageError, NoArguments):
        raise
    except click.exceptions.NoArgsIsHelpError as error:
        if error.ctx is None:
            raise
        raise NoArguments(error.ctx) from error
    except click.UsageError as error:
        raise UsageError(error.format_message(), error.ctx) from error
    except Failure as failure:
        failure.as_json = failure.as_json or as_json
        raise
    except KeyboardInterrupt:
        interrupted = Unfinished("interrupted; run the same command again to go on")
        interrupted.as_json = as_json
        raise interrupted from None
    except OSError as error:
        _drop_broken_output()
        place = f"{error.filename}: " if error.filename else ""
        unfinished = Unfinished(f"{place}{error.strerror or error}")
        unfinished.as_json = as_json
        raise unfinished from error


def _drop_broken_output() -> None:
    """What is left in the buffer of a closed pipe or a full disk would fail again at exit, with an
    exit code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
