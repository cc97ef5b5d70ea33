"""Settings: options first, then the environment (``TALLY_URL``, …), then a small TOML file.

The file is ``$TALLY_CONFIG``, or ``tally/config.toml`` in the user's configuration directory, and
holds any of ``url``, ``key``, ``policy``, ``profile``, ``canonicalization``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import click

from .failure import Misused, exit_codes
from .files import read_file, shown

NAMES = ("url", "key", "policy", "profile", "canonicalization")


def config_path() -> Path:
    given = os.environ.get("TALLY_CONFIG")
    return Path(given) if given else Path(click.get_app_dir("tally")) / "config.toml"


def read_config() -> dict[str, str]:
    """The settings of the configuration file; none when there is no file."""
    path = config_path()
    if not path.exists() and "TALLY_CONFIG" not in os.environ:
        return {}
    try:
        values = tomllib.loads(read_file(path).decode())
    except ValueError as error:
        raise Misused(f"{shown(path)} is not TOML: {error}") from error
    for name, value in values.items():
        if name not in NAMES or not isinstance(value, str):
            raise Misused(f"{shown(path)}: {name!r} is not one of {', '.join(NAMES)} with a text")
    return values


class Command(click.Command):
    """A command whose errors carry the project's exit codes, and ``--json`` where it is given."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        extra["default_map"] = read_config()
        with exit_codes():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with exit_codes(as_json=bool(ctx.params.get("as_json"))):
            return super().invoke(ctx)


class Group(click.Group):
    command_class = Command
    group_class = type

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        with exit_codes():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with exit_codes():
            return super().invoke(ctx)


FILE = click.Path(path_type=Path)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output."
)
url_option = click.option(
    "--url", envvar="TALLY_URL", show_envvar=True, required=True, help="The service's address."
)
policy_option = click.option(
    "--policy",
    envvar="TALLY_POLICY",
    type=FILE,
    help="Whom you trust (policy.json). [env: TALLY_POLICY]",
)
key_option = click.option(
    "--key", envvar="TALLY_KEY", required=True, type=FILE, help="Your key. [env: TALLY_KEY]"
)
token_option = click.option(
    "--token", envvar="TALLY_TOKEN", help="An access token, if your key does not get one."
)
canonicalization_option = click.option(
    "--canonicalization",
    type=click.Choice(["auto", "raw", "jcs"]),
    default="auto",
    show_default=True,
    help="auto: jcs for JSON credentials of education profiles, else the raw bytes.",
)
