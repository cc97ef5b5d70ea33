"""What makes a whole roster unreadable; what is wrong with one row is a fault of that row."""

from __future__ import annotations

from ...proof.errors import Malformed


class UnreadableRoster(Malformed):
    """No row of the roster can be relied on."""


class WrongEncoding(UnreadableRoster):
    """The bytes are not text in the encoding that was asked for, or in any that is known here."""


class AmbiguousEncoding(UnreadableRoster):
    """The bytes may be text in two encodings that read differently: somebody has to say which."""


class MalformedTable(UnreadableRoster):
    """The text is not comma-separated values as RFC 4180 has them."""


class MalformedHeader(UnreadableRoster):
    """A column is unknown, missing, there twice, or not for one value."""


class WrongColumnMap(UnreadableRoster):
    """The map from columns to claims is not one of this roster."""
