"""``Registry``: issuers and providers as they were put, and token ids used once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.adapters.dynamodb_registry import DynamoRegistry
from chalicelib.notary.ports import Control, IdentityProvider, Issuer, IssuerKey
from chalicelib.proof.errors import Malformed
from chalicelib.proof.issuer_profile import Accreditation
from chalicelib.proof.keys import ES256, SigningKey

from .stores import Stores
from .wire import Wire

ISSUER = Issuer(
    "did:web:registrar.university.example",
    "a tenant",
    {"en": "University of Wales", "zh": "威爾斯大學", "cy": "Prifysgol Cymru"},
    (
        IssuerKey(SigningKey.generate().public, 1_700_000_000_000, to_ms=1_800_000_000_000),
        IssuerKey(SigningKey.generate(ES256).public, 0, compromised_ms=2**53 - 1),
        IssuerKey(SigningKey.generate().public, 1, arn="arn:aws:kms:eu-west-1:0:key/a"),
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


def test_status_and_accreditations_come_back_too(stores: Stores) -> None:
    issuer = replace(
        ISSUER,
        status="suspended",
        accreditations=(
            Accreditation("學位登記冊", "10001", 0),
            Accreditation("Register", "HE-1", 1_600_000_000_000, to_ms=1_700_000_000_000),
        ),
    )
    stores.registry.put_issuer(issuer)
    assert stores.registry.issuer(ISSUER.id) == issuer


def test_control_of_keys_and_approval_come_back_too(stores: Stores) -> None:
    first, second, *others = ISSUER.keys
    checked = replace(first, control=Control(1_700_000_000_000))
    unchecked = replace(second, control=Control(5, unchecked="虛構的大學"))
    issuer = replace(ISSUER, keys=(checked, unchecked, *others), approval=True)
    stores.registry.put_issuer(issuer)
    assert stores.registry.issuer(ISSUER.id) == issuer


def test_an_issuer_of_before_control_was_asked_for_is_read(aws_stores: Stores) -> None:
    registry = aws_stores.registry
    assert isinstance(registry, DynamoRegistry)
    registry.put_issuer(ISSUER)
    text = registry._get("issuer", ISSUER.id)
    assert text is not None
    value = json.loads(text)
    del value["approval"]
    for key in value["keys"]:
        del key["control"]
    registry._put("issuer", ISSUER.id, json.dumps(value))
    assert registry.issuer(ISSUER.id) == ISSUER


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


@pytest.mark.parametrize("id", ["x" * 1_025, "學" * 342, "x" * 3_000])
def test_an_id_longer_than_any_key_is_a_stranger(stores: Stores, id: str) -> None:
    assert len(id.encode()) > 1_024
    assert stores.registry.issuer(id) is None
    assert stores.registry.identity_provider(id) is None


@pytest.mark.parametrize("id", ["x" * 1_025, "學" * 342])
def test_dynamodb_is_not_asked_for_a_key_that_it_refuses(
    wired: tuple[Stores, Wire], id: str
) -> None:
    stores, network = wired
    assert stores.registry.issuer(id) is None
    assert stores.registry.identity_provider(id) is None
    assert network.sent == []


def test_an_id_as_long_as_a_key_may_be_is_known(stores: Stores) -> None:
    longest = replace(ISSUER, id=ISSUER.id.ljust(1_024, "x"))
    stores.registry.put_issuer(longest)
    assert stores.registry.issuer(longest.id) == longest


def test_a_long_token_id_is_used_once(stores: Stores) -> None:
    first, second = "x" * 3_000 + "1", "x" * 3_000 + "2"
    assert stores.registry.use_once(first, 1_900_000_000)
    assert not stores.registry.use_once(first, 1_900_000_000)
    assert stores.registry.use_once(second, 1_900_000_000)


def test_there_are_no_issuers_at_first(stores: Stores) -> None:
    assert stores.registry.issuers() == []


def test_a_token_id_is_used_once(stores: Stores) -> None:
    assert stores.registry.use_once("one", 1_900_000_000)
    assert not stores.registry.use_once("one", 1_900_000_000)
    assert not stores.registry.use_once("one", 1_900_000_001)
    assert stores.registry.use_once("two", 1_900_000_000)
    assert stores.registry.issuers() == []


def test_outside_parties_are_configured_as_one_text(stores: Stores) -> None:
    assert stores.registry.outside() is None
    for text in ('{"networks": []}', '{"networks": [], "witnesses": {"policy": "學"}}'):
        stores.registry.put_outside(text)
        assert stores.registry.outside() == text
    assert stores.registry.issuers() == []
