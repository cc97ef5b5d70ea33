"""``make bench``: measure, print a table, and save ``var/bench/results.json``.

``python -m tests.bench PART…`` measures some parts again and keeps the other figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from infra.deploy import DeployError
from infra.local_cloud import LocalCloudError
from infra.package import ROOT, PackageError
from infra.stages import DemoError

from .measure import Results
from .parts import FIGURES, PARTS, Place, format_table

RESULTS = ROOT / "var" / "bench" / "results.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    try:
        found = run(chosen)
    except (DeployError, LocalCloudError, PackageError, DemoError) as error:
        print(f"The benchmark could not run: {error}", file=sys.stderr)
        return 1
    print(f"\n{format_table(found)}")
    save(found, RESULTS)
    return 0


def run(parts: list[str]) -> Results:
    found: Results = {}
    with ExitStack() as stack:
        place = Place(stack)
        for name in parts:
            print(f"Measuring {name}", flush=True)
            found |= PARTS[name](place)
    return found


def save(found: Results, path: Path) -> None:
    """Write the figures over those that the file holds."""
    held: Results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    figures = {name: value for name, value in (held | found).items() if name in FIGURES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    print(f"\nSaved in {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")


if __name__ == "__main__":
    sys.exit(main())
