"""What can go wrong with a proof: three different things that must never be confused."""


class ProofError(Exception):
    """The root of every error that the proof core raises about other people's bytes."""


class Malformed(ProofError, ValueError):
    """The bytes are not in the format; formats subclass this, one class per malformation."""


class Invalid(ProofError):
    """The evidence was read and checked, and it is false."""


class CannotTell(ProofError):
    """The check could not be made: something needed for it is not there or not known."""
