"""Nothing personal stays with the service: documents full of canaries go through a deployment, and
so do refusals, faults and junk; then everything that it keeps is searched for them."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from chalicelib.cli.http import Http
from chalicelib.cli.keyfile import IssuerSigner, read_key
from chalicelib.cli.tokens import tokens_for
from chalicelib.notary.ports import Issuer, IssuerKey
from chalicelib.notary.profiles import profiles
from chalicelib.notary.publish import register_notary
from chalicelib.proof.cbor import encode
from chalicelib.proof.credentials.vcdm import V2
from chalicelib.proof.erasure import MEDIA_TYPE as ERASURE_TYPE
from chalicelib.proof.hashes import sha256, sm3
from chalicelib.proof.keys import EDDSA, ES256, SigningKey, parse_jwk
from chalicelib.proof.payload import Register
from chalicelib.proof.receipt import parse_receipt
from chalicelib.proof.statement import sign_statement
from infra.deploy import Deployment
from infra.local_cloud import deploy_locally, running
from tests.cli.desk import tally, tally_json
from tests.cli.registrar import csv_text
from tests.e2e.canaries import (
    AILMENT,
    ALL_TRACES,
    ARABIC,
    BIRTHDATE,
    CANARIES,
    CHINESE,
    HOST,
    NAME,
    NATIONAL,
    STUDENT,
    WELSH,
    everything,
    search,
)
from tests.e2e.test_life import publish
from tests.fakes import key_named

ISSUER = "did:web:registry.canary.example"
HOUSE = "did:web:house.canary.example"
PEOPLE = (NAME, WELSH, CHINESE, ARABIC)
HEADER = ("/name", "/student_number", "/birthdate", "/award/title", "/award/level", "/awarded_on")
PATIENCE_S = 60


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment of its own: what others keep, or plant, is not looked for here."""
    with running(tmp_path_factory.mktemp("canaries")) as local:
        yield deploy_locally(local)


