"""The ``tally`` command, for registrars, hospitals, auditors and operators.

Exit codes: 0 all is well, 1 something was rejected or is wrong, 2 it could not finish or tell,
64 wrong usage.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import click

from ..notary.profiles import profiles as shipped_profiles
from ..proof.jcs import JsonValue
from ..proof.keys import format_jwk
from .auditing import audit
from .credential import credential
from .did_document import did
from .erasure.erase import erase
from .failure import echo_json
from .files import shown
from .http import Http, check_url
from .jobs import jobs
from .keyfile import ALGORITHMS, new_key, read_key
from .life import reinstate, revoke, supersede, suspend
from .notarise import notarise as notarise_documents
from .notarise import report
from .operators.log import operator
from .prepare import Order, name_documents
from .profiles import profiles
from .receipts import receipt
from .rosters.issue import issue
from .settings import (
    FILE,
    Group,
    canonicalization_option,
    json_option,
    key_option,
    policy_option,
    token_option,
    url_option,
)
from .tokens import tokens_for
from .trust import trust_of
from .verifying import verify
from .webhooks import webhooks


@click.group(cls=Group)
@click.version_option(package_name="tally-notary", prog_name="tally")
def main() -> None:
    """Notarise documents, and verify their receipts."""


@main.group(cls=Group)
def keys() -> None:
    """An issuer's signing keys."""


@keys.command("new")
@click.option(
    "--issuer", "iss", required=True, help="Your id, such as did:web:registry.uni.example"
)
@click.option("--out", required=True, type=FILE, help="Where the private key is written.")
@click.option("--alg", type=click.Choice(list(ALGORITHMS)), default="EdDSA", show_default=True)
@json_option
def new_key_command(iss: str, out: Path, alg: str, as_json: bool) -> None:
    """Make a signing key. It stays in OUT; the public part is for the operator."""
    signer, public = new_key(iss, alg, out)
    key = signer.key.public
    if as_json:
        jwk: dict[str, JsonValue] = dict(format_jwk(key))
        files: dict[str, JsonValue] = {"private": shown(out), "public": shown(public)}
        echo_json({"issuer": iss, "kid": key.kid.hex(), "jwk": jwk, "files": files})
        return
    click.echo(f"issuer       {iss}")
    click.echo(f"key id       {key.kid.hex()}")
    click.echo(f"private key  {shown(out)}: keep it to yourself, with a copy in a safe place")
    click.echo(f"public part  {shown(public)}: send this file to the operator of the service, and")
    click.echo("             tell them the key id by another way, so that they know it is yours")


@main.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option(
    "--profile",
    required=True,
    type=click.Choice(list(shipped_profiles())),
    metavar="PROFILE",
    help="What the documents are: " + ", ".join(shipped_profiles()) + ".",
)
@click.option("--out", required=True, type=FILE, help="The directory for receipts.")
@key_option
@canonicalization_option
@click.option("--again", is_flag=True, help="Register even what may have been erased from --out.")
@token_option
@url_option
@policy_option
@json_option
def notarise(
    files: tuple[Path, ...],
    profile: str,
    out: Path,
    key: Path,
    canonicalization: Literal["auto", "raw", "jcs"],
    again: bool,
    token: str | None,
    url: str,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Register documents and keep their receipts in --out, as NAME.receipt.json.

    Documents are hashed and signed here; only signed statements are sent. Interrupted, run the same
    command again: nothing is registered twice. OUT/.tally keeps what a rerun needs, salts included.
    """
    signer = read_key(key)
    order = Order(signer, profile, canonicalization, int(time.time()), again=again)
    order.check()
    documents = name_documents(files)
    address = check_url(url)
    trust = None if policy is None else trust_of(policy)
    with Http(address) as http:
        http.tokens = tokens_for(http, signer, token)
        outcome = notarise_documents(documents, order, http, out, trust)
    report(outcome, as_json=as_json)


keys.add_command(did)
for command in (suspend, reinstate, revoke, supersede):
    main.add_command(command)
main.add_command(issue)
main.add_command(jobs)
main.add_command(credential)
main.add_command(erase)
main.add_command(verify)
main.add_command(receipt)
main.add_command(audit)
main.add_command(profiles)
main.add_command(webhooks)
main.add_command(operator)
