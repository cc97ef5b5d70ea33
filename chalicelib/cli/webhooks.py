"""``tally webhooks``: where the service posts what happens to a tenant's documents and jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from ..notary.webhooks.events import EVENTS
from ..proof.jcs import JsonValue
from .failure import echo_json
from .http import Http, check_url, read_json
from .keyfile import read_key
from .settings import Command, Group, json_option, key_option, token_option, url_option
from .tokens import tokens_for

F = TypeVar("F", bound=Callable[..., object])

SCOPE = "webhooks:manage"

_USUAL = ("document.registered", "document.superseded", "status.changed", "job.done", "job.failed")
_CHANGES = {
    "secret": ("/secret", "Make a new secret, and sign with the oldest one too."),
    "retire": ("/secret/retire", "Sign with the newest secret alone."),
    "disable": ("/disable", "Post nothing to it; what is queued waits."),
    "enable": ("/enable", "Go on posting to it."),
    "test": ("/test", "Have webhook.test posted to it, within a minute or two."),
    "replay": ("/replay", "Try dead letters again, at most 100: repeat it until there are none."),
}


def _asking(run: F) -> F:
    """With the options that every command has."""
    for option in (json_option, url_option, token_option, key_option):
        run = option(run)
    return run


@click.group(cls=Group)
def webhooks() -> None:
    """Where the service posts what happens to your documents and jobs."""


@webhooks.command()
@click.argument("target", metavar="TARGET")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(list(EVENTS)),
    default=_USUAL,
    show_default=True,
    help="What is told; may be repeated.",
)
@_asking
def add(
    target: str, events: tuple[str, ...], key: Path, token: str | None, url: str, as_json: bool
) -> None:
    """Have events posted to TARGET, an https URL. Prints the secret that verifies them, once."""
    made: dict[str, JsonValue] = {"url": target, "events": list(dict.fromkeys(events))}
    _tell(_ask("POST", "", (key, token, url), made), as_json)


@webhooks.command("list")
@_asking
def list_(key: Path, token: str | None, url: str, as_json: bool) -> None:
    """Your webhooks."""
    found = _ask("GET", "", (key, token, url))
    if as_json:
        echo_json(found)
        return
    listed = found["webhooks"]
    assert isinstance(listed, list), "the service's own answer"
    for each in listed:
        assert isinstance(each, dict), "the service's own answer"
        state = f"  {each['disabled']}" if "disabled" in each else ""
        click.echo(f"{each['id']}  {each['url']}{state}")


@webhooks.command("dead-letters")
@click.argument("webhook")
@_asking
def dead_letters(webhook: str, key: Path, token: str | None, url: str, as_json: bool) -> None:
    """What could not be delivered to WEBHOOK."""
    _tell(_ask("GET", f"/{webhook}/dead-letters", (key, token, url)), as_json)


@webhooks.command()
@click.argument("webhook")
@_asking
def remove(webhook: str, key: Path, token: str | None, url: str, as_json: bool) -> None:
    """Forget WEBHOOK, with its secrets."""
    _tell(_ask("DELETE", f"/{webhook}", (key, token, url)), as_json)


def _change(name: str, path: str, help: str) -> click.Command:
    @click.command(name, cls=Command, help=help)
    @click.argument("webhook")
    @_asking
    def run(webhook: str, key: Path, token: str | None, url: str, as_json: bool) -> None:
        _tell(_ask("POST", f"/{webhook}{path}", (key, token, url)), as_json)

    return run


for _name, (_path, _help) in _CHANGES.items():
    webhooks.add_command(_change(_name, _path, _help))


def _ask(
    method: str,
    path: str,
    who: tuple[Path, str | None, str],
    value: dict[str, JsonValue] | None = None,
) -> dict[str, JsonValue]:
    """What the service answers to whoever has the key, or the token."""
    key, token, url = who
    content = None if value is None else json.dumps(value).encode()
    headers = {} if value is None else {"Content-Type": "application/json"}
    with Http(check_url(url)) as http:
        http.tokens = tokens_for(http, read_key(key), token, SCOPE)
        place = f"{http.url}/v1/webhooks{path}"
        answer = http.send(method, place, content=content, headers=headers, authorised=True)
    return read_json(answer) if answer.content else {}


def _tell(facts: dict[str, JsonValue], as_json: bool) -> None:
    if as_json:
        echo_json(facts)
        return
    for name, value in facts.items():
        text = value if isinstance(value, str | int) else json.dumps(value)
        click.echo(f"{name:12} {text}")
