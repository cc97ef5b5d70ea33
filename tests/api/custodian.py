"""Custody in memory: it keeps issuers' keys, and everything that was ordered of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chalicelib.notary.admit import Caller, admit_statement
from chalicelib.notary.issue import StatusPlace
from chalicelib.notary.refused import Refused
from chalicelib.notary.vc_ports import Issued, Make, Order
from chalicelib.proof.document import commit, digest_document
from chalicelib.proof.hashes import Hash, sha256
from chalicelib.proof.keys import EDDSA, SigningKey
from chalicelib.proof.receipt import HolderPart
from chalicelib.proof.statement import Register
from tests.api.world import NOW_S, World


class MemoryCustodian:
    """``keys`` are by issuer. It signs as the one who is in the log's registry does."""

    def __init__(self, world: World, keys: Mapping[str, SigningKey]) -> None:
        self._world, self._keys = world, keys
        self.orders: list[Order] = []
        self.place: StatusPlace | None = None
        self._done: dict[tuple[str, str], tuple[Hash, Issued]] = {}

    def issuers(self, tenant: str) -> Collection[str]:
        registry = self._world.registry
        return [
            issuer.id
            for issuer in registry.issuers()
            if issuer.tenant == tenant
            and issuer.id in self._keys
            and self._keys[issuer.id].public.alg == EDDSA
        ]

    def issue(self, caller: Caller, order: Order, make: Make) -> Issued:
        self.orders.append(order)
        name = (caller.tenant, order.once)
        if name not in self._done:
            self._done[name] = (order.request, self._register(caller, order, make))
        request, issued = self._done[name]
        if request != order.request:
            raise Refused("issuer-not-kept", "another order has this name")
        return issued

    def _register(self, caller: Caller, order: Order, make: Make) -> Issued:
        key, world = self._keys[order.issuer], self._world
        document = make(key, self.place if order.placed else None)
        salt = sha256(order.once.encode())
        digests = digest_document(document, order.canonicalization)
        payload = Register(order.profile, order.canonicalization, *commit(salt, digests))
        entry = world.statement(payload=payload, iss=order.issuer, key=key, iat=NOW_S)
        log = world.service.log
        entry_id = admit_statement(entry, caller, world.registry, log, NOW_S * 1_000)
        world.integrate()
        holder = HolderPart(order.canonicalization, salt, digests.sha256, digests.sm3)
        return Issued(document, entry_id, holder)
