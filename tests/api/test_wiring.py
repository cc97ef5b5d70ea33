"""The service is built from the environment, once, when something first needs it."""

from __future__ import annotations

import pytest

from chalicelib.adapters.public_http import PublicHttp
from chalicelib.api import wiring
from chalicelib.bootstrap import (
    TEST_RECEIVER,
    MisplacedSetting,
    MissingSetting,
    public_http,
    service_from_env,
)

SETTINGS = (
    "ORIGIN PUBLIC_URL LOG_TABLE PENDING_TABLE JOBS_TABLE REGISTRY_TABLE ATTEMPTS_TABLE LOG_BUCKET"
    " WORK_BUCKET WAKE_QUEUE_URL UPLOADS_QUEUE_URL LOG_KEY TOKEN_KEY CHAIN_KEY WITNESS_KEY"
    " NOTARY_ID NOTARY_KEY STATUS_KEY WEBHOOKS_TABLE WEBHOOK_KEY"
    " DOCUMENTS_TABLE CUSTODY_KEY"
)


def test_the_service_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS.split():
        monkeypatch.setenv(f"TALLY_{name}", f"value-of-{name}")
    wiring.use(None)
    service = wiring.service()
    assert service.public_url == "value-of-PUBLIC_URL"
    assert wiring.service() is service
    wiring.use(None)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS.split():
        monkeypatch.delenv(f"TALLY_{name}", raising=False)
    wiring.use(None)
    with pytest.raises(MissingSetting, match="TALLY_"):
        wiring.service()


def test_a_notarys_id_is_that_of_the_public_host_unless_it_has_its_own() -> None:
    settings = {f"TALLY_{name}": f"value-of-{name}" for name in SETTINGS.split()}
    settings["TALLY_PUBLIC_URL"] = "https://notary.example:8443/main"
    own = service_from_env({**settings, "TALLY_NOTARY_ID": "did:web:own.example"}).notary
    of_host = service_from_env({**settings, "TALLY_NOTARY_ID": "host"}).notary
    assert own is not None
    assert of_host is not None
    assert (own.id, of_host.id) == ("did:web:own.example", "did:web:notary.example")


RECEIVER = {TEST_RECEIVER: "127.0.0.1 4443 /some where/ca.pem"}


def test_tenants_hosts_are_public_ones() -> None:
    assert public_http({}) == PublicHttp()
    service = service_from_env({f"TALLY_{name}": "x" for name in SETTINGS.split()})
    posted = service.post.__self__  # type: ignore[attr-defined]
    assert posted == PublicHttp()


def test_tests_on_the_local_cloud_alone_receive_on_this_machine() -> None:
    allowed = public_http({**RECEIVER, "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert (allowed.resolve("any.example"), allowed.ports) == (["127.0.0.1"], {443, 4443})
    assert allowed.also == {"127.0.0.1"}
    with pytest.raises(FileNotFoundError):
        allowed.tls()
    with pytest.raises(MisplacedSetting, match=TEST_RECEIVER):
        public_http(RECEIVER)
