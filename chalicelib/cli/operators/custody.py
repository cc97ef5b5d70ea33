"""``tally operator issuer add --custodial``: a key in KMS for an issuer that cannot hold one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ...notary.ports import Issuer
from ...proof.keys import EDDSA, ES256

if TYPE_CHECKING:
    from ...bootstrap import Service

KINDS = {"ed25519": EDDSA, "p256": ES256}

custodial_option = click.option(
    "--custodial",
    type=click.Choice(list(KINDS)),
    is_flag=False,
    flag_value="ed25519",
    help="Make a key in KMS that signs for the issuer from now on; ed25519 if no kind is named.",
)


def add_custodial_key(issuer: Issuer, kind: str | None, service: Service, now_ms: int) -> Issuer:
    """The issuer with a further key, if a kind is asked for."""
    if kind is None:
        return issuer
    made = service.custody.issuer_keys.make(issuer.id, KINDS[kind], now_ms)
    return replace(issuer, keys=(*issuer.keys, made))
