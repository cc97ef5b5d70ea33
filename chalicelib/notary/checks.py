"""The checks of admission, in their order, each with the name of its refusal.

Statements are checked together, so that a bulk of thousands reads the index once; a single one is a
bulk of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..proof.cbor import MalformedCbor
from ..proof.errors import Invalid, Malformed
from ..proof.hashes import Hash, leaf_hash
from ..proof.keys import PublicKey
from ..proof.payload import UnknownKind
from ..proof.statement import (
    EntryTooLong,
    IssuerNotice,
    Payload,
    Register,
    SignedStatement,
    StatusChange,
    StatusListNotice,
    Supersede,
    UnknownAlgorithm,
    parse_statement,
    verify_statement,
)
from .entries import read_entries
from .held import Subject
from .index import KEY_BYTES, find, lineage_key
from .life import Lives, Target, read_lives
from .limits import AHEAD_S
from .log import Log
from .ports import Issuer, Registry
from .profiles import profiles
from .refused import Refused
from .rows import Rows


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: all of it comes from the access token. ``person`` is as of ``held.person_of``."""

    tenant: str
    client: str
    scopes: frozenset[str]
    person: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may be accepted, or already is in the log; with ``waits``, only when a
    second person approves."""

    entry: bytes
    entry_id: Hash
    lineage: Hash | None
    in_log: bool
    waits: Subject | None = None


_MALFORMED: tuple[tuple[type[Malformed], str], ...] = (
    (EntryTooLong, "entry-too-large"),
    (MalformedCbor, "malformed-cbor"),
    (UnknownAlgorithm, "unknown-alg"),
    (UnknownKind, "unknown-kind"),
)
"""What a malformed entry is refused as; any other malformation is a malformed statement."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A readable statement of one of the caller's issuers; ``target`` is that of its payload."""

    signed: SignedStatement
    entry_id: Hash
    issuer: Issuer
    lineage: Hash | None
    target: Hash | None


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What the log says about a bulk: indices by key, and the target entries by id with what became
    of them. ``subs`` are the lineage keys of the registers accepted so far, and whose they are."""

    indices: Mapping[bytes, int]
    targets: Mapping[Hash, Target]
    lives: Lives
    subs: dict[Hash, Hash] = field(default_factory=dict)

    def index(self, key: Hash) -> int | None:
        return self.indices.get(key[:KEY_BYTES])


def check_statements(
    entries: Sequence[bytes],
    caller: Caller,
    registry: Registry,
    log: Log,
    now_ms: int,
    *,
    signed: bool = False,
) -> list[Checked | Refused]:
    """For each entry whether it may be accepted, or the first check that it fails. Entries that are
    known to be signed are not verified again, but their keys have to be good now."""
    issuers = _Issuers(registry)
    parsed = [_parse(entry, caller, issuers) for entry in entries]
    knowledge = _look_up(log, [each for each in parsed if isinstance(each, _Parsed)])
    return [
        each if isinstance(each, Refused) else _check(each, knowledge, now_ms, signed=signed)
        for each in parsed
    ]


class _Issuers:
    """Each issuer is read once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, Issuer | None] = {}

    def get(self, iss: str) -> Issuer | None:
        if iss not in self._known:
            self._known[iss] = self._registry.issuer(iss)
        return self._known[iss]


def _parse(entry: bytes, caller: Caller, issuers: _Issuers) -> _Parsed | Refused:
    try:
        signed = parse_statement(entry)
    except Malformed as error:
        return Refused(_name_of(error), str(error))
    iss, payload = signed.statement.iss, signed.statement.payload
    issuer = own_issuer(iss, issuers.get(iss), caller)
    if isinstance(issuer, Refused):
        return issuer
    lineage = lineage_key(signed.statement.sub) if isinstance(payload, Register) else None
    target = payload.target if isinstance(payload, Supersede | StatusChange) else None
    return _Parsed(signed, leaf_hash(entry), issuer, lineage, target)


def own_issuer(iss: str, issuer: Issuer | None, caller: Caller) -> Issuer | Refused:
    """The issuer that was found under this id, if it is the caller's."""
    if issuer is None:
        return Refused(
            "unknown-issuer", "its iss is not registered: ask the operator to register it"
        )
    if issuer.tenant != caller.tenant:
        return Refused("not-your-issuer", f"{iss} belongs to another tenant: use its own token")
    return issuer


def check_active(issuer: Issuer) -> None:
    """Raises Refused for an issuer that may not register documents now."""
    if issuer.status != "active":
        raise Refused("issuer-not-active", f"{issuer.id} is {issuer.status}: ask the operator")


def _name_of(error: Malformed) -> str:
    names = (name for kind, name in _MALFORMED if isinstance(error, kind))
    return next(names, "malformed-statement")


