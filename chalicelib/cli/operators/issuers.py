"""``tally operator issuer``: letting issuers and their keys in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...notary.issuers.did_web import did_url
from ...notary.issuers.lookalike import LooksAlike, check_id, check_lookalikes
from ...notary.issuers.onboarding import check_all_keys, check_new_keys, leave_unchecked
from ...notary.ports import Issuer, IssuerKey, Registry
from ...notary.public_url import NotReached
from ...proof.errors import CannotTell, Invalid, Malformed
from ...proof.issuer_profile import check_issuer_text
from ...proof.jcs import JsonValue
from ...proof.statement import check_did
from ..failure import Misused, Unfinished, Wrong, echo_json
from ..keyfile import read_public_part
from ..settings import FILE, Group, json_option
from .changes import (
    activate,
    approval,
    close,
    compromise_key,
    end_key,
    list_issuers,
    show_issuer,
    suspend,
)
from .custody import add_custodial_key, custodial_option
from .issuer_text import known_issuer, tell_issuer
from .registration import join_issuer, merge_issuer, read_issuer_file
from .service import the_service

if TYPE_CHECKING:
    from ...bootstrap import Service


@click.group(cls=Group)
def issuer() -> None:
    """Who may register documents."""


@issuer.command("add")
@click.argument("file", required=False, type=FILE)
@click.option("--id", "id_", help="The issuer's id, did:web:…; left out, the key file's.")
@click.option("--tenant", help="The tenant whose tokens may act for the issuer.")
@click.option("--name-en", help="The issuer's name in English.")
@click.option("--name-zh", help="The issuer's name in Chinese.")
@click.option("--key", type=FILE, help="The public part of its key, from tally keys new.")
@custodial_option
@click.option(
    "--approval/--no-approval",
    "approved",
    default=None,
    help="Whether what one person sends is registered only when another one approves.",
)
@click.option(
    "--unchecked",
    metavar="REASON",
    help="DANGER: do not ask the domain whether the key is its own, for this reason. Whoever made"
    " the key can then sign as the issuer. For domains that do not exist.",
)
@click.option(
    "--lookalike-of",
    "lookalikes",
    metavar="ID",
    multiple=True,
    help="Another issuer, which is known to be another although the ids look alike.",
)
@json_option
def add_issuer(
    file: Path | None,
    id_: str | None,
    tenant: str | None,
    name_en: str | None,
    name_zh: str | None,
    key: Path | None,
    custodial: str | None,
    approved: bool | None,
    unchecked: str | None,
    lookalikes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Register an issuer, or a further key of one: by FILE, or by options.

    The issuer's DID document, on its own website, has to name every new key."""
    options = (tenant, name_en, name_zh, key)
    unkeyed = file is None and key is None and custodial is None
    if unkeyed or (file is None) == all(option is None for option in (*options, id_)):
        raise Misused("give either FILE or --tenant, --name-en, --name-zh and --key or --custodial")
    _check_reason(unchecked)
    if custodial is not None and unchecked is None:
        raise Misused(
            "a key that is made here is not on the issuer's website yet: add it with --unchecked "
            "and the reason, have it published there, then run tally operator issuer check"
        )
    with the_service() as service:
        now_ms = service.clock_ms()
        if file is not None:
            new, merge = read_issuer_file(file, now_ms), merge_issuer
        else:
            new, merge = _issuer_of(id_, tenant, name_en, name_zh, key, now_ms), join_issuer
        known = service.registry.issuer(new.id)
        merged = add_custodial_key(merge(known, new), custodial, service, now_ms)
        if known is None:
            _check_name(new.id, service.registry, lookalikes)
        if approved is not None:
            merged = replace(merged, approval=approved)
        merged = _controlled(known, merged, service, unchecked, now_ms)
        service.registry.put_issuer(merged)
    _tell_added(known, merged, as_json)


def _check_reason(unchecked: str | None) -> None:
    try:
        if unchecked is not None:
            check_issuer_text(unchecked, "the reason")
    except Malformed as error:
        raise Misused(f"--unchecked: {error}") from error


