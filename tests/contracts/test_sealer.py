"""``Sealer``: what is sealed for one endpoint opens for that one alone."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.kms_sealer import KmsSealer
from chalicelib.notary.webhooks.events import Sealer, WrongSeal, format_secret
from tests.webhook_fakes import MemorySealer

SECRET = format_secret(bytes(range(32)))


def make_sealer(clients: Clients) -> KmsSealer:
    key = clients.kms.create_key(KeySpec="SYMMETRIC_DEFAULT", KeyUsage="ENCRYPT_DECRYPT")
    return KmsSealer(clients, key["KeyMetadata"]["KeyId"])


@pytest.fixture
def fake_sealer() -> MemorySealer:
    return MemorySealer()


@pytest.fixture
def moto_sealer(moto_clients: Clients) -> KmsSealer:
    return make_sealer(moto_clients)


@pytest.fixture
def local_cloud_sealer(local_clients: Clients) -> KmsSealer:
    return make_sealer(local_clients)


@pytest.fixture(params=["fake", "moto", "local_cloud"])
def sealer(request: pytest.FixtureRequest) -> Sealer:
    found: Sealer = request.getfixturevalue(f"{request.param}_sealer")
    return found


@pytest.mark.parametrize("tenant", ["university", "大学 №1", "x" * 3_000])
def test_what_is_sealed_opens(sealer: Sealer, tenant: str) -> None:
    assert sealer.open(tenant, "ep_1", sealer.seal(tenant, "ep_1", SECRET)) == SECRET


def test_what_is_sealed_does_not_show_the_secret(sealer: Sealer) -> None:
    sealed = sealer.seal("university", "ep_1", SECRET)
    assert SECRET.encode() not in b64decode(sealed)
    assert b64decode(SECRET.removeprefix("whsec_")) not in b64decode(sealed)


@pytest.mark.parametrize(
    ("tenant", "endpoint"), [("hospital", "ep_1"), ("university", "ep_2"), ("ep_1", "university")]
)
def test_it_opens_for_no_other_endpoint(sealer: Sealer, tenant: str, endpoint: str) -> None:
    sealed = sealer.seal("university", "ep_1", SECRET)
    with pytest.raises(WrongSeal):
        sealer.open(tenant, endpoint, sealed)


@pytest.mark.parametrize("sealed", ["", "no base64", b64encode(b"too short").decode(), SECRET])
def test_what_is_not_sealed_does_not_open(sealer: Sealer, sealed: str) -> None:
    with pytest.raises(WrongSeal):
        sealer.open("university", "ep_1", sealed)


def test_the_tenants_name_is_not_told_to_the_audit_trail(
    moto_sealer: KmsSealer, moto_clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    encrypt = moto_clients.kms.encrypt

    def note(**request: object) -> object:
        told.append(request["EncryptionContext"])
        return encrypt(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(moto_clients.kms, "encrypt", note)
    moto_sealer.seal("Ada Canary", "ep_1", SECRET)
    assert told
    assert "Ada" not in repr(told)


def test_another_error_is_not_a_wrong_seal(moto_clients: Clients) -> None:
    nowhere = KmsSealer(moto_clients, "no-such-key")
    with pytest.raises(moto_clients.kms.exceptions.NotFoundException):
        nowhere.seal("university", "ep_1", SECRET)
