"""``tally receipt``: better evidence for a receipt, and its exports for strangers' tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from ..proof.attestations import describe_evidence
from ..proof.bitcoin.evidence import bitcoin_heights
from ..proof.bitcoin.opentimestamps import (
    merge_timestamps,
    opentimestamps_attestation,
    parse_timestamp,
)
from ..proof.bitcoin.ots_file import export_ots
from ..proof.block import verify_block_signature
from ..proof.errors import CannotTell, Invalid, Malformed
from ..proof.export import best_inclusion, export_cose, export_tlog_proof
from ..proof.hashes import Hash
from ..proof.heads import Heads
from ..proof.jcs import JsonValue
from ..proof.limits import NOTE_SIGNATURES
from ..proof.members import read_base64
from ..proof.note import Note
from ..proof.policy import Policy
from ..proof.receipt import (
    EVM,
    MEDIA_TYPE,
    OPENTIMESTAMPS,
    Attestation,
    Evidence,
    Inclusion,
    Receipt,
    format_receipt,
    parse_receipt,
)
from ..proof.tsp.tsr_file import export_tsr, stamped_hash
from .failure import Failure, Misused, Unfinished, Wrong, echo_json
from .files import parse_receipt_file, replace_file, shown
from .http import Http, check_url
from .settings import FILE, Group, json_option, policy_option, url_option
from .trust import Trust, check_no_worse, read_policy_option, suggested_policy, trust_of

ENDINGS = {
    "tlog-proof": ".tlog-proof",
    "cose": ".cose",
    "entry": ".entry",
    "ots": ".ots",
    "tsr": ".tsr",
}
_RECEIPT_ENDING = ".receipt.json"


@click.group(cls=Group)
def receipt() -> None:
    """Receipts that you hold."""


@receipt.command()
@click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True, type=FILE)
@url_option
@policy_option
@json_option
def refresh(receipts: tuple[Path, ...], url: str, policy: Path | None, as_json: bool) -> None:
    """Fetch newer evidence into RECEIPT, which is never made worse."""
    trust = trust_of(policy)
    results: list[JsonValue] = []
    worst = 0
    with Http(check_url(url)) as http, ThreadPoolExecutor(_AT_ONCE) as pool:
        heads = trust.heads or Heads(suggested_policy(http))
        done = pool.map(lambda path: _try_refresh(path, http, trust, heads), receipts)
        for path, outcome in zip(receipts, done, strict=True):
            result: dict[str, JsonValue] = {"receipt": shown(path)}
            if isinstance(outcome, Failure):
                worst = max(worst, outcome.exit_code)
                result["error"] = text = outcome.message
            else:
                result["gained"] = list(outcome)
                text = ", ".join(outcome) or "nothing new"
            results.append(result)
            if not as_json:
                click.echo(f"{shown(path)}: {text}", err="error" in result)
    if as_json:
        echo_json({"receipts": results})
    raise click.exceptions.Exit(worst)


_AT_ONCE = 8
"""Receipts that are asked for side by side."""


def _try_refresh(path: Path, http: Http, trust: Trust, heads: Heads) -> list[str] | Failure:
    try:
        return _refresh_file(path, http, trust, heads)
    except Failure as failure:
        return failure


def _refresh_file(path: Path, http: Http, trust: Trust, heads: Heads) -> list[str]:
    """What the receipt gained; its file is replaced only when it gained something."""
    held = parse_receipt_file(path)
    locator = held.statement.entry_id.hex()
    answer = http.get(f"/v1/receipts/{locator}", accept=MEDIA_TYPE)
    try:
        merged = merge(held, parse_receipt(answer.content))
        trust.check(merged)
        check_no_worse(held, merged, heads)
    except (Malformed, Invalid) as error:
        raise Wrong(f"what the service sent is not kept: {error}") from error
    gained = describe_gain(held, merged)
    if merged != held:
        replace_file(path, format_receipt(merged))
    return gained


def merge(held: Receipt, fresh: Receipt) -> Receipt:
    """``held`` with all that ``fresh`` adds; raises Invalid when it is not about the same thing."""
    if fresh.statement.entry != held.statement.entry:
        raise Invalid("it is another entry's receipt")
    if fresh.registered.block != held.registered.block:
        raise Invalid("it says that the entry was registered in another block")
    return replace(
        held,
        registered=_merge_inclusions(held.registered, fresh.registered),
        attested=_later(held.attested, fresh.attested),
        issuer=_newer(held.issuer, fresh.issuer),
        status=_newer(held.status, fresh.status),
    )


def _later(held: Inclusion | None, fresh: Inclusion | None) -> Inclusion | None:
    if held is None or fresh is None:
        return held or fresh
    if held.block == fresh.block:
        return _merge_inclusions(held, fresh)
    return fresh if fresh.block.height > held.block.height else held


def _newer(held: Evidence | None, fresh: Evidence | None) -> Evidence | None:
    if held is None or fresh is None:
        return held or fresh
    return fresh if fresh.registered.block.height > held.registered.block.height else held


def _merge_inclusions(held: Inclusion, fresh: Inclusion) -> Inclusion:
    """The same block with the attestations of both; of one kind the fresh ones count."""
    note = held.proof.checkpoint_note
    new = fresh.proof.checkpoint_note
    if new.text != note.text:
        raise Invalid("it holds another checkpoint for the same block")
    lines = dict.fromkeys((*note.signatures, *new.signatures))
    merged = Note(note.text, tuple(lines)[:NOTE_SIGNATURES])
    return replace(
        held,
        proof=replace(held.proof, checkpoint_note=merged),
        attestations=_merge_attestations(held, fresh),
    )


def _merge_attestations(held: Inclusion, fresh: Inclusion) -> tuple[Attestation, ...]:
    """All that either holds. Of one chain what is fresh counts: what was held of it may have been
    undone, and would make the receipt invalid for ever."""
    chains = {a.members["chain"] for a in fresh.attestations if a.type == EVM}
    kept = [
        a
        for a in held.attestations
        if a.type != OPENTIMESTAMPS and not (a.type == EVM and a.members["chain"] in chains)
    ]
    others = [a for a in fresh.attestations if a.type != OPENTIMESTAMPS]
    both = (*kept, *(a for a in others if a not in kept))
    return (*_merge_stamps(held, fresh), *both)


def _merge_stamps(held: Inclusion, fresh: Inclusion) -> tuple[Attestation, ...]:
    """Of time stamps one, with all that is in them; but what is held of Bitcoin and is not in the
    fresh one, though that is complete, was undone."""
    old, new = (
        [
            read_base64(a.members["proof"], "proof")
            for a in i.attestations
            if a.type == OPENTIMESTAMPS
        ]
        for i in (held, fresh)
    )
    if not (old and new):
        return tuple(opentimestamps_attestation(proof) for proof in old or new)
    block_hash = held.block.hash
    before, now = _heights(old, block_hash), _heights(new, block_hash)
    proofs = new if now and not before <= now else [*old, *new]
    return (opentimestamps_attestation(merge_timestamps(proofs, block_hash)),)


def _heights(proofs: Sequence[bytes], block_hash: Hash) -> set[tuple[bytes, int]]:
    """What they say of Bitcoin; raises Malformed."""
    stamps = [parse_timestamp(proof, block_hash) for proof in proofs]
    return {claim for stamp in stamps for claim in bitcoin_heights(stamp, block_hash)}


def describe_gain(held: Receipt, merged: Receipt) -> list[str]:
    """What ``merged`` has that ``held`` has not, in words."""
    gained = []
    if merged.attested is not None and merged.attested != held.attested:
        gained.append(f"attested by block {merged.attested.block.height}")
    before = set(_evidence(held))
    gained += [text for text in dict.fromkeys(_evidence(merged)) if text not in before]
    signers = set(_signature_names(held))
    gained += [f"signature of {name}" for name in _signature_names(merged) if name not in signers]
    for part in ("issuer", "status"):
        if getattr(merged, part) != getattr(held, part):
            gained.append(part)
    if not gained and merged != held:
        gained.append("newer evidence of the kinds it had")
    return gained


def _inclusions(receipt: Receipt) -> list[Inclusion]:
    return [i for i in (receipt.registered, receipt.attested) if i is not None]


def _evidence(receipt: Receipt) -> list[str]:
    return [
        text
        for inclusion in _inclusions(receipt)
        for attestation in inclusion.attestations
        for text in describe_evidence(attestation, inclusion.block.hash)
    ]


def _signature_names(receipt: Receipt) -> list[str]:
    return [line.name for i in _inclusions(receipt) for line in i.proof.checkpoint_note.signatures]


@receipt.command()
@click.argument("receipts", metavar="RECEIPT...", nargs=-1, required=True, type=FILE)
@click.option("--format", "form", required=True, type=click.Choice(list(ENDINGS)))
@click.option("--out", required=True, type=FILE, help="A file, or a directory for several.")
@click.option("--url", envvar="TALLY_URL", help="The service, to ask for its log's key (cose).")
@policy_option
@json_option
def export(
    receipts: tuple[Path, ...],
    form: str,
    out: Path,
    url: str | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Write RECEIPT in a standard form: C2SP tlog-proof, COSE receipt (RFC 9942), OpenTimestamps
    proof of the document (ots), time-stamp response (RFC 3161, tsr), or the bare entry."""
    if len(receipts) > 1 and not out.is_dir():
        raise Misused(
            f"{shown(out)} is not a directory; several receipts are exported into one: make it"
        )
    make = _exporter(form, url, policy)
    written: list[JsonValue] = []
    for path in receipts:
        target = out / _export_name(path, form) if out.is_dir() else out
        held = parse_receipt_file(path)
        replace_file(target, _export(path, held, make))
        written.append(shown(target))
        if not as_json:
            click.echo(_checked_by(held, shown(target)) if form == "tsr" else shown(target))
    if as_json:
        echo_json({"format": form, "files": written})


