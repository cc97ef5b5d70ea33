"""``Registry``: issuers and providers as they were put, and token ids used once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.notary.ports import IdentityProvider, Issuer, IssuerKey
from chalicelib.proof.errors import Malformed
from chalicelib.proof.keys import ES256, SigningKey

from .stores import Stores

ISSUER = Issuer(
    "did:web:registrar.university.example",
    "a tenant",
    {"en": "University of Wales", "zh": "威爾斯大學", "cy": "Prifysgol Cymru"},
    (
        IssuerKey(SigningKey.generate().public, 1_700_000_000_000, to_ms=1_800_000_000_000),
        IssuerKey(SigningKey.generate(ES256).public, 0, compromised_ms=2**53 - 1),
    ),
)
PROVIDER = IdentityProvider(
    "https://login.example/", "https://login.example/jwks", "tally", ("a tenant",)
)


def test_issuers_come_back_as_they_were_put(stores: Stores) -> None:
    notary = Issuer("did:web:notary.example", "operators", {}, (), notary=True)
    stores.registry.put_issuer(ISSUER)
    stores.registry.put_issuer(notary)
    assert stores.registry.issuer(ISSUER.id) == ISSUER
    assert stores.registry.issuers() == [notary, ISSUER]


def test_an_issuer_is_replaced_by_its_newer_self(stores: Stores) -> None:
    stores.registry.put_issuer(ISSUER)
    newer = replace(ISSUER, names={}, keys=ISSUER.keys[:1])
    stores.registry.put_issuer(newer)
    assert stores.registry.issuer(ISSUER.id) == newer
    assert stores.registry.issuers() == [newer]


def test_identity_providers_come_back_as_they_were_put(stores: Stores) -> None:
    other = replace(
        PROVIDER,
        iss="https://other.example",
        tenants=("教務處", "a tenant"),
        tenant_claim="org",
        algorithms=("RS256",),
    )
    stores.registry.put_identity_provider(PROVIDER)
    stores.registry.put_identity_provider(other)
    assert stores.registry.identity_provider(PROVIDER.iss) == PROVIDER
    assert stores.registry.identity_provider(other.iss) == other


@pytest.mark.parametrize("tenants", [(), ("",), (" ",), ("a tenant", ""), ("a\n",), ("\x7f",)])
def test_a_provider_speaks_for_tenants_that_can_be_named(tenants: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        replace(PROVIDER, tenants=tenants)


def test_strangers_are_none(stores: Stores) -> None:
    stores.registry.put_issuer(ISSUER)
    stores.registry.put_identity_provider(PROVIDER)
    assert stores.registry.issuer(PROVIDER.iss) is None
    assert stores.registry.identity_provider(ISSUER.id) is None


def test_there_are_no_issuers_at_first(stores: Stores) -> None:
    assert stores.registry.issuers() == []


def test_a_token_id_is_used_once(stores: Stores) -> None:
    assert stores.registry.use_once("one", 1_900_000_000)
    assert not stores.registry.use_once("one", 1_900_000_000)
    assert not stores.registry.use_once("one", 1_900_000_001)
    assert stores.registry.use_once("two", 1_900_000_000)
    assert stores.registry.issuers() == []
