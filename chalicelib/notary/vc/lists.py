"""The status lists that this service serves, asked for one status as anybody could."""

from __future__ import annotations

from dataclasses import dataclass

from ...proof.errors import CannotTell
from ..log import Log
from ..status.bit_lists import FORMS, ListId, bits_url, parse_name
from ..status.served import NoSuchList, NotFresh, serve_list


@dataclass(frozen=True, slots=True)
class ServedLists:
    """See ``ports.StatusLists``. What is served is our own: its signature is not checked."""

    log: Log
    public_url: str

    def value(self, url: str, index: int, now_ms: int) -> int:
        from .status import value_at  # only here: every function loads this module

        id_, form = self._parse(url)
        try:
            document = serve_list(self.log, id_, form, now_ms).document
        except NoSuchList:
            raise CannotTell("no credential has a place on this list") from None
        except NotFresh:
            raise CannotTell("the list is being made anew: ask again in a minute") from None
        return value_at(document, url, form, index, now_ms)

    def _parse(self, url: str) -> tuple[ListId, str]:
        """The list and its form at a URL, in its one spelling."""
        head, _, tail = url.rpartition("/lists/")
        name, _, form = tail.partition("/")
        id_ = parse_name(head.rpartition("/")[2], name)
        if id_ is None or form not in FORMS or bits_url(self.public_url, id_, form) != url:
            raise CannotTell("there is no list at this address")
        return id_, form
