"""``tally-verify DOCUMENT RECEIPT --policy P``: a verdict with no network and no account.

Exit codes: 0 valid, 1 invalid, 2 cannot tell, 64 wrong usage or an unreadable policy.
How a verdict is printed is in printed.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

from .credential_checks import Asked
from .errors import Malformed
from .limits import DOCUMENT_BYTES, POLICY_BYTES, RECEIPT_BYTES
from .policy import MalformedPolicy, Policy, parse_policy
from .printed import format_verdict
from .receipt import Receipt, parse_receipt
from .texts import LANGUAGES, Language
from .times import MalformedTime, parse_time
from .verdict import EXIT_CODES, EXIT_USAGE, Verdict, refuse_receipt
from .verify import verify


class UsageError(Exception):
    """The command was called in a way that allows no verdict."""


class NoVerdict(Exception):
    """No verdict reached anybody: an exit code of 0 or 1 would be one."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().rstrip()}")


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        options = _parser().parse_args(arguments)
        return print_verdict(
            options.document,
            options.receipt,
            options.policy,
            options.at,
            as_json=options.json,
            language=options.lang,
            asked=read_asked(options.audience, options.nonce),
        )
    except UsageError as error:
        print(f"tally-verify: {error}", file=sys.stderr)
        return EXIT_USAGE
    except NoVerdict as error:
        print(f"tally-verify: {error}", file=sys.stderr)
        return EXIT_CODES["cannot tell"]


def read_asked(audience: str | None, nonce: str | None) -> Asked | None:
    """What the holder was asked to sign; raises UsageError for one without the other."""
    if audience is None and nonce is None:
        return None
    if not audience or not nonce:
        raise UsageError("--audience and --nonce go together, and neither is empty")
    return Asked(audience, nonce)


Complete = Callable[[Receipt, Policy], Policy]
"""Adds to a policy what it lacks for a receipt, from where its owner says."""


def as_it_is(receipt: Receipt, policy: Policy) -> Policy:  # noqa: ARG001 - nothing is added
    return policy


def print_verdict(
    document: Path,
    receipt: Path,
    policy: Path,
    at: str | None,
    *,
    as_json: bool,
    language: Language = "en",
    asked: Asked | None = None,
    complete: Complete = as_it_is,
) -> int:
    """Verify files, print the verdict, return its exit code; raises UsageError or NoVerdict."""
    try:
        verdict = verify_files(document, receipt, policy, at, asked, complete)
        _print(format_verdict(verdict, language, as_json=as_json))
    except KeyboardInterrupt as error:
        raise NoVerdict("cannot tell: interrupted") from error
    except (OSError, MemoryError) as error:
        raise NoVerdict(f"cannot tell: {str(error) or 'out of memory'}") from error
    return EXIT_CODES[verdict.outcome]


def _print(text: str) -> None:
    """Write all of it or raise OSError, in whatever encoding the terminal has."""
    if sys.stdout is None:
        raise OSError("standard output is closed")
    encoding = sys.stdout.encoding or "ascii"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError:
        # What is left in the buffer would fail again at exit, with an exit code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tally-verify",
        allow_abbrev=False,
        description="Verify a document against its Tally receipt, offline.",
        epilog="exit codes: 0 valid, 1 invalid, 2 cannot tell, 64 wrong usage",
    )
    parser.add_argument(
        "document", type=Path, help="the document as it was registered, or a presentation of it"
    )
    parser.add_argument("receipt", type=Path, help="its receipt (NAME.receipt.json)")
    parser.add_argument("--policy", type=Path, required=True, help="whom you trust (policy.json)")
    parser.add_argument("--at", help="verify as of this time, such as 2026-07-01T09:30:00Z")
    parser.add_argument("--audience", help="the holder signed for this verifier; with --nonce")
    parser.add_argument("--nonce", help="what you sent the holder to sign; with --audience")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="the language (en)")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    parser.add_argument("--version", action="version", version=f"tally-verify {_version()}")
    return parser


def _version() -> str:
    """That of the wheel, or of the whole of Tally if that is what is installed."""
    for name in ("tally-proof", "tally-notary"):
        with suppress(PackageNotFoundError):
            return version(name)
    return "(not installed)"


def verify_files(
    document: Path,
    receipt: Path,
    policy: Path,
    at: str | None,
    asked: Asked | None = None,
    complete: Complete = as_it_is,
) -> Verdict:
    """The verdict on files; raises UsageError where none is possible."""
    at_ms = _read_time(at)
    trusted = read_policy_file(policy)
    document_bytes = read_file(document, DOCUMENT_BYTES)
    if len(document_bytes) > DOCUMENT_BYTES:
        raise UsageError(f"{document}: documents of more than {DOCUMENT_BYTES} bytes are not read")
    receipt_bytes = read_file(receipt, RECEIPT_BYTES)
    try:
        held = parse_receipt(receipt_bytes)
    except Malformed as error:
        if _is_receipt(document_bytes):
            raise UsageError(
                "the other way round: the document comes first, then its receipt"
            ) from error
        return refuse_receipt(f"{error}. Is this a receipt (NAME.receipt.json)?", at_ms)
    return verify(document_bytes, held, complete(held, trusted), at_ms, asked=asked)


def _is_receipt(data: bytes) -> bool:
    try:
        parse_receipt(data)
    except Malformed:
        return False
    return True


def read_policy_file(path: Path) -> Policy:
    try:
        return parse_policy(read_file(path, POLICY_BYTES))
    except MalformedPolicy as error:
        raise UsageError(f"{path}: {error}") from error


def read_file(path: Path, limit: int) -> bytes:
    """The file; of one with more than ``limit`` bytes only so much that this can be seen."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _read_time(at: str | None) -> int:
    if at is None:
        return time.time_ns() // 1_000_000
    try:
        return parse_time(at)
    except MalformedTime as error:
        raise UsageError(f"--at: {error}") from error
