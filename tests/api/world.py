"""A whole service in memory behind its HTTP routes, with two tenants.

Every answer is held against the API's own description: a status, a media type, a body or a problem
that is not documented there fails whatever test meets it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from chalice.test import Client, HTTPResponse
from jsonschema import Draft202012Validator
from referencing import Registry as SchemaRegistry
from referencing import Resource
from referencing.jsonschema import DRAFT202012

import app as entry_point
from chalicelib.api import wiring
from chalicelib.api.media import TLOG_SIZE
from chalicelib.api.openapi import describe
from chalicelib.api.problems import BASE, CONCISE_MEDIA_TYPE, MEDIA_TYPE
from chalicelib.api.rooms import all_operations
from chalicelib.bootstrap import Service, publisher_of
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.notary.publish import publish, register_notary
from chalicelib.notary.sequence import create_log, drain
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.jcs import format_jcs
from chalicelib.proof.keys import EDDSA, ES256, SigningKey
from chalicelib.proof.statement import Payload, Register, entry_id, sign_statement
from tests.fakes import (
    START_MS,
    Clock,
    MemoryObjects,
    MemoryPending,
    MemoryRegistry,
    MemoryRemind,
    MemoryUploads,
    MemoryWake,
    key_named,
    memory_service,
)

URL = "https://tally.test"
COLLEGE, COLLEGE_TENANT = "did:web:college.example", "college"
HOSPITAL, HOSPITAL_TENANT = "did:web:hospital.example", "hospital"
NOW_S = START_MS // 1000

STATEMENT = "application/scitt-statement+cose"
CBOR_SEQ = "application/cbor-seq"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: object, claims: object, key: SigningKey) -> str:
    """A JWT as an outsider would write it, good or bad."""
    message = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{b64url(key.sign(message.encode()))}"


def issuer(id_: str, tenant: str, *keys: SigningKey) -> Issuer:
    names = {"en": tenant.title(), "zh": tenant}
    return Issuer(id_, tenant, names, tuple(IssuerKey(key.public, 0) for key in keys))


class World:
    def __init__(self, *, sequencing: bool = True) -> None:
        """``sequencing``: a wake-up integrates at once, as a sequencer does within a second."""
        self.college, self.hospital = key_named("college"), key_named("hospital", ES256)
        self.service: Service = memory_service(
            issuer(COLLEGE, COLLEGE_TENANT, self.college),
            issuer(HOSPITAL, HOSPITAL_TENANT, self.hospital),
        )
        self.clock = cast(Clock, self.service.clock_ms)
        self.wake = cast(MemoryWake, self.service.wake)
        self.registry = cast(MemoryRegistry, self.service.registry)
        self.remind = cast(MemoryRemind, self.service.remind)
        self.uploads = cast(MemoryUploads, self.service.uploads)
        create_log(self.service.log)
        if sequencing:
            self.wake.then = self.integrate
        self._client = Client(entry_point.app)
        self._made = 0
        wiring.use(self.service)

    def integrate(self) -> None:
        drain(self.service.log, self.service.clock_ms)

    def register_notary(self) -> None:
        """As an operator does on the first day."""
        assert self.service.notary is not None
        register_notary(self.service.notary, self.service.registry, self.service.log)

    def publish(self) -> None:
        """A run of the publisher, then of the sequencer."""
        publisher = publisher_of(self.service, lambda issuer, problem: None)
        assert publisher is not None
        publish(publisher)
        self.integrate()

    def stored(self) -> tuple[object, ...]:
        """Everything that a submission could have left behind."""
        log = self.service.log
        pending, work = cast(MemoryPending, log.pending), cast(MemoryObjects, log.work)
        rows = cast(Any, log.jobs).rows
        return (dict(pending.queue), dict(pending.poison), dict(work.data), dict(rows))

    def take_custody(self, alg: int = EDDSA, id_: str = COLLEGE) -> IssuerKey:
        """As an operator does for an issuer that cannot sign."""
        known = self.service.registry.issuer(id_)
        assert known is not None
        key = self.service.custody.issuer_keys.make(id_, alg, self.clock())
        self.service.registry.put_issuer(replace(known, keys=(*known.keys, key)))
        return key

    def issue(
        self,
        order: object,
        key: str = "a key",
        tenant: str = COLLEGE_TENANT,
        **headers: str,
    ) -> HTTPResponse:
        """Order what is to be issued with the issuer's key in KMS."""
        named = {"Idempotency-Key": f'"{key}"', **self.issuing(tenant), **headers}
        return self.post_json("/v1/documents", order, **named)

    def issue_roster(
        self,
        data: bytes,
        media: str = "text/csv",
        *,
        key: str = "a key",
        tenant: str = COLLEGE_TENANT,
        query: str = f"issuer={COLLEGE}&profile=education/diploma",
    ) -> HTTPResponse:
        headers = {"Idempotency-Key": f'"{key}"', "Content-Type": media, **self.issuing(tenant)}
        return self.request("POST", f"/v1/jobs?{query}", data, headers)

    def issuing(self, tenant: str = COLLEGE_TENANT) -> dict[str, str]:
        return self.bearer(tenant, scope="documents:issue")

    # --- Statements

    def sub(self) -> str:
        self._made += 1
        return UUID(bytes=sha256(f"sub {self._made}".encode())[:16], version=4).urn

    def statement(self, **different: Any) -> bytes:
        """A new register statement of the college, but for what is ``different``."""
        sub = different.get("sub") or self.sub()
        return sign_statement(
            different.get("payload") or self.register(sub),
            different.get("iss", COLLEGE),
            sub,
            different.get("iat", NOW_S),
            different.get("key", self.college),
        )

    @staticmethod
    def register(salt: str, profile: str = "education/diploma") -> Payload:
        return Register(profile, "raw", sha256(salt.encode()), sm3(salt.encode()))

    # --- Requests

    def token(self, tenant: Any = COLLEGE_TENANT, **different: Any) -> str:
        """An access token as our token endpoint writes it, but for what is ``different``."""
        key = self.service.token_signer
        header = {"alg": "ES256", "kid": key.public.kid.hex(), "typ": "at+jwt"}
        claims = {
            "iss": URL,
            "aud": URL,
            "sub": COLLEGE if tenant == COLLEGE_TENANT else HOSPITAL,
            "tenant": tenant,
            "key": self.college.public.kid.hex(),
            "scope": "entries:write jobs:read",
            "iat": NOW_S,
            "exp": NOW_S + 600,
            **different,
        }
        return compact(header, claims, cast(SigningKey, key))

    def bearer(self, tenant: str = COLLEGE_TENANT, **different: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(tenant, **different)}"}

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        # Chalice's client sends headers as they are; API Gateway's names have no case.
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        target = path.removeprefix(URL)
        response = self._client.http.request(method, target, headers=sent, body=body)
        check_documented(method, target, response)
        return response

    def get(self, path: str, **headers: str) -> HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers=named)

    def submit(
        self, body: bytes, media: str = STATEMENT, tenant: str = COLLEGE_TENANT, **headers: str
    ) -> HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": media, **self.bearer(tenant), **named}
        return self.request("POST", "/entries", body, sent)

    def post_json(self, path: str, value: object, **headers: str) -> HTTPResponse:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": JSON, **headers})

    def assertion(self, key: SigningKey | None = None, **different: Any) -> str:
        """A client assertion as the ``tally`` command writes it, but for what is ``different``."""
        key = key or self.college
        self._made += 1
        header = {"alg": "EdDSA", "kid": key.public.kid.hex(), "typ": "JWT"}
        header |= different.pop("header", {})
        claims = {
            "iss": COLLEGE,
            "sub": COLLEGE,
            "aud": f"{URL}/oauth/token",
            "iat": NOW_S,
            "exp": NOW_S + 300,
            "jti": f"assertion {self._made}".replace(" ", "-"),
            **different,
        }
        present = {name: value for name, value in claims.items() if value is not None}
        return compact(header, present, key)

    def ask_token(self, assertion: str, **different: str) -> HTTPResponse:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            **different,
        }
        body = urlencode(form).encode()
        return self.request("POST", "/oauth/token", body, {"Content-Type": FORM})


