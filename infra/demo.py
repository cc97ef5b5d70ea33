"""``make demo``: a university and a hospital notarise what they hold, a registrar issues
credentials and changes some, and strangers verify all of it.

Everything runs on this machine: the service on the local cloud, each party's commands with their
own settings and nothing else in their environment, and the verifier without network.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from .attesting import (
    Peers,
    attest_until_final,
    configure,
    newest_height,
    running_peers,
    trust_headers,
)
from .deploy import DeployError, Deployment
from .graduation import LEAST, graduate, judge
from .local_cloud import HOST, LocalCloudError, deploy_locally, running
from .offline import OfflineError
from .package import ROOT, PackageError
from .peers.process import PeerError
from .published import WrongFiles, check_files, empty_directory, fetch_log, promised_files
from .roster import PARTIES, Party, make_diplomas
from .stages import Command, DemoError, Facts, call, call_json, expect, stage
from .strangers import verify
from .workplace import Demo

FORMS = {
    "tlog-proof": "receipts",
    "cose": "receipts",
    "tsr": "receipts",
    "ots": "receipts",
    "entry": "entries",
}
"""The forms of a receipt, and where the demo leaves them."""

FHIR = ("--profile", "type2_diabetes", "--seed", "42")
EXIT_INTERRUPTED = 130


def run(demo: Demo) -> None:
    started_s = time.monotonic()
    empty_directory(demo.out)
    print("Starting a local cloud, and deploying the service to it", flush=True)
    shutil.rmtree(demo.work, ignore_errors=True)
    (demo.work / "keys").mkdir(parents=True, mode=0o700)
    with running(demo.work / "cloud") as cloud, running_peers(demo.work / "peers") as peers:
        deployment, _ = stage(
            lambda made: f"the service answers at {made.url}",
            lambda: deploy_locally(cloud),
        )
        operator = {**cloud.environ, **deployment.environ}
        stage(
            lambda _: (
                "two issuers made their keys and are registered; a chain of Ethereum's kind"
                " and one of Bitcoin's, and a time-stamp authority, are to attest"
            ),
            lambda: enrol(demo, peers, operator),
        )
        stage(_tell_made, lambda: make_documents(demo))
        for party in PARTIES:
            demo.seconds[party] = notarise(demo, party, deployment)
        attest(demo, peers, deployment)
        stage(_tell_exported, lambda: export(demo))
        verify(demo, peers, cloud)
        graduation = demo.graduation
        graduate(graduation, deployment)
        blocks, entries = audit(demo, deployment, operator)
        judge(graduation, (HOST, cloud.port))
    promised = promised_files(demo.all_names, demo.names[PARTIES[1]], entries)
    count = check_files(demo.out, promised | graduation.files())
    shutil.rmtree(demo.work)
    print_table(demo, blocks, entries, count, time.monotonic() - started_s)


def enrol(demo: Demo, peers: Peers, operator: Mapping[str, str]) -> None:
    """Each issuer makes its key; the operator registers the public parts, says who is to attest,
    and gives out a policy."""
    configure(peers, operator, demo.work)
    for party in PARTIES:
        key = demo.key(party)
        new = ("tally", "keys", "new", "--issuer", party.id, "--alg", party.alg, "--out", key)
        call(new, {}, demo.work)
        expect(f"the permissions of {key.name}", oct(key.stat().st_mode & 0o777), oct(0o600))
        en, zh = party.names
        public = key.with_name(f"{party.tenant}.public.json")
        add = ("tally", "operator", "issuer", "add", "--tenant", party.tenant, "--key", public)
        invented = ("--unchecked", "invented for the demo")
        call((*add, "--name-en", en, "--name-zh", zh, *invented), operator, demo.work)
    vkey = call_json(("tally", "operator", "init"), operator, demo.work)["vkey"]
    demo.policy.write_text(call(("tally", "operator", "policy"), operator, demo.work), "utf-8")
    (demo.out / "log.vkey").write_text(f"{vkey}\n", "utf-8")


def make_documents(demo: Demo) -> dict[Party, list[str]]:
    """500 diplomas from the roster, 20 bundles of invented patients from carebundle."""
    university, hospital = PARTIES
    diplomas = make_diplomas(demo.sizes[0])
    for diploma in diplomas:
        demo.document(diploma.name).write_bytes(diploma.data)
    bundles = demo.work / "bundles"
    generate = ("carebundle", "generate", *FHIR, "--count", str(demo.sizes[1]), "--out", bundles)
    call(generate, {}, demo.work)
    for path in bundles.iterdir():
        shutil.copyfile(path, demo.document(path.name))
    demo.names[university] = [diploma.name for diploma in diplomas]
    demo.names[hospital] = sorted(path.name for path in bundles.iterdir())
    made = len(list((demo.out / "documents").iterdir()))
    expect("documents", made, sum(demo.sizes[:2]))
    return demo.names


def _tell_made(names: Mapping[Party, list[str]]) -> str:
    return " and ".join(f"{len(names[party])} {party.noun}" for party in PARTIES) + " are made"


def _tell_exported(_: None) -> str:
    forms = ", ".join(form for form in FORMS if form != "ots")
    return f"each receipt is exported as {forms}, and those of documents kept as raw bytes as ots"


def notarise(demo: Demo, party: Party, deployment: Deployment) -> float:
    """One command for all of an issuer's documents; the seconds it took."""
    names = demo.names[party]
    receipts = demo.work / f"receipts-{party.tenant}"
    settings = {
        "TALLY_URL": deployment.url,
        "TALLY_KEY": str(demo.key(party)),
        "TALLY_POLICY": str(demo.policy),
    }
    files = [demo.document(name) for name in names]
    command: Command = ("tally", "notarise", *files, "--profile", party.profile, "--out", receipts)
    facts, seconds = stage(
        lambda _: f"tally notarise: {len(names)} {party.noun} of {party.names[0]}",
        lambda: call_json(command, settings, demo.work),
    )
    expect(f"documents of {party.id} with a receipt", facts["done"], len(names))
    expect(f"documents of {party.id} that were rejected", facts["rejected"], [])
    for name in names:
        shutil.copyfile(receipts / f"{name}.receipt.json", demo.receipt(name))
    return seconds


