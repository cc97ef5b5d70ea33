"""What is registered of an issuer, told to operators."""

from __future__ import annotations

import click

from ...notary.ports import Issuer, IssuerKey, Registry
from ...proof.issuer_profile import write_accreditations
from ...proof.jcs import JsonValue
from ...proof.times import format_time
from ..failure import Misused, echo_json


def known_issuer(registry: Registry, id_: str) -> Issuer:
    found = registry.issuer(id_)
    if found is None:
        raise Misused(f"there is no issuer {id_}; tally operator issuer list names all")
    return found


def tell_issuer(found: Issuer, as_json: bool) -> None:
    if as_json:
        echo_json(issuer_facts(found))
        return
    click.echo(f"{found.id} of tenant {found.tenant}: {found.status}")
    click.echo(f"  {found.names.get('en', '')} ({found.names.get('zh', '')})")
    if found.approval:
        click.echo("  what one person sends is registered when another one approves")
    for each in found.accreditations:
        click.echo(f"  accredited by {each.register} as {each.number}")
    for key in found.keys:
        click.echo(f"  key {key.key.kid.hex()}")
        click.echo(f"    good from {format_time(key.from_ms)}{_describe_end(key)}")
        click.echo(f"    {describe_control(key)}")


def _describe_end(key: IssuerKey) -> str:
    to_ms, compromised_ms = key.to_ms, key.compromised_ms
    until = "" if to_ms is None else f" to {format_time(to_ms)}"
    stolen = "" if compromised_ms is None else f", compromised from {format_time(compromised_ms)}"
    return until + stolen


def describe_control(key: IssuerKey) -> str:
    if key.control is None:
        return "control of the domain was never asked for"
    at = format_time(key.control.at_ms)
    if key.control.unchecked:
        return f"control of the domain was NOT checked on {at}: {key.control.unchecked}"
    return f"control of the domain was checked on {at}"


def issuer_facts(found: Issuer) -> dict[str, JsonValue]:
    return {
        "id": found.id,
        "tenant": found.tenant,
        "names": dict(found.names),
        "status": found.status,
        "approval": found.approval,
        "notary": found.notary,
        "accreditations": list(write_accreditations(found.accreditations)),
        "keys": [_key_facts(key) for key in found.keys],
    }


def _key_facts(key: IssuerKey) -> JsonValue:
    control = key.control
    asked: dict[str, JsonValue] | None = None
    if control is not None:
        asked = {"at_ms": control.at_ms, "unchecked": control.unchecked or None}
    return {
        "kid": key.key.kid.hex(),
        "from_ms": key.from_ms,
        "to_ms": key.to_ms,
        "compromised_ms": key.compromised_ms,
        "control": asked,
    }
