"""``tally operator issuer``: what is registered of issuers, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from ...notary.ports import Issuer, IssuerKey
from ...proof.errors import Malformed
from ...proof.times import format_time, parse_time
from ..failure import Misused, echo_json
from ..settings import Command, json_option
from .issuer_text import describe_control, issuer_facts, known_issuer, tell_issuer
from .service import the_service


@click.command("list", cls=Command)
@json_option
def list_issuers(as_json: bool) -> None:
    """List the issuers: id, tenant, status, and whether control of the domain was checked."""
    with the_service() as service:
        found = service.registry.issuers()
    if as_json:
        echo_json({"issuers": [issuer_facts(each) for each in found]})
        return
    for each in found:
        approval = ", by two persons" if each.approval else ""
        click.echo(
            f"{each.id}  {each.tenant}  {each.status}{approval}  "
            + "; ".join(dict.fromkeys(describe_control(key) for key in each.keys))
        )


@click.command("show", cls=Command)
@click.argument("id_", metavar="ID")
@json_option
def show_issuer(id_: str, as_json: bool) -> None:
    """Show all that is registered of an issuer."""
    with the_service() as service:
        found = known_issuer(service.registry, id_)
    tell_issuer(found, as_json)


def _status_command(name: str, status: str, help: str) -> click.Command:
    @click.command(name, cls=Command, help=help)
    @click.argument("id_", metavar="ID")
    @json_option
    def run(id_: str, as_json: bool) -> None:
        _change(id_, lambda known: replace(known, status=status))
        if as_json:
            echo_json({"id": id_, "status": status})
            return
        click.echo(f"{id_} is {status}; its new profile is registered within a minute")

    return run


suspend = _status_command(
    "suspend", "suspended", "Let an issuer register no documents until it is activated again."
)
close = _status_command(
    "close",
    "closed",
    "Let an issuer that is no more register no documents. Its receipts stay good.",
)
activate = _status_command(
    "activate", "active", "Let a suspended or closed issuer register documents again."
)


def _change(id_: str, change: Callable[[Issuer], Issuer]) -> Issuer:
    with the_service() as service:
        changed = change(known_issuer(service.registry, id_))
        service.registry.put_issuer(changed)
    return changed


@click.command(cls=Command)
@click.argument("id_", metavar="ID")
@click.argument("needed", metavar="on|off", type=click.Choice(["on", "off"]))
@json_option
def approval(id_: str, needed: str, as_json: bool) -> None:
    """Say whether what one person sends of an issuer is registered only when another one approves.

    Revoking and suspending need no approval: what stops harm does not wait."""
    _change(id_, lambda known: replace(known, approval=needed == "on"))
    if as_json:
        echo_json({"id": id_, "approval": needed == "on"})
        return
    click.echo(f"{id_}: approval by another person is {needed}")


@click.command("end-key", cls=Command)
@click.argument("id_", metavar="ID")
@click.argument("kid", metavar="KEY_ID")
@click.option("--at", metavar="TIME", help="When, in RFC 3339, not in the past; now if left out.")
@json_option
def end_key(id_: str, kid: str, at: str | None, as_json: bool) -> None:
    """Let a key of an issuer end, as its successor takes over: both are good until then.

    What it signed before stays valid. For a key that was stolen, use compromise-key."""
    with the_service() as service:
        now_ms = service.clock_ms()
        at_ms = _time(at, "--at", now_ms)
        if at_ms < now_ms:
            raise Misused("--at is in the past, when it was good: use compromise-key if it was not")
        known = known_issuer(service.registry, id_)
        key = _known_key(known, kid)
        if key.to_ms is not None and key.to_ms <= at_ms:
            raise Misused(f"the key ends already, on {format_time(key.to_ms)}")
        changed = _with_key(known, replace(key, to_ms=at_ms))
        service.registry.put_issuer(changed)
    tell_issuer(changed, as_json)


@click.command("compromise-key", cls=Command)
@click.argument("id_", metavar="ID")
@click.argument("kid", metavar="KEY_ID")
@click.option(
    "--from", "since", metavar="TIME", required=True, help="Since when, in RFC 3339; or now."
)
@json_option
def compromise_key(id_: str, kid: str, since: str, as_json: bool) -> None:
    """Say since when a key was in wrong hands: what was registered from then on is invalid.

    What was registered before stays valid, whatever time statements claim."""
    with the_service() as service:
        now_ms = service.clock_ms()
        since_ms = now_ms if since == "now" else _time(since, "--from", now_ms)
        if since_ms > now_ms:
            raise Misused("--from is in the future: use end-key for a key that is to end")
        known = known_issuer(service.registry, id_)
        key = _known_key(known, kid)
        if key.compromised_ms is not None and key.compromised_ms <= since_ms:
            raise Misused(f"the key is compromised already, from {format_time(key.compromised_ms)}")
        changed = _with_key(known, replace(key, compromised_ms=since_ms))
        service.registry.put_issuer(changed)
    tell_issuer(changed, as_json)


def _time(text: str | None, option: str, now_ms: int) -> int:
    try:
        return now_ms if text is None else parse_time(text)
    except Malformed as error:
        raise Misused(f"{option}: {error}") from error


def _known_key(known: Issuer, kid: str) -> IssuerKey:
    for each in known.keys:
        if each.key.kid.hex() == kid:
            return each
    raise Misused(f"{known.id} has no key {kid}; tally operator issuer show {known.id} lists them")


def _with_key(known: Issuer, key: IssuerKey) -> Issuer:
    keys = (key if each.key.kid == key.key.kid else each for each in known.keys)
    return replace(known, keys=tuple(keys))