def _look_up(log: Log, parsed: Sequence[_Parsed]) -> _Knowledge:
    keys = {
        key
        for each in parsed
        for key in (each.entry_id, each.lineage, each.target)
        if key is not None
    }
    rows = Rows(log, log.readable())
    indices = find(log.work, log.runs, keys, rows.size)
    targets = {each.target for each in parsed if each.target is not None}
    places = {target: indices.get(target[:KEY_BYTES]) for target in targets}
    held = {target: index for target, index in places.items() if index is not None}
    entries = read_entries(log, held.values(), rows.size)
    found: dict[Hash, Target] = {}
    for target, index in held.items():
        statement = parse_statement(entries[index])
        if statement.entry_id == target:  # and not only in the 16 bytes that the index knows
            found[target] = Target(statement, index)
    return _Knowledge(indices, found, read_lives(log, rows, found))


def _check(
    parsed: _Parsed, knowledge: _Knowledge, now_ms: int, *, signed: bool
) -> Checked | Refused:
    entry = parsed.signed.entry
    if knowledge.index(parsed.entry_id) is not None:
        return Checked(entry, parsed.entry_id, parsed.lineage, in_log=True)
    try:
        key = _good_key(parsed, now_ms)
        if not signed:
            _check_signature(parsed, key)
        _check_payload(parsed, now_ms)
        _check_lineage(parsed, knowledge, now_ms)
    except Refused as refused:
        return refused
    waits = _subject(parsed)
    return Checked(entry, parsed.entry_id, parsed.lineage, in_log=False, waits=waits)


def _subject(parsed: _Parsed) -> Subject | None:
    """What a second person approves. Changes of status need nobody: what stops harm goes first."""
    payload, issuer = parsed.signed.statement.payload, parsed.issuer
    if not issuer.approval or not isinstance(payload, Register | Supersede):
        return None
    kind = "register" if isinstance(payload, Register) else "supersede"
    return Subject(issuer.id, kind, payload.profile)


def _check_signature(parsed: _Parsed, key: PublicKey) -> None:
    try:
        verify_statement(parsed.signed, key)
    except Invalid as error:
        raise Refused("wrong-signature", f"{error}: sign the statement again") from error


def _good_key(parsed: _Parsed, now_ms: int) -> PublicKey:
    kid, iss = parsed.signed.statement.kid, parsed.issuer.id
    for each in parsed.issuer.keys:
        if each.key.kid == kid:
            if not each.good_at(now_ms):
                raise Refused(
                    "unknown-key", f"this key of {iss} is not good now: use its newest key"
                )
            return each.key
    raise Refused("unknown-key", f"{iss} has no key {kid.hex()}: ask the operator to register it")


def _check_payload(parsed: _Parsed, now_ms: int) -> None:
    statement = parsed.signed.statement
    ahead_s = statement.iat - now_ms // 1000
    if ahead_s > AHEAD_S:
        raise Refused("issued-in-future", f"iat is {ahead_s} s ahead of our clock: set yours")
    _check_kind(statement.payload, parsed.issuer)


# What is refused here may be kept with its job, so no sentence repeats words of the statement.
def _check_kind(payload: Payload, issuer: Issuer) -> None:
    if isinstance(payload, IssuerNotice | StatusListNotice) and not issuer.notary:
        raise Refused("unknown-kind", "statements of this kind are the notary's own")
    if isinstance(payload, Register | Supersede):
        check_active(issuer)
    if isinstance(payload, Register | Supersede) and payload.profile not in profiles():
        known = ", ".join(profiles())
        raise Refused("unknown-profile", f"the profile is none of {known}")


def _check_lineage(parsed: _Parsed, knowledge: _Knowledge, now_ms: int) -> None:
    if parsed.lineage is not None:
        first = knowledge.subs.setdefault(parsed.lineage, parsed.entry_id)
        if first != parsed.entry_id or knowledge.index(parsed.lineage) is not None:
            raise Refused(
                "sub-not-new", "another register has this sub: use supersede, or a new sub"
            )
    if parsed.target is not None:
        target = _check_target(parsed, knowledge.targets.get(parsed.target))
        knowledge.lives.check(parsed.signed, target, now_ms)


def _check_target(parsed: _Parsed, target: Target | None) -> Target:
    if target is None:
        raise Refused("unknown-target", "the log does not hold the target: wait for its receipt")
    if not isinstance(target.signed.statement.payload, Register | Supersede):
        raise Refused("unknown-target", "the target is not a register or supersede statement")
    own, others = parsed.signed.statement, target.signed.statement
    if (own.iss, own.sub) != (others.iss, others.sub):
        raise Refused("unknown-target", "the target has another iss or sub")
    return target
