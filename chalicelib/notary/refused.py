"""What admission refuses."""

from __future__ import annotations


class Refused(Exception):
    """A submission was refused and nothing of it was stored. ``name`` is stable, in kebab case;
    ``detail`` says what to do."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail
