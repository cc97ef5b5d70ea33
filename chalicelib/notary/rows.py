"""Rows of the hash chain by what they hold."""

from __future__ import annotations

from .log import Log
from .ports import Row


class Rows:
    """Finds the row whose block first held an index; rows that were read are remembered."""

    def __init__(self, log: Log, head: Row) -> None:
        self._log = log
        self.head = head.block.height
        self.size = head.block.size
        self._rows = {head.block.height: head}

    def holding(self, index: int) -> Row:
        """The lowest row whose size is above ``index``: a search that begins at the newest."""
        step, high = 1, self.head
        low = high - step
        while low > 0 and self.at(low).block.size > index:
            high, step = low, 2 * step
            low = max(0, high - step)
        while high - low > 1:
            middle = (low + high) // 2
            if self.at(middle).block.size > index:
                high = middle
            else:
                low = middle
        return self.at(high)

    def at(self, height: int) -> Row:
        if height not in self._rows:
            row = self._log.chain.row(height)
            assert row is not None, "below the head every height has its row"
            self._rows[height] = row
        return self._rows[height]