@dataclass
class Office:
    """A registrar whose documents are full of canaries. ``urls`` are those in answers."""

    cloud: Deployment
    path: Path
    urls: list[str] = field(default_factory=list)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    def __post_init__(self) -> None:
        self.key, self.out = self.path / "key.json", self.path / "receipts"
        made = tally_json("keys", "new", "--issuer", ISSUER, "--out", self.key)
        names = {"en": "A Registry", "zh": "某注册处"}
        key = IssuerKey(parse_jwk(made["jwk"]), 0)
        self.cloud.service.registry.put_issuer(Issuer(ISSUER, "canary", names, (key,)))
        self.policy = self.path / "policy.json"
        self.policy.write_bytes(self.send("GET", "/v1/policy").content)

    def write(self, name: str, data: bytes) -> Path:
        path = self.path / name
        path.write_bytes(data)
        return path

    def run(self, *arguments: object, code: int = 0) -> Any:
        result = tally(*arguments, "--url", self.cloud.url)
        assert result.exit_code == code, result.output
        return result

    def send(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        url = self.cloud.url + path
        answer = self.client.request(method, url, content=content, headers=headers)
        self.urls += [answer.headers.get(name, "") for name in ("Location", "Link")]
        return answer

    def token(self) -> dict[str, str]:
        with Http(self.cloud.url) as http:
            tokens = tokens_for(http, read_key(self.key), None)
            return {"Authorization": f"Bearer {tokens.current()}"}


def claims(number: int) -> dict[str, object]:
    return {
        "name": PEOPLE[number],
        "student_number": f"{STUDENT}{number}",
        "birthdate": BIRTHDATE,
        "national_id": NATIONAL,
        "note": AILMENT,
    }


@pytest.fixture(scope="module")
def office(cloud: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """The whole run; what it left behind is for the tests."""
    office = Office(cloud, tmp_path_factory.mktemp("office"))
    service = cloud.service
    assert service.notary is not None
    register_notary(service.notary, service.registry, service.log)
    _notarise(office)
    _issue(office)
    _live(office)
    _refused(office)
    _junk(office)
    _uploads(office)
    _in_custody(office)
    publish(cloud)
    return office


def _notarise(office: Office) -> None:
    files = [
        office.write(f"{PEOPLE[n]}.json", json.dumps(claims(n), ensure_ascii=False).encode())
        for n in range(4)
    ]
    files.append(office.write(f"{STUDENT}.pdf", f"%PDF-1.7 {NAME} {BIRTHDATE}".encode("utf-16")))
    common = ("--out", office.out, "--key", office.key)
    office.run("notarise", *files, "--profile", "education/diploma", *common)
    record = json.dumps({"resourceType": "Bundle", "type": "document", "entry": [claims(2)]})
    files = [office.write(f"{NATIONAL}.json", record.encode())]
    office.run("notarise", *files, "--profile", "healthcare/record", *common)


def _issue(office: Office) -> None:
    rows = [
        (person, f"{STUDENT}{n}", BIRTHDATE, f"Bachelor of {AILMENT}", "bachelor", "2025-07-09")
        for n, person in enumerate(PEOPLE[:3])
    ]
    roster = office.write(f"{NAME}.csv", csv_text(rows, HEADER).encode("gb18030"))
    order = ("issue", roster, "--profile", "education/diploma", "--key", office.key)
    office.run(*order, "--out", office.path / "issued", "--form", "both", "--encoding", "gb18030")


def _live(office: Office) -> None:
    """Suspended, reinstated, revoked, superseded, refreshed, audited, erased."""
    receipt = office.out / f"{NAME}.json.receipt.json"
    other = office.out / f"{CHINESE}.json.receipt.json"
    for command, reason in (("suspend", "under-review"), ("reinstate", "review-closed")):
        time.sleep(1.1)  # times of changes are in seconds
        office.run(command, receipt, "--reason", reason, "--key", office.key)
        publish(office.cloud)
    office.run("revoke", receipt, "--reason", "misconduct", "--key", office.key)
    time.sleep(1.1)
    office.run("revoke", receipt, "--reason", "other", "--key", office.key, code=1)
    new = office.write(f"{CHINESE}-2.json", json.dumps({**claims(2), "v": 2}).encode())
    office.run("supersede", other, new, "--out", office.out, "--key", office.key)
    publish(office.cloud)
    office.run("receipt", "refresh", *office.out.glob("*.receipt.json"))
    erase = ("erase", f"{NAME}.json", "--out", office.out, "--key", office.key, "--yes")
    assert tally(*erase).exit_code == 0
    assert tally("audit", office.cloud.url, "--policy", office.policy).exit_code == 0


def _refused(office: Office) -> None:
    """Statements that are refused, alone and in bulk, and questions that cannot be answered."""
    token, key = office.token(), SigningKey.generate()
    host = f"did:web:{HOST}.example"
    statements = [
        sign_statement(Register(profile, "raw", sha256(b"a"), sm3(b"a")), iss, uuid4().urn, 1, by)
        for profile, iss, by in (
            (f"education/{AILMENT}", ISSUER, read_key(office.key).key),
            ("education/diploma", host, key),
            ("education/diploma", ISSUER, key),
        )
    ]
    cose = {**token, "Content-Type": "application/scitt-statement+cose"}
    for entry in statements:
        assert office.send("POST", "/entries", entry, cose).status_code in (400, 403)
    keys = [encode(each) for each in CANARIES]
    junk = [*keys, *(b"\xa2" + key + b"\x01" + key + b"\x02" for key in keys)]
    bulk = {**token, "Content-Type": "application/cbor-seq"}
    answer = office.send("POST", "/entries", b"".join([*junk, *statements]), bulk)
    assert answer.json()["accepted"] == 0, answer.text
    document = json.dumps(claims(1)).encode()
    receipt = next(office.out.glob("*.pdf.receipt.json")).read_bytes()
    for given in (receipt, document):
        body = {"receipt": b64encode(given).decode(), "document": b64encode(document).decode()}
        office.send("POST", "/v1/verify", json.dumps(body).encode(), _JSON)


_JSON = {"Content-Type": "application/json"}
_AT_ONCE = 4

Sent = tuple[str, str, bytes, dict[str, str]]
"""Method, path, body and headers."""


def _junk(office: Office) -> None:
    """Canaries in bodies, headers, paths, queries, tokens and forms, in every writing."""
    token = office.token()
    requests = [each for canary in CANARIES for each in _requests_with(canary, token)]
    deep = b'{"' + NAME.encode() + b'":' + b"[" * 5_000
    requests.append(("POST", "/v1/verify", deep, _JSON))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda each: office.send(*each), requests))
    assert {answer.status_code // 100 for answer in answers} == {4}


def _requests_with(canary: str, token: dict[str, str]) -> Iterator[Sent]:
    escaped = quote(canary, "")
    header = {"X-Student": escaped, "User-Agent": escaped, "Idempotency-Key": escaped}
    for path in (
        *(f"/entries/{escaped}", f"/v1/receipts/{escaped}", f"/v1/jobs/{escaped}"),
        *(f"/v1/issuers/did:web:{escaped}/profile", f"/v1/issuers/{ISSUER}/status/{escaped}"),
        *(f"/tile/0/{escaped}", f"/v1/blocks/{escaped}", f"/v1/blocks?from={escaped}"),
        *(f"/{escaped}", f"/checkpoint?{escaped}={escaped}", f"/.well-known/{escaped}"),
    ):
        yield "GET", path, b"", header
    for trace in list(ALL_TRACES[canary])[:4]:
        for path, media, bearer in (
            ("/entries", "application/scitt-statement+cose", token),
            ("/entries", escaped, token),
            ("/v1/uploads", "application/json", token),
            ("/entries", "application/scitt-statement+cose", _bearer(canary)),
            ("/v1/verify", "application/json", {}),
            ("/add-checkpoint", "text/plain", {}),
        ):
            yield "POST", path, trace, {**header, "Content-Type": media, **bearer}
    form = f"grant_type=client_credentials&client_id={escaped}&client_assertion={escaped}"
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    yield "POST", "/oauth/token", f"{form}&scope={escaped}".encode(), sent
    members = {"bytes": 1, "sha-256": canary, canary: canary}
    yield "POST", "/v1/uploads", json.dumps(members).encode(), {**_JSON, **token}


def _bearer(canary: str) -> dict[str, str]:
    """A token that says whose it is, and is none."""
    parts = [b64encode(json.dumps(each).encode()).decode() for each in ({"alg": "none"}, canary)]
    return {"Authorization": f"Bearer {parts[0]}.{parts[1]}."}


def _uploads(office: Office) -> None:
    """A roster where a sequence of statements was expected: the wrong file, sent by mistake."""
    body = csv_text([(person, BIRTHDATE) for person in PEOPLE], ("Name", "Born")).encode()
    headers = {**_JSON, **office.token()}
    asked = json.dumps({"bytes": len(body), "sha-256": sha256(body).hex()}).encode()
    opened = office.send("POST", "/v1/uploads", asked, headers).json()
    put = opened["upload"]
    office.urls.append(put["url"])
    httpx.put(put["url"], content=body, headers=put["headers"]).raise_for_status()
    end_s = time.monotonic() + PATIENCE_S
    while True:
        job = office.send("GET", f"/v1/jobs/{opened['job']}", headers=headers).json()
        if job["state"] in ("done", "failed"):
            break
        assert time.monotonic() < end_s, job
        time.sleep(0.3)
    assert job["accepted"] == 0


@pytest.fixture(scope="module")
def kept(office: Office) -> list[tuple[str, bytes]]:
    urls = "\n".join(office.urls).encode()
    return [*everything(office.cloud), ("URLs in answers", urls)]


def _in_custody(office: Office) -> None:
    """Documents, claims and a roster of who cannot sign; with what is refused of them."""
    service, key = office.cloud.service, key_named(HOUSE)
    made = [service.custody.issuer_keys.make(HOUSE, alg, 0) for alg in (ES256, EDDSA)]
    keys = (IssuerKey(key.public, 0), *made)
    service.registry.put_issuer(Issuer(HOUSE, "house", {"en": "A House", "zh": "某院"}, keys))
    with Http(office.cloud.url) as http:
        tokens = tokens_for(http, IssuerSigner(HOUSE, key), None, "documents:issue jobs:read")
        token = {"Authorization": f"Bearer {tokens.current()}", "Prefer": "wait=20"}
    sample: Any = profiles()["education/diploma"].sample
    claims = {**sample, "name": CHINESE, "student_number": STUDENT, "birthdate": BIRTHDATE}
    document = b64encode(f"%PDF {NAME} {NATIONAL} {AILMENT}".encode()).decode()
    common = {"issuer": HOUSE, "profile": "education/diploma"}
    orders: list[tuple[dict[str, object], int]] = [
        ({"claims": claims}, 201),
        ({"document": document}, 201),
        ({"claims": {**claims, "birthdate": WELSH, ARABIC: NAME}}, 400),
        ({"claims": {NAME: STUDENT}}, 400),
        ({"document": document, "profile": AILMENT}, 400),
    ]
    for number, (members, status) in enumerate(orders):
        sent = {**_JSON, **token, "Idempotency-Key": f'"{quote(NAME)}-{number}"'}
        answer = office.send("POST", "/v1/documents", _json({**common, **members}), sent)
        assert answer.status_code == status, answer.text
    again = {**_JSON, **token, "Idempotency-Key": f'"{quote(NAME)}-0"'}
    other = _json({**common, "document": document})
    assert office.send("POST", "/v1/documents", other, again).status_code == 422
    _roster_in_custody(office, token)
    _of_w3cs_model(office, token)


def _of_w3cs_model(office: Office, token: dict[str, str]) -> None:
    """Issued and destroyed again, or refused."""
    value = {"@context": [V2], "type": ["VerifiableCredential"], "issuer": HOUSE}
    subject = {"name": CHINESE, "birthdate": BIRTHDATE, "identifier": STUDENT}
    for members, status in (
        ({"credentialSubject": subject}, 201),
        ({"credentialSubject": subject, "issuer": f"did:web:{HOST}.example"}, 403),
        ({"credentialSubject": subject, "type": [NAME]}, 400),
        ({"credentialSubject": {}, NAME: AILMENT}, 400),
    ):
        body = _json({"credential": {**value, **members}})
        sent = {**_JSON, **token, "Idempotency-Key": f'"{quote(NAME)}-{status}"'}
        answer = office.send("POST", "/credentials/issue", body, sent)
        assert answer.status_code == status, answer.text
        if status == 201:
            where = f"/v1/documents/{answer.json()['id']}"
    gone = office.send("DELETE", where, headers=token)
    assert gone.headers["Content-Type"] == ERASURE_TYPE, gone.text


def _roster_in_custody(office: Office, token: dict[str, str]) -> None:
    good = [(each, STUDENT + each[0], BIRTHDATE, "B", "bachelor", "2025-07-09") for each in PEOPLE]
    bad = [(f"={NAME}", NATIONAL, WELSH, AILMENT, CHINESE, ARABIC)]
    path = f"/v1/jobs?issuer={HOUSE}&profile=education/diploma&form=sd-jwt-vc"
    sent = {"Content-Type": "text/csv", **token}
    for header, status in ((HEADER, 201), ((*HEADER[:-1], NAME), 400)):
        roster = csv_text([*good, *bad], header).encode()
        answer = office.send("POST", path, roster, {**sent, "Idempotency-Key": f'"{uuid4()}"'})
        assert answer.status_code == status, answer.text
        if status == 201:
            job = answer.json()["job"]
    end_s = time.monotonic() + PATIENCE_S
    while (found := office.send("GET", f"/v1/jobs/{job}", headers=token).json())["state"] != "done":
        assert time.monotonic() < end_s, found
        time.sleep(0.5)
    assert (found["accepted"], found["rejected_count"]) == (4, 1)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def test_it_was_a_full_run(office: Office, kept: list[tuple[str, bytes]]) -> None:
    """Else there would be nothing to find anything in."""
    receipts = [parse_receipt(path.read_bytes()) for path in office.path.rglob("*.receipt.json")]
    assert len(receipts) == 4 + 1 + 1 + 6 + 1
    head = office.cloud.service.log.chain.head()
    assert head is not None
    assert head.block.size > len(receipts)
    places = " ".join(place for place, _ in kept)
    for kind in ("table ", "s3://", "log ", "queue ", "alarms", "functions", "keys"):
        assert kind in places
    lines = [json.loads(data) for _, data in kept if data.startswith(b'{"request":')]
    problems = {line.get("problem") for line in lines}
    junk = {"malformed-cbor", "malformed-json", "invalid-token", "bad-query", "bad-locator"}
    refused = {"unknown-profile", "unknown-issuer", "unknown-key", "unsupported-media-type"}
    assert junk | refused <= problems


def test_nothing_personal_is_kept(kept: list[tuple[str, bytes]]) -> None:
    assert search(kept) == []


# --- The control: what is planted is found


def _in_a_table(deployed: Deployment, data: bytes) -> Callable[[], object]:
    client = deployed.session.client("dynamodb", endpoint_url=deployed.endpoint_url)
    key = {"kind": {"S": "planted"}, "id": {"S": "planted"}}
    table = deployed.outputs["RegistryTable"]
    client.put_item(TableName=table, Item={**key, "data": {"B": data}})
    return lambda: client.delete_item(TableName=table, Key=key)


def _in_an_object(deployed: Deployment, data: bytes) -> Callable[[], object]:
    client = deployed.session.client("s3", endpoint_url=deployed.endpoint_url)
    bucket = deployed.outputs["WorkBucket"]
    put = client.put_object(Bucket=bucket, Key="planted", Body=data)
    return lambda: client.delete_object(Bucket=bucket, Key="planted", VersionId=put["VersionId"])


def _in_an_old_version(deployed: Deployment, data: bytes) -> Callable[[], object]:
    remove = _in_an_object(deployed, data)
    other = _in_an_object(deployed, b"")
    return lambda: (remove(), other())


def _in_a_log(deployed: Deployment, data: bytes) -> Callable[[], object]:
    client = deployed.session.client("logs", endpoint_url=deployed.endpoint_url)
    group = f"/aws/lambda/{deployed.stack}-api"
    client.create_log_stream(logGroupName=group, logStreamName="planted")
    client.put_log_events(
        logGroupName=group,
        logStreamName="planted",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": data.decode("latin-1")}],
    )
    return lambda: client.delete_log_stream(logGroupName=group, logStreamName="planted")


def _in_a_queue(deployed: Deployment, data: bytes) -> Callable[[], object]:
    client = deployed.session.client("sqs", endpoint_url=deployed.endpoint_url)
    url = client.create_queue(QueueName="planted")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=data.decode("latin-1"))
    return lambda: client.delete_queue(QueueUrl=url)


