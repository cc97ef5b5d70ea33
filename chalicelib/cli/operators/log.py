"""``tally operator``: what needs access to the service's own tables, buckets and keys.

The service is found as the functions find it: by the ``TALLY_…`` variables of the environment.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ...notary.audit import AuditFailure, audit_store
from ...notary.notices import Notary
from ...notary.own_policy import own_policy
from ...notary.ports import IdentityProvider, Issuer
from ...notary.publish import Publisher, register_notary
from ...notary.publish import publish as publish_news
from ...notary.sequence import create_log, drain
from ...proof.block import Block
from ...proof.errors import Malformed
from ...proof.jcs import JsonValue
from ...proof.note import format_vkey
from ...proof.statement import check_did
from ..auditing import echo_report, fail_audit
from ..failure import Misused, echo_json
from ..settings import Group, json_option
from .issuers import issuer
from .outside import outside, witness
from .service import the_service

if TYPE_CHECKING:
    from ...bootstrap import Service

ALGORITHMS = ("ES256", "EdDSA", "RS256")


@click.group(cls=Group)
def operator() -> None:
    """Run the service: needs its AWS access and TALLY_… environment."""


@operator.command()
@json_option
def init(as_json: bool) -> None:
    """Create the log and register its notary, once. Doing it again changes nothing."""
    with the_service() as service:
        head = service.log.chain.head()
        if head is None:
            create_log(service.log)
        vkey = format_vkey(service.log.vkey)
        notary = service.notary and _register_notary(service.notary, service)
    if as_json:
        told: dict[str, JsonValue] = {"origin": service.log.origin, "vkey": vkey}
        echo_json({**told, "created": head is None, "notary": notary.id if notary else None})
        return
    state = "created" if head is None else f"is there, at block {head.block.height}"
    click.echo(f"log {service.log.origin} {state}")
    click.echo(f"its key, to publish: {vkey}")
    if notary:
        click.echo(f"its notary: {notary.id}")


def _register_notary(notary: Notary, service: Service) -> Issuer:
    try:
        check_did(notary.id)
    except Malformed as error:
        raise Misused(f"TALLY_NOTARY_ID: {error}") from error
    return register_notary(notary, service.registry, service.log)


@operator.group(cls=Group)
def idp() -> None:
    """Outside identity providers whose tokens are accepted."""


@idp.command("add")
@click.option("--iss", required=True, help="The iss of its tokens.")
@click.option("--jwks-url", required=True, help="Where its keys are (https).")
@click.option("--audience", required=True, help="The aud that its tokens name for this service.")
@click.option(
    "--tenant",
    "tenants",
    required=True,
    multiple=True,
    help="A tenant that it may speak for; give several by several --tenant.",
)
@click.option("--tenant-claim", default="tenant", show_default=True)
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    type=click.Choice(ALGORITHMS),
    default=ALGORITHMS,
    show_default=True,
)
@json_option
def add_provider(
    iss: str,
    jwks_url: str,
    audience: str,
    tenants: tuple[str, ...],
    tenant_claim: str,
    algorithms: tuple[str, ...],
    as_json: bool,
) -> None:
    """Accept the access tokens of an identity provider."""
    _check_jwks_url(jwks_url)
    try:
        provider = IdentityProvider(iss, jwks_url, audience, tenants, tenant_claim, algorithms)
    except Malformed as error:
        raise Misused(f"--tenant: {error}") from error
    with the_service() as service:
        service.registry.put_identity_provider(provider)
    if as_json:
        told = {"iss": iss, "jwks_url": jwks_url, "audience": audience}
        echo_json({**told, "tenants": list(tenants)})
        return
    click.echo(f"tokens of {iss} for {audience} are accepted for {', '.join(tenants)}")


def _check_jwks_url(url: str) -> None:
    """Whoever can change the keys on their way can sign tokens: they travel over TLS only."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Misused(f"--jwks-url: {url!r} is not an address: {error}") from error
    if parts.scheme != "https" or not parts.hostname:
        raise Misused(f"--jwks-url: {url!r} is not an https:// address")


@operator.command()
@json_option
def policy(as_json: bool) -> None:
    """Print policy.json: this log's key, its witnesses and time-stamp authorities, the issuers."""
    with the_service() as service:
        outside = service.outside().config
        value = own_policy(service.log.vkey, service.registry.issuers(), outside)
    if as_json:
        echo_json(value)
        return
    click.echo(json.dumps(value, indent=2))


@operator.command()
@json_option
def audit(as_json: bool) -> None:
    """Reread every stored byte, private state included: 0 right, 1 the first thing wrong."""
    with the_service() as service:
        try:
            report = audit_store(service.log)
        except AuditFailure as failure:
            raise fail_audit(failure) from failure
    echo_report(report, as_json=as_json)


@operator.command()
@json_option
def sequence(as_json: bool) -> None:
    """Integrate what is pending, now."""
    with the_service() as service:
        blocks = _sequence(service)
    if as_json:
        echo_json({"blocks": [block.height for block in blocks]})
        return
    if not blocks:
        click.echo("nothing is pending")
    for block in blocks:
        click.echo(f"block {block.height}: {block.size} entries")


def _sequence(service: Service) -> list[Block]:
    witnesses = service.outside().witnesses
    return drain(
        replace(service.log, tell_aside=_tell_aside, witnesses=witnesses), service.clock_ms
    )


@operator.command()
@json_option
def publish(as_json: bool) -> None:
    """Register what is new about issuers and their entries, and integrate it, now."""
    from ...bootstrap import publisher_of

    problems: list[tuple[str, str]] = []
    with the_service() as service:
        publisher = publisher_of(service, lambda *problem: problems.append(problem))
        if publisher is None:
            raise Misused("this deployment has no notary")
        notices = _publish(publisher, service)
    for id_, problem in problems:
        click.echo(f"tally: {id_}: {problem}", err=True)
    if as_json:
        echo_json({"notices": notices})
        return
    click.echo("1 notice was registered" if notices == 1 else f"{notices} notices were registered")


def _publish(publisher: Publisher, service: Service) -> int:
    """What was changed is integrated, then told, then the telling integrated and written down."""
    known = service.registry.issuer(publisher.notary.id)
    if known is None or not known.notary:
        raise Misused("the notary is not registered yet: run `tally operator init` first")
    notices = 0
    for _ in range(2):  # the second run writes down that what the first one submitted is integrated
        _sequence(service)
        notices += publish_news(publisher)
    return notices


def _tell_aside(id_: str, reason: str) -> None:
    click.echo(f"tally: set aside {id_}: {reason}", err=True)


operator.add_command(issuer)
operator.add_command(outside)
operator.add_command(witness)
