from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import bootstrap
from chalicelib.api import wiring
from chalicelib.bootstrap import Service
from tests.api.world import World
from tests.cli.desk import Desk
from tests.cli.front import Front
from tests.cli.operators import Websites, make_key
from tests.fakes import memory_service


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TALLY_URL", "TALLY_KEY", "TALLY_TOKEN", "TALLY_POLICY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("TALLY_CONFIG", str(tmp_path / "config.toml"))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the command made, in seconds, on a clock that only they move."""
    made: list[float] = []
    for module in ("http", "submit", "tokens"):
        monkeypatch.setattr(f"chalicelib.cli.{module}.monotonic", lambda: sum(made))
    for module in ("http", "submit"):
        monkeypatch.setattr(f"chalicelib.cli.{module}.sleep", made.append)
    return made


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    # The service's log would stand among what the command says.
    monkeypatch.setattr("chalicelib.api.serve.log_line", lambda **_: None)
    with Front(World()) as front:
        yield front
    wiring.use(None)


@pytest.fixture
def desk(front: Front, tmp_path: Path) -> Desk:
    """A registrar's desk: a registered key, three diplomas, and the service's address."""
    desk = Desk(tmp_path / "desk", front)
    for name, student in (("ada.json", "Ada"), ("siôn.json", "Siôn"), ("王小明.json", "王小明")):
        desk.write(name, json.dumps({"name": student}).encode())
    return desk


@pytest.fixture
def websites() -> Websites:
    return Websites()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, websites: Websites) -> Service:
    """The service that operators' commands find."""
    service = replace(memory_service(), get=websites)
    monkeypatch.setattr(bootstrap, "service_from_env", lambda _: service)
    return service


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The public part of the university's key."""
    return make_key(tmp_path)
