"""What can go wrong with a proof: three different things that must never be confused."""

from __future__ import annotations

from .codes import Code


class ProofError(Exception):
    """The root of every error that the proof core raises about other people's bytes.

    ``code`` is the outcome that it decides, where that is more than false or unknown."""

    code: Code | None = None

    def __init__(self, detail: str = "", code: Code | None = None) -> None:
        super().__init__(detail)
        if code is not None:
            self.code = code


class Malformed(ProofError, ValueError):
    """The bytes are not in the format; formats subclass this, one class per malformation."""


class Invalid(ProofError):
    """The evidence was read and checked, and it is false."""


class CannotTell(ProofError):
    """The check could not be made: something needed for it is not there or not known."""
