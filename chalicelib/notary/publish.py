"""Publishing: profiles of issuers and lists of what became of their entries, each registered.

It runs on a schedule. Documents never change and have the names of their digests; what is known of
an issuer moves by one conditional write, which stores the signed notice before it is submitted; the
height up to which changes were read moves last. So any number of publishers may run at once and die
at any point, and whoever comes next goes on from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..proof.entry_status import (
    Change,
    EntryStatus,
    EntryStatusTooLarge,
    format_entry_status,
    parse_entry_status,
)
from ..proof.errors import Malformed
from ..proof.hashes import leaf_hash, sha256
from ..proof.issuer_profile import format_profile
from .apply import create_same
from .changes import News, read_news
from .entries import read_objects
from .limits import LIST_CHANGES, LIST_DIGITS, STATUS_RENEW_MS
from .log import Log
from .notices import (
    IssuerNotices,
    Listed,
    Notary,
    Notices,
    list_url,
    profile_key,
    profile_of,
    status_key,
)
from .ports import Conflict, Issuer, IssuerKey, OutcomeUnknown, Registry, Single
from .published import settle
from .rows import Rows


def untold(issuer: str, problem: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Publisher:
    """``log`` has a place for notices and for lists. ``tell`` is told of each issuer whose profile
    (in every run) or list (once) cannot be published, and why: ``name: detail``."""

    log: Log
    registry: Registry
    notary: Notary
    public_url: str
    clock_ms: Callable[[], int]
    tell: Callable[[str, str], None] = field(default=untold)


def register_notary(notary: Notary, registry: Registry, log: Log) -> Issuer:
    """The notary as an issuer of its own statements, its key good from the newest block on. Doing
    it again changes nothing, and a new key is added to the old ones."""
    known = registry.issuer(notary.id)
    keys = known.keys if known else ()
    if known and known.notary and any(each.key == notary.signer.public for each in keys):
        return known
    from_ms = log.readable().block.timestamp_ms
    names = (
        known.names if known else {"en": f"Notary of {log.origin}", "zh": f"{log.origin} 公证处"}
    )
    keys = (*keys, IssuerKey(notary.signer.public, from_ms))
    issuer = Issuer(notary.id, known.tenant if known else notary.id, names, keys, notary=True)
    registry.put_issuer(issuer)
    return issuer


def publish(publisher: Publisher) -> int:
    """Register what is new; the number of notices that were submitted. Nothing is done before the
    notary is registered itself."""
    from .status.publish_bits import publish_bits  # only here: every function loads this module

    log, notices = publisher.log, publisher.log.notices
    assert notices is not None, "a publisher has a place for notices"
    # The clock first, then the height, then the log: by that time nothing more was in the log, and
    # nobody has published more of it than is read.
    now_ms, before = publisher.clock_ms(), notices.height()
    issuers = publisher.registry.issuers()
    if not any(each.id == publisher.notary.id and each.notary for each in issuers):
        return 0
    rows = Rows(log, log.readable())
    news = read_news(log, rows, before, now_ms)
    run = _Run(publisher, notices, rows, news, notices.asked(), now_ms)
    served = {each.id: each for each in issuers if not each.notary}
    known = {each.issuer: each for each in notices.all()}
    done = [
        run.serve(served.get(id_), known.get(id_, IssuerNotices(id_)))
        for id_ in sorted(served.keys() | known.keys() | news.changes.keys())
    ]
    done += publish_bits(publisher, rows, news)
    if None not in done and news.height != before:
        # If another one was faster, or nobody knows, the next run reads from where it then stands.
        with suppress(Conflict, OutcomeUnknown):
            notices.advance(before, news.height)
    return sum(each for each in done if each is not None)


@dataclass(frozen=True, slots=True)
class _Run:
    publisher: Publisher
    notices: Notices
    rows: Rows
    news: News
    asked: Mapping[tuple[str, str], int]
    now_ms: int

    def serve(self, issuer: Issuer | None, known: IssuerNotices) -> int | None:
        """Bring one issuer up to date; how many notices were submitted, or None when somebody else
        was at it, or nobody knows: then the same news are read again."""
        log = self.publisher.log
        try:
            now = settle(log, self.rows, known)
            if issuer is not None:
                now = self._with_profile(issuer, now)
            now = self._with_lists(now)
            if now != known:
                self.notices.put(now)
            return sum(
                log.pending.add(Single(leaf_hash(each.entry).hex(), each.entry, None))
                for each in now.waiting
            )
        except (Conflict, OutcomeUnknown):
            return None

    def _with_profile(self, issuer: Issuer, now: IssuerNotices) -> IssuerNotices:
        """With a notice of the profile, if that is another one than the newest registered one."""
        try:
            document = format_profile(profile_of(issuer))
        except Malformed as error:
            self.publisher.tell(issuer.id, f"malformed-profile: {error}")
            return now
        digest = sha256(document)
        newest = now.profiles[-1].document if now.profiles else None
        if now.next_profile is not None or digest == newest:
            return now
        create_same(self.publisher.log.tiles, profile_key(digest), document)
        notary = self.publisher.notary
        notice = notary.about_profile(issuer.id, document, self.now_ms // 1000)
        return replace(now, next_profile=notice)

    def _with_lists(self, now: IssuerNotices) -> IssuerNotices:
        lists = [new for each in now.lists for new in self._renewed(now.issuer, each)]
        return replace(now, lists=tuple(lists))

    def _renewed(self, issuer: str, listed: Listed) -> Sequence[Listed]:
        """With a notice of a newer list, if there are changes that the newest one lacks, or it is
        old and wanted, or there is none; divided, if it has many changes."""
        news = [
            read.change
            for read in self.news.changes.get(issuer, ())
            if read.index >= listed.size and read.change.entry.hex().startswith(listed.prefix)
        ]
        is_old = self.news.read_ms - listed.read_ms >= STATUS_RENEW_MS
        wanted = is_old and self._asked_ms(issuer, listed.prefix) > listed.read_ms
        if listed.full or not (news or wanted or listed.newest is None):
            return (listed,)
        return self._divide(issuer, listed, [*self._changes(listed), *news])

    def _asked_ms(self, issuer: str, prefix: str) -> int:
        """When somebody last wanted this list, or one that has come from it, or that it is of."""
        return max(
            (
                asked_ms
                for (id_, part), asked_ms in self.asked.items()
                if id_ == issuer and (part.startswith(prefix) or prefix.startswith(part))
            ),
            default=0,
        )

    def _changes(self, listed: Listed) -> Sequence[Change]:
        if listed.newest is None:
            return ()
        [document] = read_objects(self.publisher.log.tiles, [status_key(listed.newest)])
        return parse_entry_status(document).changes

    def _divide(self, issuer: str, listed: Listed, changes: Sequence[Change]) -> Sequence[Listed]:
        own = [change for change in changes if change.entry.hex().startswith(listed.prefix)]
        if len(own) <= LIST_CHANGES or len(listed.prefix) == LIST_DIGITS:
            return (self._list_with(issuer, listed, own),)
        parts = [Listed(f"{listed.prefix}{digit:x}", listed.status) for digit in range(16)]
        return [new for part in parts for new in self._divide(issuer, part, own)]

    def _list_with(self, issuer: str, listed: Listed, changes: Iterable[Change]) -> Listed:
        publisher, news = self.publisher, self.news
        status = EntryStatus(
            origin=publisher.log.origin,
            issuer=issuer,
            prefix=listed.prefix,
            size=news.size,
            timestamp_ms=news.timestamp_ms,
            changes=tuple(changes),
        )
        try:
            document = format_entry_status(status)
        except EntryStatusTooLarge as error:
            # A list that lacks a change would be false: there are no more of these entries.
            publisher.tell(issuer, f"status-list-full: {error}")
            return replace(listed, full=True)
        digest = sha256(document)
        if listed.next_status is not None and listed.next_status.document == digest:
            return listed  # nothing was integrated since, and so there is nothing newer to say
        create_same(publisher.log.tiles, status_key(digest), document)
        url = list_url(publisher.public_url, issuer, listed.prefix)
        iat = news.read_ms // 1000
        notice = publisher.notary.about_list(url, document, iat)
        return replace(listed, next_status=notice, size=status.size, read_ms=iat * 1000)
