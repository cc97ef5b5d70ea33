"""What the completed template promises an operator."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.kms_custody import DEPLOYMENT_TAG
from chalicelib.bootstrap import TEST_RECEIVER, service_from_env
from chalicelib.notary.limits import DRAIN_MS
from infra.package import make_package
from infra.template import ARCHITECTURES, ENVIRONMENT, FUNCTIONS, UnexpectedTemplate, complete

Resource = dict[str, Any]


@pytest.fixture(scope="session")
def resources() -> dict[str, Resource]:
    found: dict[str, Resource] = make_package("local").template["Resources"]
    return found


def of_type(resources: dict[str, Resource], kind: str) -> Iterator[tuple[str, Resource]]:
    found = [(name, body) for name, body in resources.items() if body["Type"] == kind]
    assert found
    return iter(found)


def test_every_function_gets_the_settings_that_bootstrap_reads(
    resources: dict[str, Resource],
) -> None:
    for _, function in of_type(resources, "AWS::Serverless::Function"):
        variables = function["Properties"]["Environment"]["Variables"]
        service = service_from_env({name: f"the {name}" for name in variables})
        assert service.public_url == "the TALLY_PUBLIC_URL"


def test_every_setting_is_an_output_too(resources: dict[str, Resource]) -> None:
    outputs = make_package("local").template["Outputs"]
    assert {outputs[name]["Value"]["Ref"] for name in ENVIRONMENT.values()} == set(
        ENVIRONMENT.values()
    )


def test_every_function_has_a_role_of_its_own_without_wildcard_actions(
    resources: dict[str, Resource],
) -> None:
    roles = []
    for _, function in of_type(resources, "AWS::Serverless::Function"):
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        roles.append(role)
        for policy in resources[role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert "*" not in json.dumps(statement["Action"])
                assert statement["Resource"] != "*"
    assert len(set(roles)) == len(roles) == 7


def test_only_the_sequencing_functions_sign_with_the_log_key(
    resources: dict[str, Resource],
) -> None:
    signers = {
        name
        for name, role in of_type(resources, "AWS::IAM::Role")
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Sign" in statement["Action"] and "LogKey" in json.dumps(statement["Resource"])
    }
    assert signers == {"SequencerRole", "SweepRole"}


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("ChainKey", "AttesterRole"),
        ("WitnessKey", "ApiHandlerRole"),
        ("NotaryKey", "PublisherRole"),
        ("StatusKey", "PublisherRole"),
    ],
)
def test_each_other_key_is_used_by_one_function(
    resources: dict[str, Resource], key: str, role: str
) -> None:
    signers = {
        name
        for name, found in of_type(resources, "AWS::IAM::Role")
        for policy in found["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Sign" in statement["Action"] and key in json.dumps(statement["Resource"])
    }
    assert signers == {role}


@pytest.mark.parametrize(
    ("action", "role"), [("kms:Encrypt", "ApiHandlerRole"), ("kms:Decrypt", "DelivererRole")]
)
def test_secrets_of_webhooks_are_sealed_by_one_function_and_opened_by_another(
    resources: dict[str, Resource], action: str, role: str
) -> None:
    users = {
        (name, json.dumps(statement["Resource"]))
        for name, found in of_type(resources, "AWS::IAM::Role")
        for policy in found["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if action in statement["Action"] and "CustodyKey" not in json.dumps(statement["Resource"])
    }
    assert users == {(role, json.dumps({"Fn::GetAtt": ["WebhookKey", "Arn"]}))}


def test_no_template_lets_webhooks_reach_this_machine(resources: dict[str, Resource]) -> None:
    assert TEST_RECEIVER not in ENVIRONMENT
    assert TEST_RECEIVER not in json.dumps(make_package("local").template)


def test_what_holds_the_log_outlives_the_stack_and_an_operators_mistake(
    resources: dict[str, Resource],
) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"):
        for name, body in of_type(resources, kind):
            assert body["DeletionPolicy"] == body["UpdateReplacePolicy"] == "Retain", name
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"], name
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] != (name == "DocumentsTable"), name


def test_what_is_kept_of_documents_cannot_be_brought_back(resources: dict[str, Resource]) -> None:
    table = resources["DocumentsTable"]["Properties"]
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_s", "Enabled": True}
    assert "StreamSpecification" not in table
    [index] = table["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_functions_sign_with_issuers_keys_of_this_deployment_alone(
    resources: dict[str, Resource],
) -> None:
    """The service's own keys have no such tag."""
    broad = {
        name: (statement["Action"], statement.get("Condition"))
        for name, role in of_type(resources, "AWS::IAM::Role")
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if ":key/*" in json.dumps(statement["Resource"])
    }
    tag = {f"aws:ResourceTag/{DEPLOYMENT_TAG}": {"Ref": "DocumentsTable"}}
    permitted = (["kms:Sign"], {"StringEquals": tag})
    assert broad == {"ApiHandlerRole": permitted, "AdmitUploadRole": permitted}
    for _, key in of_type(resources, "AWS::KMS::Key"):
        assert "Tags" not in key["Properties"]


