"""What attesting adds to the functions' zip, unpacked: our modules that serve nothing else, with
their bytecode, and whatever package the service did without before it attested."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import PurePosixPath

from infra.package import make_package

from .measure import Results

MODULES = (
    "proof/bitcoin/*", "proof/evm/*", "proof/tsp/*",
    "proof/attestations", "proof/sighting", "proof/tlogwitness",
    "notary/attest", "notary/evidence", "notary/networks", "notary/outside",
    "notary/witnesses", "notary/witnessing",
    "adapters/bitcoin/*", "adapters/evm/*", "adapters/chain_headers",
    "adapters/dynamodb_attempts", "adapters/dynamodb_witness", "adapters/http",
    "adapters/jsonrpc", "adapters/opentimestamps", "adapters/rfc3161", "adapters/secp256k1",
    "adapters/witness", "api/witness",
)  # fmt: skip
"""In chalicelib."""

BEFORE = frozenset({
    "app", "chalicelib", "chalice", "boto3", "botocore", "jmespath", "s3transfer", "dateutil",
    "six", "urllib3", "jwt", "cryptography", "cffi", "_cffi_backend", "pycparser",
    "jsonschema", "jsonschema_specifications", "referencing", "rpds", "attr", "attrs",
    "typing_extensions",
})  # fmt: skip
"""What else is in the zip, by the names of imports: ours, Chalice, the SDK of AWS, PyJWT,
cryptography, and what checks claims. The SDK needs urllib3, all that speaks HTTP to outside
parties."""


def measure() -> Results:
    """Megabytes."""
    with zipfile.ZipFile(make_package("local").code) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    return {"zip_growth_mb": sum(added(sizes).values()) / 1e6}


def added(sizes: Mapping[str, int]) -> dict[str, int]:
    """Those files of the zip that are there for attesting, with their sizes."""
    ours = {
        each: [name for name in sizes if fnmatchcase(module_of(name), f"chalicelib/{each}")]
        for each in MODULES
    }
    lost = [each for each, names in ours.items() if not names]
    assert not lost, f"nothing in the zip is {lost}: list anew what serves attesting alone"
    new = [name for name in sizes if module_of(name).partition("/")[0] not in BEFORE]
    return {name: sizes[name] for name in [*new, *chain.from_iterable(ours.values())]}


def module_of(name: str) -> str:
    """The module of a file, source or bytecode: its path without ``__pycache__`` and endings."""
    path = PurePosixPath(name)
    parts = [part for part in path.parent.parts if part != "__pycache__"]
    return "/".join([*parts, path.name.partition(".")[0]])