PLACES = {
    "an item": _in_a_table,
    "an object": _in_an_object,
    "an old version": _in_an_old_version,
    "a log line": _in_a_log,
    "a message": _in_a_queue,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_canary_is_found(cloud: Deployment, place: str) -> None:
    remove = PLACES[place](cloud, b'{"who": "' + STUDENT.encode() + b'"}')
    try:
        found = {canary for _, canary, _ in search(everything(cloud))}
    finally:
        remove()
    assert found == {STUDENT}


@pytest.mark.parametrize("canary", CANARIES)
def test_in_whatever_writing(canary: str) -> None:
    """In the middle of other bytes, at every alignment, compressed or not."""
    for trace, told in ALL_TRACES[canary].items():
        assert any(each[1] == canary for each in search([("here", b"xyz" + trace + b"abc")])), told
    for charset in ("utf-8", "utf-16", "gb18030"):
        text = canary.encode(charset)
        for before in (b"", b"a", b"ab"):
            for coded in (b64encode(before + text + b"z"), (before + text).hex().encode()):
                for data in (coded, gzip.compress(coded), gzip.compress(gzip.compress(coded))):
                    assert canary in {each[1] for each in search([("here", data)])}


def test_what_is_none_is_not_found() -> None:
    """So that finding something means something."""
    samples = [json.dumps(each.sample, ensure_ascii=False) for each in profiles().values()]
    assert search([("samples", "\n".join(samples).encode())]) == []
