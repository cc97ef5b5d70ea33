"""``tally keys did``: the DID document that an issuer publishes, by which its keys are known."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..notary.issuers.did_web import did_url
from ..proof.jcs import JsonValue
from ..proof.keys import PublicKey, format_jwk
from .failure import Misused, echo_json
from .files import shown
from .keyfile import read_public_part
from .settings import FILE, Command, json_option


@click.command("did", cls=Command)
@click.argument("files", metavar="PUBLIC_KEY...", nargs=-1, required=True, type=FILE)
@json_option
def did(files: tuple[Path, ...], as_json: bool) -> None:
    """Print the DID document that an issuer publishes on its website to show its keys."""
    parts = [read_public_part(path) for path in files]
    found = {part.iss for part in parts}
    iss = parts[0].iss
    if iss is None or len(found) != 1:
        raise Misused(f"{', '.join(map(shown, files))}: not all are keys of one issuer (iss)")
    document = did_document(iss, [part.key for part in parts])
    if as_json:
        echo_json(document)
        return
    click.echo(json.dumps(document, indent=2))
    click.echo(f"tally: to be served as application/did+json at {did_url(iss)}", err=True)


def did_document(iss: str, keys: list[PublicKey]) -> dict[str, JsonValue]:
    methods: list[JsonValue] = [
        {
            "id": f"{iss}#{key.kid.hex()}",
            "type": "JsonWebKey",
            "controller": iss,
            "publicKeyJwk": dict(format_jwk(key)),
        }
        for key in keys
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": iss,
        "verificationMethod": methods,
        "assertionMethod": [f"{iss}#{key.kid.hex()}" for key in keys],
    }
