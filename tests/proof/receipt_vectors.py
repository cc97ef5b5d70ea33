"""Makes ``tests/vectors/receipt``: one good receipt, and one mutation of it in each other file.

Run as ``python -m tests.proof.receipt_vectors`` to write them; a test makes them again and
compares, so that no change of ours can alter what an old receipt says without being seen. The keys
are test vectors: their private halves are repeated bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib.proof.receipt import Attestation, Inclusion, Receipt, format_receipt

from .world import DOCUMENT, STRANGER, World, cosigned, policy_value, some_hash, witnessed_tlog

FOLDER = Path(__file__).parent.parent / "vectors" / "receipt"
AT = "2027-01-15T08:00:00Z"

Mutation = Callable[[dict[str, Any]], None]


def vector(about: str, verdict: str, **parts: Any) -> dict[str, Any]:
    receipt = parts.get("receipt", World().receipt())
    data = receipt if isinstance(receipt, bytes) else format_receipt(receipt)
    return {
        "about": about,
        "document": base64.b64encode(parts.get("document", DOCUMENT)).decode(),
        "receipt": base64.b64encode(data).decode(),
        "policy": parts.get("policy", policy_value()),
        "at": parts.get("at", AT),
        "verdict": verdict,
    }


def edited(edit: Mutation, receipt: Receipt | None = None) -> bytes:
    """A receipt with one JSON value changed, in its one spelling."""
    value = json.loads(format_receipt(receipt or World().receipt()))
    edit(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


def flipped(text: str, at: int) -> str:
    """Base64 text with one bit of one byte flipped."""
    data = bytearray(base64.b64decode(text))
    data[at] ^= 1
    return base64.b64encode(data).decode()


def flip(*path: str, at: int = -1) -> Mutation:
    def edit(value: dict[str, Any]) -> None:
        *way, last = path
        for step in way:
            value = value[step]
        value[last] = flipped(value[last], at)

    return edit


def put(*path: str, new: Any) -> Mutation:
    def edit(value: dict[str, Any]) -> None:
        *way, last = path
        for step in way:
            value = value[step]
        value[last] = new

    return edit


def in_proof(old: str, new: str) -> Mutation:
    def edit(value: dict[str, Any]) -> None:
        proof = value["registered"]["proof"]
        assert old in proof
        value["registered"]["proof"] = proof.replace(old, new, 1)

    return edit


def path_line(number: int, change: Callable[[list[str]], list[str]]) -> Mutation:
    def edit(value: dict[str, Any]) -> None:
        lines = value["registered"]["proof"].split("\n")
        end = lines.index("")
        lines[2:end] = change(lines[2:end])
        value["registered"]["proof"] = "\n".join(lines)

    return edit


def swap(name: str, other: Receipt) -> bytes:
    donor = json.loads(format_receipt(other))
    return edited(put(name, new=donor[name]))


def with_registered(inclusion: Inclusion, **more: Any) -> Receipt:
    return replace(World().receipt(), registered=inclusion, **more)


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    good = format_receipt(World().receipt())
    other = World(document=b'{"name":"other"}')
    witnessed = policy_value(tlog=witnessed_tlog(), require=["witnesses"])
    yield "good", vector("a jcs document", "valid")
    yield "good-attested", vector("with a later block", "valid", receipt=World().receipt(grown=2))
    yield (
        "good-raw",
        vector("a raw document", "valid", receipt=World(canonicalization="raw").receipt()),
    )
    yield (
        "good-witnessed",
        vector(
            "the quorum cosigned",
            "valid",
            receipt=with_registered(cosigned(World().inclusion())),
            policy=witnessed,
        ),
    )
    yield (
        "stranger-cosigned",
        vector(
            "a stranger's bad line proves nothing and harms nothing",
            "valid",
            receipt=with_registered(cosigned(World().inclusion(), spoil=True)),
        ),
    )
    pigeon = Attestation("carrier-pigeon", {"feather": "grey"})
    yield (
        "unknown-attestation",
        vector(
            "an attestation of unknown type is reported",
            "valid",
            receipt=with_registered(World().inclusion(attestations=(pigeon,))),
        ),
    )
    yield (
        "altered-document",
        vector("one letter changed", "invalid", document=DOCUMENT.replace(b"S", b"T", 1)),
    )
    yield "moved-receipt", vector("the receipt of another document", "invalid", document=b"{}")
    yield (
        "duplicate-key-document",
        vector("no I-JSON", "invalid", document=b'{"name":1,"name":1}'),
    )
    yield "expired-document", vector("after validUntil", "invalid", at="2030-01-01T00:00:00Z")
    for name, edit in MUTATIONS.items():
        yield name, vector(name.replace("-", " "), "invalid", receipt=edited(edit))
    yield "swapped-holder", vector("", "invalid", receipt=swap("document", other.receipt()))
    yield "swapped-registered", vector("", "invalid", receipt=swap("registered", other.receipt()))
    yield "swapped-entry", vector("", "invalid", receipt=swap("entry", other.receipt()))
    yield (
        "attested-not-later",
        vector("", "invalid", receipt=replace(World().receipt(), attested=World().inclusion())),
    )
    yield (
        "attested-elsewhere",
        vector(
            "", "invalid", receipt=replace(World().receipt(), attested=other.inclusion(grown=2))
        ),
    )
    yield (
        "bad-cosignature",
        vector(
            "a bad line of the policy's witness",
            "invalid",
            receipt=with_registered(cosigned(World().inclusion(), spoil=True)),
            policy=policy_value(tlog=witnessed_tlog().replace("quorum W", "quorum none")),
        ),
    )
    for name, data in SPELLINGS.items():
        yield name, vector(name.replace("-", " "), "invalid", receipt=data(good))
    unknown_log = policy_value(tlog="quorum none\n")
    yield "unknown-log", vector("the policy has no log", "cannot tell", policy=unknown_log)
    renamed = in_proof("tally.test/log\n9", "tally.test/log2\n9")
    yield "changed-origin", vector("a log nobody knows", "cannot tell", receipt=edited(renamed))
    no_issuers = policy_value(issuers=[])
    yield "unknown-issuer", vector("the policy has no issuer", "cannot tell", policy=no_issuers)
    yield (
        "unknown-key",
        vector("a key it never saw", "cannot tell", receipt=World(issuer_key=STRANGER).receipt()),
    )
    yield (
        "no-holder-part",
        vector("nothing binds", "cannot tell", receipt=World().receipt(holder=False)),
    )
    yield "no-quorum", vector("no cosignature", "cannot tell", policy=witnessed)
    yield (
        "no-such-evidence",
        vector("", "cannot tell", policy=policy_value(require=["attestation:rfc3161"])),
    )
    for name, times, verdict in KEY_TIMES:
        value = policy_value()
        value["issuers"][0]["keys"][0].update(times)
        yield name, vector(name.replace("-", " "), verdict, policy=value)


REGISTERED_MS = 1_790_000_000_000

KEY_TIMES = [
    ("key-from-that-moment", {"from_ms": REGISTERED_MS}, "valid"),
    ("key-not-yet-good", {"from_ms": REGISTERED_MS + 1}, "invalid"),
    ("key-no-longer-good", {"to_ms": REGISTERED_MS}, "invalid"),
    ("key-compromised-before", {"compromised_ms": REGISTERED_MS}, "invalid"),
    ("key-compromised-after", {"compromised_ms": REGISTERED_MS + 1}, "valid"),
]

MUTATIONS: dict[str, Mutation] = {
    "flipped-statement-signature": flip("entry"),
    "flipped-commitment": flip("entry", at=-70),
    "flipped-block-signature": flip("registered", "block", "signature"),
    "changed-height": put("registered", "block", "height", new=8),
    "changed-previous-hash": put("registered", "block", "previous", new=some_hash("x").hex()),
    "changed-time": put("registered", "block", "timestamp_ms", new=REGISTERED_MS - 1),
    "changed-salt": put("document", "salt", new="00" * 32),
    "changed-sha-256": put("document", "sha-256", new="00" * 32),
    "changed-sm3": put("document", "sm3", new="00" * 32),
    "changed-canonicalization": put("document", "canonicalization", new="raw"),
    "changed-index": in_proof("index 5", "index 4"),
    "index-beyond-the-tree": in_proof("index 5", "index 9"),
    "changed-size": in_proof("\n9\n", "\n10\n"),
    "extra-line-in-proof": in_proof("index 5", "extra AA==\nindex 5"),
    "extension-line-in-checkpoint": in_proof("\n\n— ", "\nmore\n\n— "),
    "shortened-path": path_line(0, lambda path: path[:-1]),
    "lengthened-path": path_line(0, lambda path: [*path, path[-1]]),
    "swapped-path": path_line(0, lambda path: [path[1], path[0], *path[2:]]),
    "flipped-path": path_line(0, lambda path: [flipped(path[0], 0), *path[1:]]),
    "index-with-leading-zero": in_proof("index 5", "index 05"),
    "unknown-member": put("extra", new=1),
    "unknown-version": put("v", new=2),
    "no-attestations": lambda value: value["registered"].pop("attestations"),
    "no-entry": lambda value: value.pop("entry"),
    "null-attested": put("attested", new=None),
    "attestation-with-unknown-member": put(
        "registered", "attestations", new=[{"type": "rfc3161", "token": "AA==", "more": 1}]
    ),
}

SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "trailing-garbage": lambda data: data + b"x",
    "no-newline": lambda data: data[:-1],
    "two-newlines": lambda data: data + b"\n",
    "space-after-colon": lambda data: data.replace(b'"v":', b'"v": '),
    "duplicate-member": lambda data: data.replace(b'"v":1', b'"v":1,"v":1'),
    "escaped-letter": lambda data: data.replace(b'"v":1', b'"\\u0076":1'),
    "byte-order-mark": lambda data: b"\xef\xbb\xbf" + data,
    "truncated": lambda data: data[: len(data) // 2],
    "empty-file": lambda data: b"",
    "not-a-receipt": lambda data: b"[]\n",
    "binary": lambda data: bytes(range(256)),
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, value in vectors():
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
