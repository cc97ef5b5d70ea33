"""``tally verify``: the offline verdict, and with ``--node`` headers from nodes of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from urllib.parse import urlsplit

import click

from ..notary.limits import NODE_HEADERS
from ..notary.networks import NetworkError
from ..proof.attestations import wanted_headers
from ..proof.command import NoVerdict, UsageError, print_verdict, read_asked
from ..proof.policy import Policy
from ..proof.receipt import Receipt
from ..proof.texts import LANGUAGES, Language
from .failure import Misused, Unfinished
from .settings import FILE, Command, json_option


@click.command(cls=Command)
@click.argument("document", type=FILE)
@click.argument("receipt", type=FILE)
@click.option("--policy", envvar="TALLY_POLICY", required=True, type=FILE, help="Whom you trust.")
@click.option("--at", help="Verify as of this time, such as 2026-07-01T09:30:00Z.")
@click.option("--audience", help="The holder signed for this verifier; with --nonce.")
@click.option("--nonce", help="What you sent the holder to sign; with --audience.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", help="The language (en).")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="URL",
    help="A node of yours, of Ethereum or Bitcoin, to ask for headers; give several by several.",
)
@json_option
def verify(
    document: Path,
    receipt: Path,
    policy: Path,
    at: str | None,
    audience: str | None,
    nonce: str | None,
    lang: Language,
    nodes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Verify DOCUMENT against RECEIPT: 0 valid, 1 invalid, 2 cannot tell. Offline, without --node.

    A node is trusted for its whole chain; only block numbers are sent to it. One that is out of
    reach makes nothing invalid: what it would have shown is unknown.
    """

    def complete(held: Receipt, trusted: Policy) -> Policy:
        wanted = _wanted(held) if nodes else []
        for url in nodes:
            trusted = _ask(url, wanted, trusted)
        return trusted

    try:
        code = print_verdict(
            document,
            receipt,
            policy,
            at,
            as_json=as_json,
            language=lang,
            asked=read_asked(audience, nonce),
            complete=complete,
        )
    except UsageError as error:
        raise Misused(str(error)) from error
    except NoVerdict as error:
        raise Unfinished(str(error)) from error
    raise click.exceptions.Exit(code)


def _wanted(held: Receipt) -> list[tuple[str, int]]:
    """The blocks of public chains whose headers the receipt wants, a bounded number of each chain;
    that there are more is said."""
    inclusions = [each for each in (held.registered, held.attested) if each is not None]
    wanted = sorted(wanted_headers(inclusions))
    chains = [list(group) for _, group in groupby(wanted, key=itemgetter(0))]
    if any(len(chain) > NODE_HEADERS for chain in chains):
        click.echo(
            f"tally: of a chain at most {NODE_HEADERS} headers are asked for, and the receipt "
            "wants more: the rest is unknown",
            err=True,
        )
    return [each for chain in chains for each in chain[:NODE_HEADERS]]


def _ask(url: str, wanted: Sequence[tuple[str, int]], policy: Policy) -> Policy:
    """The policy with the headers that one node knows. URLs may hold secrets: none is shown."""
    from ..parties import headers_from

    try:
        chain, headers = headers_from(url, wanted)
    except ValueError as error:
        raise UsageError(f"--node: {error}") from error
    except NetworkError as error:
        host = urlsplit(url).netloc.rpartition("@")[2]
        click.echo(f"tally: the node {host} did not help: {error}", err=True)
        return policy
    return replace(
        policy, chains={**policy.chains, chain: (*policy.chains.get(chain, ()), *headers)}
    )
