"""The local cloud: one MiniStack process on 127.0.0.1, and the service deployed to it.

``python -m infra.local_cloud serve`` runs both until Ctrl-C and keeps their state.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .deploy import DeployError, Deployment, create_log, deploy, format_settings
from .gateway import spell_out_answers
from .package import ROOT, PackageError, make_package
from .template import FUNCTIONS, Template

if TYPE_CHECKING:
    import boto3

PYTHON = ROOT / ".venv-cloud" / "bin" / "python"
HOST = "127.0.0.1"
REGION = "us-east-1"
START_S = 30.0
STOP_S = 30.0
SERVE_PORT = 4599
ORIGIN = "tally.example/local"
API = ("RestAPI", "RestAPIStage")


class LocalCloudError(Exception):
    """The local cloud does not run; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A running MiniStack. ``state`` is its directory: log, temporary files, kept state."""

    port: int
    state: Path
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """What makes botocore in any process talk to this cloud and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def session(self) -> boto3.Session:
        import boto3

        return boto3.Session("test", "test", region_name=REGION)

    def stop(self) -> None:
        """Ask it to save and end, and wait until it has. Raises LocalCloudError if it had to be
        killed."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise LocalCloudError(f"the local cloud did not stop in {STOP_S:.0f} s") from None
        shutil.rmtree(self.state / "tmp", ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    state: Path, port: int | None = None, *, keep: bool = False, network: str = ""
) -> LocalCloud:
    """Start a local cloud and wait until it answers. With ``keep`` it saves its state in ``state``
    when it stops and finds it there at the next start. Its functions call the cloud at the URL
    ``network``, if there is one, and not directly. Raises LocalCloudError."""
    if not PYTHON.exists():
        raise LocalCloudError("the local cloud is not installed: run make setup")
    port = port or free_port()
    if _answers(port):
        raise LocalCloudError(
            f"something answers on {HOST}:{port} already: choose another port, as in"
            " make serve PORT=4600"
        )
    temporary = state / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with (state / "local-cloud.log").open("ab") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "ministack"],
            cwd=state,
            env={
                **_environ(state, port, keep=keep),
                "AWS_ENDPOINT_URL": network or f"http://{HOST}:{port}",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we end it when we are done
        )
    cloud = LocalCloud(port, state, process)
    try:
        _wait_until_ready(cloud)
    except BaseException:  # also when interrupted: nobody else knows the process
        cloud.stop()
        raise
    return cloud


@contextlib.contextmanager
def running(
    state: Path, port: int | None = None, *, keep: bool = False, network: str = ""
) -> Iterator[LocalCloud]:
    cloud = start(state, port, keep=keep, network=network)
    try:
        yield cloud
    finally:
        cloud.stop()


def deploy_locally(
    cloud: LocalCloud, stack: str = "tally", origin: str = ORIGIN, receiver: str = ""
) -> Deployment:
    """Package what is checked out, deploy it to the cloud, and create its log if there is none.
    ``receiver`` is what stands for all hosts of webhooks (``TALLY_TEST_RECEIVER``)."""
    package = make_package("local")
    # MiniStack lets a tag choose the API's id, so the functions can be told their address at once.
    # It replaces an API whose definition changed, so the id names the definition.
    api, stage = (package.template["Resources"][each]["Properties"] for each in API)
    name = f"{stack}{hashlib.sha256(json.dumps(api['Body']).encode()).hexdigest()[:8]}"
    api["Tags"] = [{"Key": "ms-custom-id", "Value": name}]
    spell_out_answers(package.template)
    if receiver:
        _receive_at(receiver, package.template)
    deployment = deploy(
        cloud.session(),
        package,
        stack=stack,
        origin=origin,
        public_url=f"{cloud.endpoint}/restapis/{name}/{stage['StageName']}/_user_request_",
        endpoint_url=cloud.endpoint,
    )
    create_log(deployment)
    return deployment


def _receive_at(receiver: str, template: Template) -> None:
    """No template that is deployed to AWS has this setting."""
    for name in FUNCTIONS:
        environment = template["Resources"][name]["Properties"]["Environment"]
        environment["Variables"]["TALLY_TEST_RECEIVER"] = receiver


def _environ(state: Path, port: int, *, keep: bool) -> dict[str, str]:
    """Nothing of ours but PATH: MiniStack hands its environment on to the functions."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(state),
        "TMPDIR": str(state / "tmp"),
        "LANG": "C.UTF-8",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "1" if keep else "0",
        "STATE_DIR": str(state / "kept"),
        "S3_PERSIST": "1" if keep else "0",
        "S3_DATA_DIR": str(state / "kept" / "objects"),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }


def _wait_until_ready(cloud: LocalCloud) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if cloud.process.poll() is not None:
            break
        if _answers(cloud.port):
            return
        time.sleep(0.05)
    raise LocalCloudError(f"the local cloud did not start: see {cloud.state / 'local-cloud.log'}")


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/_ministack/health", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def serve(port: int, state: Path) -> None:
    """Run the service until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print(f"Starting the local cloud on {HOST}:{port}, its state in {state}", flush=True)
    with running(state, port, keep=True) as cloud:
        print("Deploying Tally", flush=True)
        deployment = _deploy_to_kept(cloud)
        settings = write_settings(deployment, cloud)
        print(f"Tally answers at {deployment.url}")
        print(f"For operators' commands in another shell: source {settings}")
        print("Ctrl-C stops it.", flush=True)
        while not stop.wait(1.0):
            if cloud.process.poll() is not None:
                raise LocalCloudError(f"the local cloud ended: see {state / 'local-cloud.log'}")
        print("Stopping: saving the state", flush=True)


def write_settings(deployment: Deployment, cloud: LocalCloud) -> Path:
    """A shell script with what operators' commands read from the environment."""
    path = cloud.state / "settings.sh"
    path.write_text(format_settings({**cloud.environ, **deployment.environ}), "utf-8")
    return path


def _deploy_to_kept(cloud: LocalCloud) -> Deployment:
    from chalicelib.notary.log import StaleRestore

    try:
        return deploy_locally(cloud)
    except StaleRestore as error:
        raise LocalCloudError(
            f"{error}. The local cloud was killed before it could save its tables: delete"
            f" {cloud.state} to begin with an empty log"
        ) from error


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local_cloud", description=__doc__)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--port", type=int, default=SERVE_PORT)
    parser.add_argument("--state", type=Path, default=ROOT / "var" / "serve")
    arguments = parser.parse_args()
    try:
        serve(arguments.port, arguments.state)
    except (DeployError, LocalCloudError, PackageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
