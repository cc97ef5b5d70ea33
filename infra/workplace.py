"""Where the demo works, and what it leaves where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .graduation import Graduation
from .roster import PARTIES, Party


@dataclass(slots=True)
class Demo:
    """Where the demo works. ``out`` is what it leaves; ``work`` holds keys, journals and the
    local cloud's files, and is deleted at the end. ``sizes`` are those of diplomas, bundles and
    graduates."""

    out: Path
    work: Path
    sizes: tuple[int, int, int]
    names: dict[Party, list[str]] = field(default_factory=dict)
    seconds: dict[Party, float] = field(default_factory=dict)

    @property
    def policy(self) -> Path:
        return self.out / "policy.json"

    @property
    def all_names(self) -> list[str]:
        return [name for party in PARTIES for name in self.names[party]]

    def document(self, name: str) -> Path:
        return self.out / "documents" / name

    def receipt(self, name: str) -> Path:
        return self.out / "receipts" / f"{name}.receipt.json"

    @property
    def graduation(self) -> Graduation:
        university = PARTIES[0]
        return Graduation(self.out, self.work, self.key(university), self.policy, self.sizes[2])

    def key(self, party: Party) -> Path:
        return self.work / "keys" / f"{party.tenant}.json"