def _check_name(id_: str, registry: Registry, lookalikes: tuple[str, ...]) -> None:
    try:
        check_id(id_)
        check_lookalikes(id_, (each.id for each in registry.issuers()), lookalikes)
    except LooksAlike as error:
        raise Wrong(
            f"{error}. Nothing was registered. If it really is another issuer, say so with "
            "--lookalike-of and the other's id"
        ) from error
    except Invalid as error:
        raise Wrong(f"{error}. Nothing was registered; use the domain's plain name") from error


def _controlled(
    known: Issuer | None, merged: Issuer, service: Service, unchecked: str | None, now_ms: int
) -> Issuer:
    if unchecked is not None:
        return leave_unchecked(known, merged, unchecked, now_ms)
    with _told(merged.id):
        return check_new_keys(known, merged, service.get, now_ms)


@contextmanager
def _told(id_: str) -> Iterator[None]:
    """What the domain says otherwise, and what could not be asked, are told apart."""
    try:
        yield
    except (NotReached, CannotTell) as error:
        raise Unfinished(
            f"could not check that {id_} controls its domain: {error}. Nothing was registered. "
            f"The issuer serves its DID document (tally keys did) at {did_url(id_)}: from a public "
            "address, without redirects; then run the same command again"
        ) from error
    except (Invalid, Malformed) as error:
        raise Wrong(
            f"{did_url(id_)} does not confirm it: {error}. Nothing was registered. If the key is "
            "the issuer's own, it publishes it there (tally keys did) first"
        ) from error


def _tell_added(known: Issuer | None, merged: Issuer, as_json: bool) -> None:
    before = () if known is None else known.keys
    for each in merged.keys:
        if each not in before and each.control is not None and each.control.unchecked:
            click.echo(
                f"tally: WARNING: nobody checked that {merged.id} owns the key "
                f"{each.key.kid.hex()} ({each.control.unchecked}); if it does not, whoever made "
                "the key now signs in its name",
                err=True,
            )
    kids = [each.key.kid.hex() for each in merged.keys]
    if as_json:
        told = {"id": merged.id, "tenant": merged.tenant, "status": merged.status}
        held = [each.key.kid.hex() for each in merged.keys if each.arn]
        keys: dict[str, JsonValue] = {"kids": list(kids), "custodial": list(held)}
        echo_json({**told, **keys, "approval": merged.approval})
        return
    click.echo(f"{merged.id} of tenant {merged.tenant} has the keys")
    for kid in kids:
        click.echo(f"  {kid}")


def _issuer_of(
    id_: str | None,
    tenant: str | None,
    name_en: str | None,
    name_zh: str | None,
    key: Path | None,
    now_ms: int,
) -> Issuer:
    if tenant is None or name_en is None or name_zh is None:
        raise Misused(
            "--tenant, --name-en and --name-zh go together, with --key or --custodial; for a "
            "further key, too"
        )
    part = None if key is None else read_public_part(key)
    named = id_ if part is None else part.iss
    id_ = id_ or named
    if id_ is None or named not in (None, id_):
        raise Misused(f"--id is {id_}, but the key file is of {named}")
    names = {"en": name_en, "zh": name_zh}
    try:
        check_did(id_)
        for name in names.values():
            check_issuer_text(name, "a name")
    except Malformed as error:
        raise Misused(f"{id_}: {error}") from error
    return Issuer(id_, tenant, names, () if part is None else (IssuerKey(part.key, now_ms),))


@issuer.command("check")
@click.argument("id_", metavar="ID")
@json_option
def check_issuer(id_: str, as_json: bool) -> None:
    """Ask an issuer's domain again whether its good keys are its own, and write that down."""
    with the_service() as service:
        known = known_issuer(service.registry, id_)
        with _told(id_):
            checked = check_all_keys(known, service.get, service.clock_ms())
        service.registry.put_issuer(checked)
    tell_issuer(checked, as_json)


for command in (list_issuers, show_issuer, suspend, close, activate, approval):
    issuer.add_command(command)
for command in (end_key, compromise_key):
    issuer.add_command(command)
