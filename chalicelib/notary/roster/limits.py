"""The limits of a roster."""

from ..limits import UPLOAD_ITEMS

ROSTER_BYTES = 64 << 20
"""A roster is read whole; a row of a diploma has some 200 bytes."""

ROSTER_ROWS = UPLOAD_ITEMS
"""Rows, blank ones too: as many statements as one upload holds."""

ROSTER_COLUMNS = 500
"""Columns; a transcript of a hundred courses with four claims each has 420."""

LIST_ITEMS = 1_000
"""Items of one array claim: ``/courses/0`` to ``/courses/999``."""

ROW_FAULTS = 10
"""Faults that are listed for one row; the count is whole."""

NOTES = 100
"""Notes that are listed for one roster; the count is whole."""

HEADER_SHOWN = 60
"""Characters of a column's name that a fault repeats."""
