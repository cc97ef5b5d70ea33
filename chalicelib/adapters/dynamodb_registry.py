"""Who may do what, in the table ``registry``: issuers, identity providers, used token ids, and
the outside parties that attest.

An issuer or identity provider is one JSON text (attribute ``json``), as operators read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, cast

from ..notary.ports import Control, IdentityProvider, Issuer, IssuerKey
from ..proof.hashes import sha256
from ..proof.issuer_profile import read_accreditations, write_accreditations
from ..proof.keys import format_jwk, parse_jwk
from .aws import Clients, code_of
from .dynamodb import CONDITION_FAILED, doubt_told, out_of_reach_told
from .dynamodb_kinds import SORT_KEY_BYTES, key_of, query_kind

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from .dynamodb import Item

ISSUER = "issuer"
PROVIDER = "identity-provider"
USED = "used"
OUTSIDE = "outside"


class DynamoRegistry:
    """``Registry``."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def issuer(self, id: str) -> Issuer | None:
        text = self._get(ISSUER, id)
        return _parse_issuer(text) if text is not None else None

    @out_of_reach_told()
    def issuers(self) -> list[Issuer]:
        found = query_kind(self._clients.dynamodb, self._table, ISSUER)
        return [_parse_issuer(item["json"]["S"]) for item in found]

    def put_issuer(self, issuer: Issuer) -> None:
        self._put(ISSUER, issuer.id, _format_issuer(issuer))

    def identity_provider(self, iss: str) -> IdentityProvider | None:
        text = self._get(PROVIDER, iss)
        return _parse_provider(text) if text is not None else None

    def put_identity_provider(self, provider: IdentityProvider) -> None:
        self._put(PROVIDER, provider.iss, _format_provider(provider))

    def outside(self) -> str | None:
        return self._get(OUTSIDE, OUTSIDE)

    def put_outside(self, text: str) -> None:
        self._put(OUTSIDE, OUTSIDE, text)

    @doubt_told()
    def use_once(self, id: str, expires_s: int) -> bool:
        from botocore.exceptions import ClientError

        mark = token_bytes(16)
        try:
            self._clients.dynamodb.put_item(
                TableName=self._table,
                Item={
                    **key_of(USED, sha256(id.encode()).hex()),  # of any length
                    "mark": {"B": mark},
                    "expires_s": {"N": str(expires_s)},
                },
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            return _mark_found(error) == mark  # our own first try, whose answer was lost
        return True

    @out_of_reach_told()
    def _get(self, kind: str, id: str) -> str | None:
        if len(id.encode()) > SORT_KEY_BYTES:
            return None
        answer = self._clients.dynamodb.get_item(
            TableName=self._table, Key=key_of(kind, id), ConsistentRead=True
        )
        return answer["Item"]["json"]["S"] if "Item" in answer else None

    @doubt_told()
    def _put(self, kind: str, id: str, text: str) -> None:
        self._clients.dynamodb.put_item(
            TableName=self._table, Item={**key_of(kind, id), "json": {"S": text}}
        )


def _mark_found(error: ClientError) -> bytes:
    """The mark in the item that stood in the way."""
    item = cast("Item", error.response.get("Item", {}))  # the stubs do not know it
    return item["mark"]["B"]


def _format_issuer(issuer: Issuer) -> str:
    keys = [
        {
            "jwk": format_jwk(key.key),
            "from_ms": key.from_ms,
            "to_ms": key.to_ms,
            "compromised_ms": key.compromised_ms,
            "control": key.control and asdict(key.control),
            "arn": key.arn,
        }
        for key in issuer.keys
    ]
    members = {
        "id": issuer.id,
        "tenant": issuer.tenant,
        "names": issuer.names,
        "keys": keys,
        "notary": issuer.notary,
        "status": issuer.status,
        "accreditations": write_accreditations(issuer.accreditations),
        "approval": issuer.approval,
    }
    return json.dumps(members, ensure_ascii=False)


def _parse_issuer(text: str) -> Issuer:
    members = json.loads(text)
    keys = tuple(_parse_key(key) for key in members.pop("keys"))
    accreditations = read_accreditations(members.pop("accreditations", []))
    return Issuer(keys=keys, accreditations=accreditations, **members)


def _parse_key(members: dict[str, Any]) -> IssuerKey:
    control = members.get("control")
    return IssuerKey(
        parse_jwk(members["jwk"]),
        members["from_ms"],
        members["to_ms"],
        members["compromised_ms"],
        control and Control(**control),
        members.get("arn", ""),
    )


def _format_provider(provider: IdentityProvider) -> str:
    members = {
        "iss": provider.iss,
        "jwks_url": provider.jwks_url,
        "audience": provider.audience,
        "tenants": provider.tenants,
        "tenant_claim": provider.tenant_claim,
        "algorithms": provider.algorithms,
    }
    return json.dumps(members, ensure_ascii=False)


def _parse_provider(text: str) -> IdentityProvider:
    members = json.loads(text)
    tenants, algorithms = (tuple(members.pop(name)) for name in ("tenants", "algorithms"))
    return IdentityProvider(tenants=tenants, algorithms=algorithms, **members)
