"""Deploys a package with CloudFormation: to AWS, or to the local cloud at an endpoint."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from .package import Package, PackageError, make_package
from .template import environment

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3.literals import BucketLocationConstraintType

    from chalicelib.bootstrap import Service


class DeployError(Exception):
    """CloudFormation refused or rolled back; the text holds its reasons."""


@dataclass(frozen=True)
class Deployment:
    """A deployed stack. ``url`` is its public address, without a slash at the end."""

    session: boto3.Session
    stack: str
    url: str
    outputs: Mapping[str, str]
    endpoint_url: str | None = None

    @property
    def environ(self) -> dict[str, str]:
        """The functions' own settings."""
        return environment(self.outputs)

    @cached_property
    def service(self) -> Service:
        """The use cases over this stack, for operators and tests."""
        from chalicelib.adapters.aws import Clients
        from chalicelib.bootstrap import service_from_env

        return service_from_env(self.environ, Clients(self.session, self.endpoint_url))


def deploy(
    session: boto3.Session,
    package: Package,
    *,
    stack: str,
    origin: str,
    public_url: str,
    notary_id: str = "host",
    bucket: str | None = None,
    endpoint_url: str | None = None,
) -> Deployment:
    """Create or update the stack. ``notary_id`` is the notary's did:web id, or "host" for that of
    the public URL's host; ``bucket`` holds code and template (default: one made for it). Raises
    DeployError."""
    bucket = bucket or _artifact_bucket(session, stack, endpoint_url)
    template_url = _upload(session, package, bucket, endpoint_url)
    client = session.client("cloudformation", endpoint_url=endpoint_url)
    parameters = {
        "Origin": origin,
        "PublicUrl": public_url,
        "NotaryId": notary_id,
        "CodeBucket": bucket,
        "CodeKey": f"{package.digest}.zip",
    }
    _create_or_update(client, stack, template_url, parameters)
    described = client.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {out["OutputKey"]: out["OutputValue"] for out in described.get("Outputs", [])}
    return Deployment(session, stack, public_url, outputs, endpoint_url)


def format_settings(environ: Mapping[str, str]) -> str:
    """A shell script with what operators' commands read from the environment."""
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environ.items()))
    return "".join(lines)


def create_log(deployment: Deployment) -> None:
    """Make block 0 if there is no head. Never done by the service itself: to an empty table that
    a wrong restore left behind it would give a second history."""
    from chalicelib.notary import sequence

    log = deployment.service.log
    if log.chain.head() is None:
        sequence.create_log(log)


def _artifact_bucket(session: boto3.Session, stack: str, endpoint_url: str | None) -> str:
    account = session.client("sts", endpoint_url=endpoint_url).get_caller_identity()["Account"]
    name = f"{stack}-artifacts-{account}"
    s3 = session.client("s3", endpoint_url=endpoint_url)
    held = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    if name not in held:
        if s3.meta.region_name == "us-east-1":  # which is no LocationConstraint
            s3.create_bucket(Bucket=name)
        else:
            region = cast("BucketLocationConstraintType", s3.meta.region_name)
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
    return name


def _upload(session: boto3.Session, package: Package, bucket: str, endpoint_url: str | None) -> str:
    s3 = session.client("s3", endpoint_url=endpoint_url)
    s3.put_object(Bucket=bucket, Key=f"{package.digest}.zip", Body=package.code.read_bytes())
    template = json.dumps(package.template, separators=(",", ":")).encode()
    s3.put_object(Bucket=bucket, Key=f"{package.digest}.json", Body=template)
    on_aws = f"https://{bucket}.s3.{s3.meta.region_name}.amazonaws.com"
    place = f"{endpoint_url}/{bucket}" if endpoint_url else on_aws
    return f"{place}/{package.digest}.json"


def _create_or_update(
    client: CloudFormationClient, stack: str, template_url: str, parameters: Mapping[str, str]
) -> None:
    from botocore.exceptions import ClientError, WaiterError

    held = _status(client, stack)
    action = client.update_stack if held else client.create_stack
    try:
        action(
            StackName=stack,
            TemplateURL=template_url,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise DeployError(f"CloudFormation refused the stack {stack}: {error}") from error
    waiter = client.get_waiter("stack_update_complete" if held else "stack_create_complete")
    try:
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 1800})
    except WaiterError as error:
        raise DeployError(_reasons(client, stack)) from error


def _status(client: CloudFormationClient, stack: str) -> str | None:
    from botocore.exceptions import ClientError

    try:
        return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _reasons(client: CloudFormationClient, stack: str) -> str:
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [
        f"  {event.get('LogicalResourceId')}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if "FAILED" in event.get("ResourceStatus", "") and "ResourceStatusReason" in event
    ]
    return "\n".join([f"the stack {stack} failed:", *reasons])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("--stack", default="tally")
    parser.add_argument("--origin", required=True, help="the log's name, for ever")
    parser.add_argument("--public-url", required=True)
    parser.add_argument(
        "--notary-id", default="host", help="did:web:… (default: of the public URL's host)"
    )
    parser.add_argument("--bucket", help="for code and template (default: one made for the stack)")
    arguments = parser.parse_args()
    import boto3

    try:
        deployment = deploy(
            boto3.Session(),
            make_package("prod"),
            stack=arguments.stack,
            origin=arguments.origin,
            public_url=arguments.public_url,
            notary_id=arguments.notary_id,
            bucket=arguments.bucket,
        )
        create_log(deployment)
    except (DeployError, PackageError) as error:
        print(error, file=sys.stderr)
        return 1
    print(format_settings(deployment.environ), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
