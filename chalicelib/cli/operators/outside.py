"""``tally operator outside`` and ``witness``: who attests to this log, and whose logs this service
witnesses."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ...notary.attest import attest as attest_blocks
from ...notary.networks import Attempt
from ...notary.outside import NetworkConfig, Outside, parse_outside
from ...notary.witnessing import WitnessService, know_log
from ...proof.errors import Malformed
from ...proof.jcs import JsonValue
from ...proof.note import format_vkey
from ..failure import Misused, echo_json
from ..files import read_file, shown
from ..settings import FILE, Group, json_option
from .service import the_service


@click.group(cls=Group)
def outside() -> None:
    """The outside parties that attest: chains, calendars, time-stamp authorities, witnesses."""


@outside.command("set")
@click.argument("file", type=FILE)
@json_option
def set_parties(file: Path, as_json: bool) -> None:
    """Let the parties in FILE attest from now on, and no others; see docs/operations.md."""
    from ...parties import check_outside

    data = read_file(file)
    try:
        config = parse_outside(data)
        check_outside(config)
    except Malformed as error:
        raise Misused(f"{shown(file)}: {error}") from error
    with the_service() as service:
        service.registry.put_outside(data.decode())
    _show(config, as_json=as_json)


@outside.command()
@json_option
def show(as_json: bool) -> None:
    """List the parties that are configured. URLs, which may hold secrets, are not shown."""
    with the_service() as service:
        config = service.outside().config
    _show(config, as_json=as_json)


@outside.command()
@json_option
def address(as_json: bool) -> None:
    """Where to send the money that public chains cost."""
    with the_service() as service:
        addresses = dict(service.addresses())
    if as_json:
        echo_json(dict(addresses))
        return
    for namespace, where in addresses.items():
        click.echo(f"{namespace:<8}{where}")


@outside.command()
@json_option
def attest(as_json: bool) -> None:
    """Take every attestation as far as it goes now, as the attester does once a minute."""
    from ...bootstrap import attester_of

    with the_service() as service:
        changed = attest_blocks(attester_of(service, _tell))
    if as_json:
        echo_json({"attempts": [_write_attempt(attempt) for attempt in changed]})
        return
    for attempt in changed:
        click.echo(f"block {attempt.height} at {attempt.network}: {attempt.state}")
    if not changed:
        click.echo("nothing to attest now; /v1/blocks/HEIGHT shows what waits, and until when")


def _tell(attempt: Attempt) -> None:
    text = f"block {attempt.height} at {attempt.network}: {attempt.problem} ({attempt.tries})"
    click.echo(f"tally: {text}", err=True)


def _write_attempt(attempt: Attempt) -> dict[str, JsonValue]:
    return {
        "network": attempt.network,
        "height": attempt.height,
        "state": attempt.state,
        "problem": attempt.problem,
    }


def _show(config: Outside, *, as_json: bool) -> None:
    witnesses = [] if config.witnesses is None else sorted(config.witnesses.policy.witnesses)
    if as_json:
        networks: list[JsonValue] = [_write_network(each) for each in config.networks]
        echo_json({"networks": networks, "witnesses": list(witnesses)})
        return
    for network in config.networks:
        click.echo(json.dumps(_write_network(network)))
    click.echo(f"witnesses: {', '.join(witnesses) or 'none'}")


def _write_network(network: NetworkConfig) -> dict[str, JsonValue]:
    texts = {name: text for name, text in network.texts.items() if name != "node"}
    return {"type": network.type, **texts, **network.numbers, "fallback": network.fallback}


@click.group(cls=Group)
def witness() -> None:
    """This service as a witness of other logs."""


@witness.command()
@json_option
def key(as_json: bool) -> None:
    """Print the witness's verifier key and address, for the policies of logs."""
    with the_service() as service:
        vkey = format_vkey(_as_witness(service.witness).vkey)
        url = service.public_url
    if as_json:
        echo_json({"vkey": vkey, "url": url})
        return
    click.echo(f"witness NAME {vkey} {url}")


@witness.command("add-log")
@click.argument("vkey")
@json_option
def add_log(vkey: str, as_json: bool) -> None:
    """Cosign the checkpoints of the log with this verifier key, from now on."""
    with the_service() as service:
        try:
            known = know_log(_as_witness(service.witness).states, vkey)
        except Malformed as error:
            raise Misused(f"VKEY: {error}") from error
    if as_json:
        echo_json({"origin": known.origin, "size": known.size})
        return
    click.echo(f"{known.origin} is witnessed, from size {known.size} on")


def _as_witness(service: WitnessService | None) -> WitnessService:
    if service is None:
        raise Misused("this service is no witness: it has no witness key")
    return service
