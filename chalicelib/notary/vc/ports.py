"""What the W3C VC API needs of this service's other parts: its status lists."""

from __future__ import annotations

from typing import Protocol


class StatusLists(Protocol):
    """The status lists that this service serves, as they stand."""

    def value(self, url: str, index: int, now_ms: int) -> int:
        """The value at an index of the list at a URL of this service, whose list for the purpose
        revocation or suspension is at ``…/revocation`` or ``…/suspension`` (0, or 1 if it is set),
        and whose token status list is at ``…`` (0 valid, 1 invalid, 2 suspended).

        Raises CannotTell if there is no such list or index, or the list is too old at ``now_ms``.
        """
        ...
