from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.cli.http import Http
from chalicelib.cli.keyfile import IssuerSigner
from chalicelib.cli.tokens import AssertedTokens, asker
from chalicelib.notary.ports import Issuer, IssuerKey
from infra.deploy import Deployment
from tests.contracts.cloud_log import ISSUER, REGISTRAR


@pytest.fixture
def registrar(deployed: Deployment) -> Iterator[Http]:
    """A registered issuer's way to the deployed service, by its public address alone."""
    key = IssuerKey(REGISTRAR.public, 0)
    names = {"en": "The Registrar", "zh": "注册处"}
    deployed.service.registry.put_issuer(Issuer(ISSUER, "university", names, (key,)))
    with Http(deployed.url) as http:
        endpoint = f"{deployed.url}/oauth/token"
        signer = IssuerSigner(ISSUER, REGISTRAR)
        http.tokens = AssertedTokens(signer, endpoint, asker(http, endpoint))
        yield http
