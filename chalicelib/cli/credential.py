"""``tally credential``: for the holder of an SD-JWT VC, what it says, and what of it to show."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from ..proof.credentials.disclosure import Path as ClaimPath
from ..proof.credentials.disclosure import Revealed
from ..proof.credentials.key_binding import bind_key, holder_key
from ..proof.credentials.sd_jwt import SdJwt, format_sd_jwt, parse_sd_jwt
from ..proof.credentials.sd_jwt import reveal_claims as reveal
from ..proof.credentials.sd_jwt import select_disclosures as select
from ..proof.errors import CannotTell, Malformed, ProofError
from ..proof.jcs import JsonValue, parse_ijson
from ..proof.keys import SigningKey, parse_private_jwk
from ..proof.members import read_object
from .failure import Misused, Wrong, echo_json
from .files import parse_file, read_file, replace_file, shown
from .settings import FILE, Group, json_option

_ABOUT_KEY = ("iss", "kid")
"""What a key file of ours has beside the JWK."""


@click.group(cls=Group)
def credential() -> None:
    """A credential that you hold (SD-JWT VC)."""


@credential.command()
@click.argument("file", metavar="FILE", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """What FILE says, and which claims of it may be withheld. Its signature is not verified."""
    revealed = _reveal(file, _read(file))
    pointers = [_pointer(path) for path in revealed.paths]
    if as_json:
        echo_json({"claims": revealed.claims, "disclosures": list[JsonValue](pointers)})
        return
    click.echo(json.dumps(revealed.claims, ensure_ascii=False, indent=2))
    click.echo("may be withheld: " + (", ".join(pointers) or "nothing"))


@credential.command()
@click.argument("file", metavar="FILE", type=FILE)
@click.option(
    "--disclose",
    "pointers",
    multiple=True,
    metavar="POINTER",
    help="A claim to disclose, such as /birthdate; give several by several.",
)
@click.option("--out", type=FILE, help="Where the presentation is written; else it is printed.")
@click.option("--key", type=FILE, help="Your key, if the credential is bound to it.")
@click.option("--audience", help="With --key: the verifier, as it names itself.")
@click.option("--nonce", help="With --key: what the verifier sent for this presentation.")
@json_option
def present(
    file: Path,
    pointers: tuple[str, ...],
    out: Path | None,
    key: Path | None,
    audience: str | None,
    nonce: str | None,
    as_json: bool,
) -> None:
    """Write a presentation of FILE that discloses what was chosen, and withholds the rest."""
    chosen = _choose(file, _read(file), pointers)
    if key is not None:
        if audience is None or nonce is None:
            raise Misused("--key needs the verifier's --audience and --nonce")
        chosen = _bind(file, chosen, key, audience, nonce)
    elif audience is not None or nonce is not None:
        raise Misused("--audience and --nonce need --key")
    text = format_sd_jwt(chosen)
    if out is not None:
        replace_file(out, text.encode())
    if as_json:
        disclosed: list[JsonValue] = [_pointer(path) for path in _reveal(file, chosen).paths]
        echo_json({"presentation": text, "disclosed": disclosed})
    else:
        click.echo(text if out is None else shown(out))


def _read(path: Path) -> SdJwt:
    return parse_file(path, lambda data: parse_sd_jwt(_ascii(data).rstrip("\r\n")))


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("an SD-JWT is ASCII text") from None


def _reveal(path: Path, sd_jwt: SdJwt) -> Revealed:
    try:
        return reveal(sd_jwt)
    except ProofError as error:
        _wrong(path, error)


def _wrong(path: Path, error: ProofError) -> NoReturn:
    raise Wrong(f"{shown(path)}: {error}") from error


def _choose(path: Path, sd_jwt: SdJwt, pointers: Sequence[str]) -> SdJwt:
    known = {_pointer(each): each for each in _reveal(path, sd_jwt).paths}
    unknown = [pointer for pointer in pointers if pointer not in known]
    if unknown:
        raise Misused(
            f"--disclose {unknown[0]}: there is no disclosure of that; there are "
            + (", ".join(known) or "none")
        )
    return select(sd_jwt, [known[pointer] for pointer in pointers])


def _bind(path: Path, chosen: SdJwt, key_path: Path, audience: str, nonce: str) -> SdJwt:
    key = _read_holder_key(key_path)
    try:
        bound_to = holder_key(chosen.payload)
    except (Malformed, CannotTell) as error:
        _wrong(path, error)
    if bound_to != key.public:
        raise Wrong(f"{shown(path)} is bound to another key than {shown(key_path)}")
    return bind_key(chosen, key, audience, nonce, int(time.time()))


def _read_holder_key(path: Path) -> SigningKey:
    data = read_file(path)
    try:
        members = read_object(parse_ijson(data), "a key")
        return parse_private_jwk({n: v for n, v in members.items() if n not in _ABOUT_KEY})
    except Malformed as error:
        raise Misused(f"{shown(path)} is not a private key (JWK): {error}") from error


def _pointer(path: ClaimPath) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
