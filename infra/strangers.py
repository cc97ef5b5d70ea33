"""The demo's strangers: they verify every receipt, and two frauds, without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .attesting import Peers
from .local_cloud import HOST, LocalCloud
from .offline import Offline, Pair, verify_offline
from .stages import expect, stage
from .workplace import Demo


def verify(demo: Demo, peers: Peers, cloud: LocalCloud) -> None:
    """Every receipt, and two frauds, in one process that cannot reach the network."""
    pairs = [Pair(demo.document(name), demo.receipt(name)) for name in demo.all_names]
    frauds = commit_frauds(demo)
    offline, _ = stage(
        lambda done: f"tally-verify without network ({', '.join(done.walls)})",
        lambda: verify_offline([*pairs, *frauds.values()], demo.policy, (HOST, cloud.port)),
    )
    check_verdicts(demo.all_names, list(frauds), offline)
    for check in peers.checks:
        passed = [judged for judged in offline.judged if check in judged.passed]
        expect(f"receipts for which {check} passes", len(passed), len(pairs) + len(frauds))
        print(f"          {passed[0].passed[check]}")
    print(
        "          (these are real nodes, of private chains: they prove nothing beyond this demo)"
    )


def commit_frauds(demo: Demo) -> dict[str, Pair]:
    """A diploma with another graduate's name, and a diploma beside the receipt of another."""
    mine, other = demo.all_names[:2]
    credential = json.loads(demo.document(mine).read_bytes())
    credential["credentialSubject"]["name"] = "Somebody Else"
    altered = demo.work / mine
    altered.write_text(json.dumps(credential, ensure_ascii=False, indent=2), "utf-8")
    return {
        f"{mine} with another name in it": Pair(altered, demo.receipt(mine)),
        f"{other} with the receipt of {mine}": Pair(demo.document(other), demo.receipt(mine)),
    }


def check_verdicts(names: Sequence[str], frauds: Sequence[str], offline: Offline) -> None:
    expect("verdicts", len(offline.judged), len(names) + len(frauds))
    for name, judged in zip(names, offline.judged, strict=False):
        expect(f"the exit code of tally-verify for {name}", judged.code, 0)
    print(f"          {len(names)} of {len(names)} are valid (exit 0)")
    for fraud, judged in zip(frauds, offline.judged[len(names) :], strict=True):
        expect(f"the exit code of tally-verify for {fraud}", judged.code, 1)
        expect(f"the checks that fail for {fraud}", list(judged.failed), ["document"])
        print(f"          {fraud} is invalid (exit 1): document: {judged.failed['document']}")
