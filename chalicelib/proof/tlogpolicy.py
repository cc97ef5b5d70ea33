"""Which logs and witnesses a verifier trusts, and how many must have signed (C2SP tlog-policy).

The policy is text of lines: ``log``, ``witness``, ``group`` and one ``quorum``, in any order but
that a group or quorum names what stands above it. Whitespace is space and tab only. Of the optional
URLs those of witnesses are kept, for a log that asks them; whoever verifies talks to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import Malformed
from .limits import TLOG_POLICY_NAMES
from .note import COSIGNATURE, VerifierKey, parse_vkey
from .text import parse_decimal

NO_QUORUM = "none"
"""The quorum that asks for no cosignature; no witness and no group may have this name."""

_WITNESS_TYPES = (COSIGNATURE, 6)
"""Ed25519 and ML-DSA-44 cosignatures; the latter are known but cannot be checked here."""

_NOT_ALLOWED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class MalformedTlogPolicy(Malformed):
    """Not a tlog-policy; the message names the line."""


class DuplicateName(MalformedTlogPolicy):
    """Two witnesses or groups have one name, or one of them is called ``none``."""


class DuplicateKey(MalformedTlogPolicy):
    """Two logs or two witnesses have one public key, or two keys sign under one name and id."""


class UnknownName(MalformedTlogPolicy):
    """A group or the quorum names what no line above defines."""


class Group(NamedTuple):
    """Some names of witnesses or groups, of which at least ``threshold`` must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlogPolicy:
    """Trust in logs and witnesses.

    ``logs`` maps an origin to its keys, ``witnesses`` the policy's own name for a witness to its
    key; ``groups`` stand in their order of definition. ``quorum`` is the name that must have
    cosigned, or None where none must. ``urls`` are the submission prefixes of the witnesses that
    have one, as they stand.
    """

    logs: Mapping[str, tuple[VerifierKey, ...]]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str | None
    urls: Mapping[str, str] = field(default_factory=dict)

    def quorum_met(self, cosigners: Set[str]) -> bool:
        """Whether these witnesses, by the policy's names for them, are enough."""
        met = set(self.witnesses.keys() & cosigners)
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(name)
        return self.quorum is None or self.quorum in met


def parse_tlog_policy(text: str) -> TlogPolicy:
    """Read a policy of at most 1,000 logs, witnesses and groups.

    Raises MalformedTlogPolicy or a subclass, and what ``parse_vkey`` raises.
    """
    if _NOT_ALLOWED.search(text):
        raise MalformedTlogPolicy("a policy has no control characters but tab and newline")
    *lines, rest = text.split("\n")
    if rest:
        raise MalformedTlogPolicy("every line of a policy ends in a newline, the last one too")
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        stripped = line.strip(" \t")
        if stripped and not stripped.startswith("#"):
            try:
                reader.read(*re.split("[ \t]+", stripped))
            except Malformed as error:
                raise type(error)(f"line {number} of the policy: {error}") from error
    return reader.finish()


class _Reader:
    """The definitions read so far, since each line may name only what stands above it."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[VerifierKey, ...]] = {}
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, Group] = {}
        self._urls: dict[str, str] = {}
        self._quorums: list[str] = []
        self._members: set[str] = set()
        self._known: set[tuple[str, str | bytes]] = set()
        self._definitions = 0

    def read(self, keyword: str, *items: str) -> None:
        match keyword, items:
            case "log", (vkey,) | (vkey, _):
                self._add_log(parse_vkey(vkey))
            case "witness", (name, vkey):
                self._add_witness(name, parse_vkey(vkey))
            case "witness", (name, vkey, url):
                self._add_witness(name, parse_vkey(vkey))
                self._urls[name] = url
            case "group", (name, threshold, _, *_):
                self._add_group(name, threshold, items[2:])
            case "quorum", (name,):
                self._add_quorum(name)
            case _:
                raise MalformedTlogPolicy("not a log, witness, group or quorum line")

    def finish(self) -> TlogPolicy:
        if len(self._quorums) != 1:
            raise MalformedTlogPolicy("a policy has exactly one quorum line")
        quorum = None if self._quorums == [NO_QUORUM] else self._quorums[0]
        return TlogPolicy(self._logs, self._witnesses, self._groups, quorum, self._urls)

    def _add_log(self, key: VerifierKey) -> None:
        self._count()
        self._claim_key("log", key)
        self._logs[key.name] = (*self._logs.get(key.name, ()), key)

    def _add_witness(self, name: str, key: VerifierKey) -> None:
        self._count()
        if key.type not in _WITNESS_TYPES:
            raise MalformedTlogPolicy(f"a key of type {key.type} makes no cosignatures")
        self._claim_name(name)
        self._claim_key("witness", key)
        self._witnesses[name] = key

    def _add_group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        self._count()
        self._claim_name(name)
        for member in members:
            self._check_defined(member)
            if member in self._members:
                raise DuplicateName(f"{member} is already the member of a group")
            self._members.add(member)
        self._groups[name] = Group(_parse_threshold(threshold, len(members)), members)

    def _add_quorum(self, name: str) -> None:
        if name != NO_QUORUM:
            self._check_defined(name)
        self._quorums.append(name)

    def _count(self) -> None:
        self._definitions += 1
        if self._definitions > TLOG_POLICY_NAMES:
            raise MalformedTlogPolicy(f"a policy defines at most {TLOG_POLICY_NAMES} names")

    def _claim_name(self, name: str) -> None:
        if name == NO_QUORUM or name in self._witnesses or name in self._groups:
            raise DuplicateName(f"{name} is defined already")

    def _claim_key(self, role: str, key: VerifierKey) -> None:
        claims = {(role, key.public), (key.name, key.key_id)}
        if claims & self._known:
            raise DuplicateKey(f"the key of {key.name}, or one with its name and id, is there")
        self._known |= claims

    def _check_defined(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise UnknownName(f"{name} is not defined above")


def _parse_threshold(text: str, members: int) -> int:
    if text in ("any", "all"):
        return 1 if text == "any" else members
    threshold = parse_decimal(text)
    if not 1 <= threshold <= members:
        raise MalformedTlogPolicy(f"a group of {members} needs a threshold of 1 to {members}")
    return threshold