def _checked_by(held: Receipt, target: str) -> str:
    """What checks a time stamp: it is over the block's hash, which no file beside it holds."""
    digest = stamped_hash(held).hex()
    return f"{target}: openssl ts -verify -digest {digest} -in {target} -CAfile tsa.pem"


def _export(path: Path, held: Receipt, make: Callable[[Receipt], bytes]) -> bytes:
    try:
        return make(held)
    except CannotTell as error:
        raise Unfinished(f"{shown(path)}: {error}") from error


def _export_name(path: Path, form: str) -> str:
    return path.name.removesuffix(_RECEIPT_ENDING) + ENDINGS[form]


_PLAIN = {"tlog-proof": export_tlog_proof, "ots": export_ots, "tsr": export_tsr}
"""Exports that need nothing but the receipt."""


def _exporter(form: str, url: str | None, policy: Path | None) -> Callable[[Receipt], bytes]:
    if form == "entry":
        return lambda receipt: receipt.statement.entry
    if form in _PLAIN:
        return _PLAIN[form]
    trusted = _policy_for_export(url, policy)
    return lambda receipt: _export_cose(receipt, trusted)


def _policy_for_export(url: str | None, policy: Path | None) -> Policy:
    if policy is not None:
        return read_policy_option(policy)
    if url is None:
        raise Misused("a COSE receipt names the log's key: give --policy, or --url to ask for it")
    with Http(check_url(url)) as http:
        return suggested_policy(http)


def _export_cose(receipt: Receipt, policy: Policy) -> bytes:
    """A COSE receipt under the key of the policy that signed the block."""
    inclusion = best_inclusion(receipt)
    keys = [key.loaded for key in policy.tlog.logs.get(inclusion.block.origin, ()) if key.loaded]
    for key in keys:
        with suppress(Invalid):
            verify_block_signature(inclusion.block, key, inclusion.signature)
            return export_cose(receipt, key.kid)
    if not keys:
        raise Unfinished(f"the policy does not know the log {inclusion.block.origin}")
    raise Wrong("the receipt does not verify: its block is not signed by the policy's log")
