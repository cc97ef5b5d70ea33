"""``tally profiles``: what kinds of document there are, and what each one claims."""

from __future__ import annotations

import json

import click

from ..notary.profiles import Profile
from ..notary.profiles import profiles as shipped
from ..proof.jcs import JsonValue
from .failure import echo_json
from .settings import Group, json_option


@click.group(cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def profiles(context: click.Context, as_json: bool) -> None:
    """The kinds of document there are, and what each one claims."""
    if context.invoked_subcommand is None:
        _list(as_json)


def _list(as_json: bool) -> None:
    known = shipped()
    if as_json:
        titles: dict[str, JsonValue] = {name: dict(each.title) for name, each in known.items()}
        echo_json({"profiles": titles})
        return
    width = max(map(len, known))
    for name, profile in known.items():
        click.echo(f"{name:{width}}  {profile.title['en']} · {profile.title['zh']}")


@profiles.command()
@click.argument("name", metavar="PROFILE", type=click.Choice(list(shipped())))
@json_option
def show(name: str, as_json: bool) -> None:
    """The schema and a sample of PROFILE: what a document of this kind claims."""
    profile = shipped()[name]
    if as_json:
        echo_json(_facts(profile))
        return
    click.echo(f"{name}: {profile.title['en']} · {profile.title['zh']}")
    click.echo(f"may be withheld  {', '.join(profile.withholdable) or 'nothing'}")
    click.echo(f"natural key      {', '.join(profile.natural_key) or 'none'}")
    for title, value in (("schema", profile.schema), ("sample", profile.sample)):
        click.echo(f"\n{title}\n{json.dumps(value, ensure_ascii=False, indent=2)}")


def _facts(profile: Profile) -> dict[str, JsonValue]:
    labels: dict[str, JsonValue] = {
        pointer: dict(label) for pointer, label in profile.labels.items()
    }
    return {
        "name": profile.name,
        "title": dict(profile.title),
        "canonicalization": profile.canonicalization,
        "blind": profile.blind,
        "withholdable": profile.withholdable,
        "natural_key": profile.natural_key,
        "labels": labels,
        "schema": profile.schema,
        "sample": profile.sample,
    }