def id_of(entry: bytes) -> str:
    return entry_id(entry).hex()


def problem_of(response: HTTPResponse) -> str:
    """The name of the problem that was answered."""
    assert response.headers["Content-Type"] == MEDIA_TYPE, response.body
    type_ = response.json_body["type"]
    assert type_.startswith(BASE)
    return str(type_.removeprefix(BASE))


@cache
def document() -> dict[str, Any]:
    return describe(all_operations(), URL)


@cache
def _validator(schema: bytes) -> Draft202012Validator:
    resource: Resource[Any] = DRAFT202012.create_resource(document())
    registry: SchemaRegistry[Any] = SchemaRegistry().with_resource("urn:api", resource)
    text = schema.decode().replace('"#/components', '"urn:api#/components')
    return Draft202012Validator(json.loads(text), registry=registry)


def check_documented(method: str, path: str, response: HTTPResponse) -> None:
    described = document()["paths"][_template(path)].get(method.lower())
    if described is None:
        assert response.status_code == 405
        return
    documented = described["responses"].get(str(response.status_code))
    assert documented, f"{method} {path} answers {response.status_code}, undocumented"
    assert response.headers["X-Request-Id"]
    if not response.body:
        return
    media = response.headers["Content-Type"]
    content = documented["content"]
    assert media in content, f"{method} {path} answers {media}, undocumented"
    if "json" in media and media != "application/x-ndjson":
        schema = format_jcs(content[media]["schema"])
        _validator(schema).validate(json.loads(response.body))
    if response.status_code >= 400:
        assert media in (MEDIA_TYPE, CONCISE_MEDIA_TYPE, TLOG_SIZE)


def _template(path: str) -> str:
    parts = path.partition("?")[0].split("/")
    for template in sorted(document()["paths"]):
        names = template.split("/")
        if len(names) == len(parts) and all(
            name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
        ):
            return str(template)
    raise AssertionError(f"no route for {path}")
