"""Builds the outside parties that attest from their configuration, for ``bootstrap``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from .adapters.bitcoin.network import BitcoinNetwork
from .adapters.bitcoin.node import BitcoinNode
from .adapters.bitcoin.transaction import p2wpkh_script, segwit_address
from .adapters.chain_headers import fetch_headers
from .adapters.evm.network import EvmChain, EvmNetwork
from .adapters.evm.wallet import address_of
from .adapters.http import Http
from .adapters.jsonrpc import JsonRpc
from .adapters.opentimestamps import CalendarNetwork
from .adapters.rfc3161 import TsaNetwork
from .adapters.secp256k1 import ChainSigner, LocalSecp256k1
from .adapters.witness import HttpWitness
from .notary.attest import Party
from .notary.networks import Network
from .notary.outside import NetworkConfig, Outside, WitnessConfig, parse_outside
from .notary.ports import Registry
from .notary.witnesses import Witnesses
from .proof.errors import Malformed
from .proof.evm.transaction import format_address
from .proof.policy import ChainHeader


@dataclass(frozen=True, slots=True)
class Parties:
    """The outside parties that attest, ready for use, and the configuration they follow from."""

    config: Outside = field(default_factory=Outside)
    networks: tuple[Party, ...] = ()
    witnesses: Witnesses | None = None


def check_outside(config: Outside) -> None:
    """Raises Malformed for what can be read and is no configuration of parties all the same."""
    try:
        build_parties(config, LocalSecp256k1(ec.generate_private_key(ec.SECP256K1())))
    except ValueError as error:
        raise Malformed(str(error)) from error


class OutsideParties:
    """The configured parties; made anew only when an operator has changed the configuration, so
    that connections live as long as the process."""

    def __init__(self, registry: Registry, signer: ChainSigner) -> None:
        self._registry = registry
        self._signer = signer
        self._text: str | None = None
        self._parties = Parties()

    def __call__(self) -> Parties:
        text = self._registry.outside()
        if text is not None and text != self._text:
            self._parties = build_parties(parse_outside(text.encode()), self._signer)
            self._text = text
        return self._parties


def chain_addresses(signer: ChainSigner) -> dict[str, str]:
    """By namespace, and the output script that every Bitcoin chain knows the key by."""
    script = p2wpkh_script(signer.public)
    return {
        "eip155": format_address(address_of(signer)),
        "bip122": segwit_address("bc", script),
        "script": script.hex(),
    }


Headers = tuple[str, tuple[ChainHeader, ...]]


def headers_from(url: str, wanted: Iterable[tuple[str, int]]) -> Headers:
    """See ``chain_headers.fetch_headers``."""
    return fetch_headers(url, wanted)


def build_parties(config: Outside, signer: ChainSigner) -> Parties:
    networks = [
        Party(_network(each, signer), 1_000 * each.numbers["every_s"], each.fallback)
        for each in config.networks
    ]
    witnesses = None if config.witnesses is None else _witnesses(config.witnesses)
    return Parties(config, tuple(networks), witnesses)


def _network(config: NetworkConfig, signer: ChainSigner) -> Network:
    match config.type:
        case "evm":
            return _evm(config, signer)
        case "bitcoin":
            return _bitcoin(config, signer)
        case "opentimestamps":
            node = BitcoinNode(JsonRpc(Http(config.texts["node"])), config.texts["chain"])
            return CalendarNetwork(
                config.texts["name"],
                Http(config.url),
                node,
                confirmations=config.numbers["confirmations"],
            )
        case "rfc3161":
            return TsaNetwork(config.texts["name"], Http(config.url), config.certificates)


def _evm(config: NetworkConfig, signer: ChainSigner) -> EvmNetwork:
    chain = EvmChain(
        chain=config.texts["chain"],
        max_fee_gwei=config.numbers["max_fee_gwei"],
        stuck_after_ms=1_000 * config.numbers["stuck_s"],
        confirmations=config.numbers["confirmations"] or None,
    )
    return EvmNetwork(chain, JsonRpc(Http(config.url)), signer)


def _bitcoin(config: NetworkConfig, signer: ChainSigner) -> BitcoinNetwork:
    return BitcoinNetwork(
        BitcoinNode(JsonRpc(Http(config.url)), config.texts["chain"]),
        signer,
        config.texts["coin"],
        fee_floor=config.numbers["min_fee_rate"],
        fee_cap=config.numbers["max_fee_rate"],
        confirmations=config.numbers["confirmations"],
        stuck_after_ms=1_000 * config.numbers["stuck_s"],
    )


def _witnesses(config: WitnessConfig) -> Witnesses | None:
    """Those whose cosignatures can be checked here; None where there are none."""
    timeout_s = config.timeout_ms / 1_000
    witnesses = [
        HttpWitness(Http(config.policy.urls[name], timeout_s), key, name)
        for name, key in config.policy.witnesses.items()
        if key.loaded is not None
    ]
    return Witnesses(tuple(witnesses), config.policy, timeout_s) if witnesses else None
