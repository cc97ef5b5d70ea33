"""The deployed service, over HTTP: 8,000 documents with one command, and single requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx

from chalicelib.cli.keyfile import new_key
from chalicelib.notary.limits import WAIT_S
from chalicelib.proof.receipt import MEDIA_TYPE, parse_receipt
from infra.deploy import Deployment
from infra.graduates import format_roster, make_graduates
from infra.stages import Command, call, call_json, expect
from tests.proof.world import ISSUER

from .measure import Results
from .people import PROFILE, enrol, new_entries, token_form
from .samples import make_document


def bulk(deployment: Deployment, documents: int = 8_000) -> Results:
    """Wall seconds of ``tally notarise``: files of 2 KB JSON (canonicalised as jcs) to receipts."""
    with TemporaryDirectory() as directory:
        work = Path(directory)
        signer, _ = new_key(ISSUER, "EdDSA", work / "key.json")
        enrol(deployment.service, signer.key)
        policy = work / "policy.json"
        policy.write_bytes(httpx.get(f"{deployment.url}/v1/policy").content)
        files = list(_write_documents(work / "documents", documents))
        settings = {
            "TALLY_URL": deployment.url,
            "TALLY_KEY": str(work / "key.json"),
            "TALLY_POLICY": str(policy),
        }
        command: Command = (
            "tally",
            "notarise",
            *files,
            "--profile",
            PROFILE,
            "--out",
            work / "receipts",
        )
        started = time.perf_counter()
        facts = call_json(command, settings, work)
        seconds = time.perf_counter() - started
        expect("documents with a receipt", facts["done"], documents)
        last = work / "receipts" / f"{files[-1].name}.receipt.json"
        call(("tally-verify", files[-1], last, "--policy", policy), {}, work)
    return {"bulk_8000_s": seconds}


def roster(deployment: Deployment, graduates: int = 8_000) -> Results:
    """Wall seconds of ``tally issue``: a roster to SD-JWT VCs and their receipts."""
    with TemporaryDirectory() as directory:
        work = Path(directory)
        signer, _ = new_key(ISSUER, "EdDSA", work / "key.json")
        enrol(deployment.service, signer.key)
        (work / "roster.csv").write_bytes(format_roster(make_graduates(graduates)))
        settings = {"TALLY_URL": deployment.url, "TALLY_KEY": str(work / "key.json")}
        names = ("--profile", PROFILE, "--out", work / "issued")
        started = time.perf_counter()
        facts = call_json(("tally", "issue", work / "roster.csv", *names), settings, work)
        seconds = time.perf_counter() - started
        expect("rows that were issued", len(facts["issued"]), graduates)
    return {"issue_8000_s": seconds}


def _write_documents(directory: Path, count: int) -> Iterator[Path]:
    directory.mkdir()
    for number in range(count):
        path = directory / f"diploma-{number:05}.json"
        path.write_bytes(make_document(number))
        yield path


def single(deployment: Deployment, requests: int = 200, clients: int = 4) -> Results:
    """Seconds from submission to receipt, each a POST that prefers to wait, several clients at a
    time; the first of each client, which may start a function, is not counted."""
    enrol(deployment.service)
    entries = list(new_entries(requests + clients))
    with httpx.Client(base_url=deployment.url, timeout=40.0) as http:
        token = _sign_in(http)

        def register(entry: bytes) -> float:
            return _register(http, token, entry)

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(register, entries[:clients]))
            taken = sorted(pool.map(register, entries[clients:]))
    cuts = quantiles(taken, n=100, method="inclusive")
    return {"receipt_p50_s": cuts[49], "receipt_p99_s": cuts[98]}


def _sign_in(http: httpx.Client) -> str:
    url = f"{http.base_url}oauth/token"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http.post("/oauth/token", content=token_form(url), headers=headers)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def _register(http: httpx.Client, token: str, entry: bytes) -> float:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/scitt-statement+cose",
        "Accept": MEDIA_TYPE,
        "Prefer": f"wait={WAIT_S}",
    }
    started = time.perf_counter()
    answer = http.post("/entries", content=entry, headers=headers)
    taken = time.perf_counter() - started
    expect("the status of a submission", answer.status_code, 201)
    expect("the entry in the receipt", parse_receipt(answer.content).statement.entry, entry)
    return taken