def test_only_who_issues_unwraps_what_is_kept(resources: dict[str, Resource]) -> None:
    users = {
        name
        for name, role in of_type(resources, "AWS::IAM::Role")
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "CustodyKey" in json.dumps(statement["Resource"])
    }
    assert users == {"ApiHandlerRole", "AdmitUploadRole"}


def test_what_an_operator_deletes_from_a_bucket_can_be_brought_back(
    resources: dict[str, Resource],
) -> None:
    for name, bucket in of_type(resources, "AWS::S3::Bucket"):
        assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}, name


def test_every_queue_of_work_reports_single_failures_and_has_dead_letters_with_an_alarm(
    resources: dict[str, Resource],
) -> None:
    watched = {
        body["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for _, body in of_type(resources, "AWS::CloudWatch::Alarm")
        if body["Properties"]["Namespace"] == "AWS/SQS"
    }
    fed = []
    for name, function in of_type(resources, "AWS::Serverless::Function"):
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                source = event["Properties"]
                assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
                queue = resources[source["Queue"]["Fn::GetAtt"][0]]["Properties"]
                assert queue["VisibilityTimeout"] > function["Properties"]["Timeout"], name
                fed.append(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0])
    assert set(fed) == watched
    assert len(fed) == 2


def test_only_failed_work_becomes_a_dead_letter(resources: dict[str, Resource]) -> None:
    """Pollers receive for a function that has no room, and count that as a failure."""
    for name, function in of_type(resources, "AWS::Serverless::Function"):
        assert "ReservedConcurrentExecutions" not in function["Properties"], name
    sequencer = resources["Sequencer"]["Properties"]["Events"]["SequencerSqsEventSource"]
    assert sequencer["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_a_message_that_always_fails_becomes_a_dead_letter_before_it_expires(
    resources: dict[str, Resource],
) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        properties = queue["Properties"]
        if "RedrivePolicy" in properties:
            tries_s = (
                properties["VisibilityTimeout"] * properties["RedrivePolicy"]["maxReceiveCount"]
            )
            assert tries_s < properties["MessageRetentionPeriod"], name


SEQUENCING = {"SequencerLogs", "SweepLogs"}


@pytest.mark.parametrize(
    ("metric", "member", "groups"),
    [
        ("SetAside", "set_aside", SEQUENCING),
        ("Refusals", "refusal", {*SEQUENCING, "AttesterLogs", "PublisherLogs", "DelivererLogs"}),
        ("AttestationAlarms", "attestation_alarm", {"AttesterLogs"}),
        ("PublishAlarms", "publish_alarm", {"PublisherLogs"}),
    ],
)
def test_an_alarm_rings_on_the_lines_of_every_function_that_writes_them(
    resources: dict[str, Resource], metric: str, member: str, groups: set[str]
) -> None:
    """The lines are those of tests/api/test_handlers.py."""
    filters = [
        body["Properties"]
        for _, body in of_type(resources, "AWS::Logs::MetricFilter")
        if body["Properties"]["MetricTransformations"][0]["MetricName"] == metric
    ]
    assert {each["LogGroupName"]["Ref"] for each in filters} == groups
    assert {each["FilterPattern"] for each in filters} == {f'{{ $.{member} = "*" }}'}
    [alarm] = [
        body["Properties"]
        for _, body in of_type(resources, "AWS::CloudWatch::Alarm")
        if body["Properties"]["MetricName"] == metric
    ]
    [told] = {json.dumps(each["MetricTransformations"][0]["MetricNamespace"]) for each in filters}
    assert json.dumps(alarm["Namespace"]) == told
    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]


def test_sequencing_ends_long_before_its_function_is_ended(resources: dict[str, Resource]) -> None:
    for name in ("Sequencer", "Sweep"):
        assert resources[name]["Properties"]["Timeout"] * 1000 >= 2 * DRAIN_MS


def test_the_local_cloud_runs_code_of_this_machine(resources: dict[str, Resource]) -> None:
    for name in FUNCTIONS:
        architectures = resources[name]["Properties"]["Architectures"]
        assert architectures == [ARCHITECTURES[platform.machine()]]


def test_a_function_unknown_to_the_template_step_is_refused() -> None:
    functions = ("APIHandler", "Sequencer", "AdmitUpload", "Sweep", "Stranger")
    packaged = {
        "Resources": {
            name: {"Type": "AWS::Serverless::Function", "Properties": {}} for name in functions
        }
    }
    with pytest.raises(UnexpectedTemplate, match="Stranger"):
        complete(packaged, "x86_64")


def test_no_lock_file_names_a_registry() -> None:
    from infra.package import ROOT

    locks = [ROOT / "requirements.txt", *(ROOT / "requirements").glob("*.txt")]
    assert len(locks) == 5
    for lock in locks:
        assert not re.search(r"://|--(extra-)?index-url|--find-links|@ ", lock.read_text("utf-8"))
    peers = (ROOT / "infra" / "peers" / "package-lock.json").read_text("utf-8")
    assert '"integrity": "sha512-' in peers
    assert not re.search(r'"resolved": "[a-z+]*://', peers)
