"""The benchmark gives every figure it promises, and counts what it says. How fast, no test asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from infra.deploy import Deployment
from infra.local_cloud import LocalCloud
from infra.package import ROOT
from tests.bench import (
    attesting,
    client,
    cold,
    deployed,
    issuing,
    memory,
    sequencing,
    spending,
    verifying,
)
from tests.bench.__main__ import save
from tests.bench.measure import Results, Work, median_us
from tests.bench.parts import BUDGETS, FIGURES, PARTS, format_table
from tests.bench.runtime_api import InitFailed, init_s
from tests.bench.samples import DOCUMENT_BYTES, ENTRY_BYTES, make_document, make_entry, make_samples

TINY: dict[str, Callable[[Deployment, LocalCloud], Results]] = {
    "sequencing": lambda *_: sequencing.measure(entries=3, rounds=1),
    "verifying": lambda *_: verifying.measure(receipts=3, log_size=300, each=2, rounds=1),
    "client": lambda *_: client.measure(documents=2, rounds=1),
    "issuing": lambda *_: issuing.measure(each=1, rounds=1),
    "size": lambda *_: verifying.receipt_size(log_size=300),
    "cold": lambda *_: cold.measure(rounds=1),
    "attesting": lambda _, cloud: attesting.measure(
        cloud, log_size=300, each=1, rounds=1, minutes=3
    ),
    "memory": lambda _, cloud: memory.measure(cloud, entries=5),
    "spending": lambda _, cloud: spending.measure(cloud, documents=3, bulk=5),
    "single": lambda deployment, _: deployed.single(deployment, requests=3, clients=2),
    "bulk": lambda deployment, _: deployed.bulk(deployment, documents=3),
    "roster": lambda deployment, _: deployed.roster(deployment, graduates=3),
}
NAMES = {
    "sequencing": {"sequence_us_per_entry", "hash_floor_us"},
    "verifying": {
        "verify_us", "verify_signatures_us", "verify_many_us", "ed25519_verify_us",
    },
    "client": {"client_raw_us", "client_jcs_us"},
    "issuing": {
        *(f"{work}_{form}{peer}_ms" for work in ("issue", "verify") for form in ("sd_jwt", "badge")
          for peer in ("", "_npm")),
        "issue_registered_ms", "verify_status_us",
    },
    "size": {"receipt_bytes_1m"},
    "cold": {"cold_init_s", "bare_init_s"},
    "attesting": {
        *(
            f"attestation_{kind}_{figure}"
            for kind in ("evm", "opentimestamps", "rfc3161", "rfc3161_rsa")
            for figure in ("bytes", "us", "floor_us")
        ),
        "cosignature_bytes", "cosignature_us", "cosignature_floor_us",
        "verify_attested_us",
        "attestation_evm_gas", "attestation_bitcoin_vbytes",
        "usd_per_attestation_evm", "usd_per_attestation_rollup", "usd_per_attestation_bitcoin",
        "usd_per_million_evm", "usd_per_million_rollup", "usd_per_million_bitcoin",
        "usd_attester_hour", "usd_per_million_attester", "zip_growth_mb",
    },
    "memory": {"sequencer_peak_mb"},
    "spending": {"usd_per_million_single", "usd_per_million_bulk"},
    "single": {"receipt_p50_s", "receipt_p99_s"},
    "bulk": {"bulk_8000_s"},
    "roster": {"issue_8000_s"},
}  # fmt: skip


def test_the_parts_give_all_figures_between_them() -> None:
    assert PARTS.keys() == TINY.keys() == NAMES.keys()
    assert set().union(*NAMES.values()) == FIGURES.keys()
    assert BUDGETS.keys() <= FIGURES.keys()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_gives_its_figures(part: str, deployed: Deployment, local_cloud: LocalCloud) -> None:
    found = TINY[part](deployed, local_cloud)
    assert found.keys() == NAMES[part]
    assert all(value > 0 for value in found.values())


def test_samples_have_the_sizes_that_the_figures_name() -> None:
    assert {len(make_document(number)) for number in range(9)} == {DOCUMENT_BYTES}
    assert {len(make_entry(number)) for number in range(9)} == {ENTRY_BYTES}


def test_the_path_in_a_log_of_a_million_has_20_hashes() -> None:
    [receipt] = make_samples(1, 1_000_000).files
    assert len(json.loads(receipt)["registered"]["proof"].partition("\n\n")[0].split("\n")) == 22


def test_every_round_does_all_works_and_prepares_each_anew() -> None:
    done: list[str] = []

    def note(what: str) -> Callable[[], None]:
        return partial(done.append, what)

    works = {name: Work(2, note(name), note("prepared")) for name in ("one", "other")}
    assert median_us(3, works).keys() == works.keys()
    assert done == ["prepared", "one", "prepared", "other"] * 3


def test_a_handler_that_does_not_load_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise RuntimeError('broken')\n")
    runtime = cold.link_runtime(tmp_path / "runtime")
    with pytest.raises(InitFailed, match="broken"):
        init_s(tmp_path, "app.app", [runtime], {})


def test_the_table_says_what_is_over_its_budget() -> None:
    table = format_table({"bulk_8000_s": 21.5, "receipt_p50_s": 1.5, "receipt_bytes_1m": 2205})
    over, within = [line for line in table.splitlines() if "OVER" in line], table.count("within")
    assert (len(over), within) == (1, 1)
    assert over[0].startswith("bulk_8000_s ")


def test_figures_are_saved_over_those_of_other_parts(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save({"bulk_8000_s": 9.0, "receipt_p50_s": 0.5}, path)
    save({"bulk_8000_s": 8.0}, path)
    assert json.loads(path.read_text()) == {"bulk_8000_s": 8.0, "receipt_p50_s": 0.5}


def test_the_document_shows_every_figure() -> None:
    text = (ROOT / "docs" / "performance.md").read_text("utf-8")
    assert [name for name in FIGURES if f"`{name}`" not in text] == []