def attest(demo: Demo, peers: Peers, deployment: Deployment) -> None:
    """Wait until the newest block is attested, fetch better receipts, and trust the headers."""
    height = newest_height(deployment.url)
    stage(
        lambda told: f"block {height} is final: {', '.join(each['network'] for each in told)}",
        lambda: attest_until_final(peers, deployment, height),
    )
    refreshed, _ = stage(
        lambda told: (
            f"tally receipt refresh: {len(told['receipts'])} receipts gained, the first"
            f" {', '.join(told['receipts'][0]['gained'])}"
        ),
        lambda: refresh(demo, deployment),
    )
    gained = [each for each in refreshed["receipts"] if each.get("gained")]
    expect("receipts that gained something", len(gained), len(demo.all_names))
    trust_headers(peers, demo.receipt(demo.all_names[0]), demo.out)


def refresh(demo: Demo, deployment: Deployment) -> Facts:
    receipts = [demo.receipt(name) for name in demo.all_names]
    settings = {"TALLY_URL": deployment.url, "TALLY_POLICY": str(demo.policy)}
    return call_json(("tally", "receipt", "refresh", *receipts), settings, demo.work)


def export(demo: Demo) -> None:
    """Every form of every receipt; an OpenTimestamps proof is of a document as it is, so it is
    made of the records alone."""
    raw = [demo.receipt(name) for name in demo.names[PARTIES[1]]]
    for form, folder in FORMS.items():
        receipts = raw if form == "ots" else [demo.receipt(name) for name in demo.all_names]
        command: Command = ("tally", "receipt", "export", *receipts, "--format", form)
        settings = {"TALLY_POLICY": str(demo.policy)}
        call((*command, "--out", demo.out / folder), settings, demo.work)


def audit(demo: Demo, deployment: Deployment, operator: Mapping[str, str]) -> tuple[int, int]:
    """As a stranger over HTTP and as the operator over the store, then copy what was audited;
    the numbers of blocks and of entries."""
    vkey = (demo.out / "log.vkey").read_text("utf-8").strip()
    public, _ = stage(
        lambda facts: f"tally audit: {facts['entries']} entries in {facts['blocks']} blocks",
        lambda: call_json(("tally", "audit", deployment.url, "--vkey", vkey), {}, demo.work),
    )
    private, _ = stage(
        lambda _: "tally operator audit: the same, and every byte of the store",
        lambda: call_json(("tally", "operator", "audit"), operator, demo.work),
    )
    expect("what the operator's audit found", private, public)
    missing = len(demo.all_names) + demo.graduation.statements - public["statements"]
    expect("statements that are not in the log", max(0, missing), 0)  # the notary adds its own
    checkpoint, _ = stage(
        lambda _: "the log is copied as it is served",
        lambda: fetch_log(deployment.url, demo.out / "log"),
    )
    expect("the copied size", checkpoint.size, public["entries"])
    expect("the copied root", checkpoint.root.hex(), public["root"])
    return public["blocks"], public["entries"]


def print_table(demo: Demo, blocks: int, entries: int, files: int, seconds: float) -> None:
    print(f"\n{'issuer':<36}{'documents':>10}{'receipts':>10}{'valid':>7}{'seconds':>9}")
    for party in PARTIES:
        count = len(demo.names[party])
        print(f"{party.id:<36}{count:>10}{count:>10}{count:>7}{demo.seconds[party]:>9.1f}")
    print(f"\n{entries} entries in {blocks} blocks; {files} files in {seconds:.1f} s")
    out, name = _shown(demo.out), demo.all_names[0]
    print(f"{out}/documents, receipts, entries, credentials, status, log, headers,")
    print("policy.json, log.vkey, tsa.pem")
    print("Verify one yourself:")
    print(
        f"  .venv/bin/tally-verify {out}/documents/{name}"
        f" {out}/receipts/{name}.receipt.json --policy {out}/policy.json"
    )


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def parse_arguments() -> Demo:
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description=__doc__)
    parser.add_argument("--diplomas", type=int, default=500, help="at least 2")
    parser.add_argument("--bundles", type=int, default=20, help="at least 1")
    parser.add_argument("--graduates", type=int, default=2_000, help=f"at least {LEAST}")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "demo")
    arguments = parser.parse_args()
    if arguments.diplomas < 2 or arguments.bundles < 1:
        parser.error("the demo takes at least 2 diplomas and 1 bundle")
    if arguments.graduates < LEAST:
        parser.error(f"the demo takes at least {LEAST} graduates")
    out = arguments.out.resolve()
    work = out.with_name(f"{out.name}.work")
    return Demo(out, work, (arguments.diplomas, arguments.bundles, arguments.graduates))


def main() -> int:
    demo = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)  # so that the local cloud is stopped
    try:
        run(demo)
    except (DeployError, LocalCloudError, PackageError, PeerError) as error:
        print(f"The demo could not run: {error}", file=sys.stderr)
    except (DemoError, OfflineError, WrongFiles, httpx.HTTPError, OSError) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("The demo was interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
