"""What the nodes of Ethereum that are peers have in common: JSON-RPC, and commands of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from chalicelib.adapters.http import Http
from chalicelib.adapters.jsonrpc import JsonRpc
from chalicelib.notary.networks import NetworkError
from chalicelib.proof.jcs import JsonValue

WEI = 10**18
"""Of one ether."""


@dataclass(frozen=True)
class EthereumPeer:
    """A running node of a private chain; ``name`` begins its own methods, such as
    ``anvil_setBalance``. Addresses and hashes are 0x and hex digits, fees wei per gas."""

    url: str
    chain_id: int
    name: str

    @property
    def chain(self) -> str:
        """Its CAIP-2 id."""
        return f"eip155:{self.chain_id}"

    @cached_property
    def rpc(self) -> JsonRpc:
        return JsonRpc(Http(self.url))

    def call(self, method: str, *params: JsonValue) -> JsonValue:
        return self.rpc.call(method, *params)

    def own(self, method: str, *params: JsonValue) -> JsonValue:
        return self.call(f"{self.name}_{method}", *params)

    def is_ready(self) -> bool:
        try:
            return self.call("eth_chainId") == hex(self.chain_id)
        except NetworkError:
            return False

    def fund(self, address: str, wei: int = WEI) -> None:
        """Give an address exactly so much."""
        self.own("setBalance", address, hex(wei))

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.call("evm_mine")

    def set_automine(self, *, on: bool) -> None:
        """Whether each transaction is mined at once."""
        self.call("evm_setAutomine", on)

    def set_base_fee(self, wei: int) -> None:
        """The base fee of the next block; later ones follow from it (EIP-1559)."""
        self.own("setNextBlockBaseFeePerGas", hex(wei))

    def set_next_time(self, timestamp_s: int) -> None:
        """The time of the next block, which is after that of the newest one."""
        self.call("evm_setNextBlockTimestamp", timestamp_s)

    def drop(self, transaction: str) -> None:
        """Forget a waiting transaction."""
        self.own("dropTransaction", transaction)
