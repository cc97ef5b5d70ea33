"""Completes the template that Chalice writes: names, code, environment, event sources, resources.

Pure: a template goes in, a template comes out. ``resources.yaml`` and ``alarms.yaml`` hold what
Chalice cannot make.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .gateway import api_resources

ADDITIONS = [Path(__file__).with_name(name) for name in ("resources.yaml", "alarms.yaml")]

Template = dict[str, Any]

FUNCTIONS = {
    "APIHandler": ("api", "ApiHandlerLogs"),
    "Sequencer": ("sequencer", "SequencerLogs"),
    "AdmitUpload": ("admit-upload", "AdmitUploadLogs"),
    "Sweep": ("sweep", "SweepLogs"),
    "Attester": ("attester", "AttesterLogs"),
    "Publisher": ("publisher", "PublisherLogs"),
    "Deliverer": ("deliverer", "DelivererLogs"),
}
"""Logical id → last part of the physical name, log group."""

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
"""What Linux calls a machine → what Lambda does."""

QUEUES = {"Sequencer": "WakeQueue", "AdmitUpload": "UploadsQueue"}

ENVIRONMENT = {
    "TALLY_ORIGIN": "Origin",
    "TALLY_PUBLIC_URL": "PublicUrl",
    "TALLY_LOG_TABLE": "LogTable",
    "TALLY_PENDING_TABLE": "PendingTable",
    "TALLY_JOBS_TABLE": "JobsTable",
    "TALLY_REGISTRY_TABLE": "RegistryTable",
    "TALLY_ATTEMPTS_TABLE": "AttemptsTable",
    "TALLY_DOCUMENTS_TABLE": "DocumentsTable",
    "TALLY_WEBHOOKS_TABLE": "WebhooksTable",
    "TALLY_LOG_BUCKET": "LogBucket",
    "TALLY_WORK_BUCKET": "WorkBucket",
    "TALLY_WAKE_QUEUE_URL": "WakeQueue",
    "TALLY_UPLOADS_QUEUE_URL": "UploadsQueue",
    "TALLY_LOG_KEY": "LogKey",
    "TALLY_TOKEN_KEY": "TokenKey",
    "TALLY_CHAIN_KEY": "ChainKey",
    "TALLY_WITNESS_KEY": "WitnessKey",
    "TALLY_NOTARY_ID": "NotaryId",
    "TALLY_NOTARY_KEY": "NotaryKey",
    "TALLY_STATUS_KEY": "StatusKey",
    "TALLY_CUSTODY_KEY": "CustodyKey",
    "TALLY_WEBHOOK_KEY": "WebhookKey",
}
"""What ``chalicelib.bootstrap`` reads → the parameter or resource whose ``Ref`` it is.

The stack has an output of each of these names, so that operators' commands can set the same.
"""


class UnexpectedTemplate(Exception):
    """Chalice wrote a template that this step does not understand."""


def complete(packaged: Template, machine: str) -> Template:
    """The whole template, for functions whose code is for ``machine``. Raises UnexpectedTemplate
    when a function is missing or unknown."""
    template = copy.deepcopy(packaged)
    resources = template["Resources"]
    found = {
        name for name, body in resources.items() if body["Type"] == "AWS::Serverless::Function"
    }
    if found != FUNCTIONS.keys():
        raise UnexpectedTemplate(
            f"app.py defines the functions {sorted(found)}, the template step knows"
            f" {sorted(FUNCTIONS)}: change infra/template.py and .chalice/config.json with it"
        )
    for name in FUNCTIONS:
        _complete_function(name, resources[name]["Properties"], ARCHITECTURES[machine])
    resources.update(api_resources(resources.pop("RestAPI")["Properties"]))
    for path in ADDITIONS:
        _merge(template, yaml.safe_load(path.read_text("utf-8")))
    return template


def environment(outputs: Mapping[str, str]) -> dict[str, str]:
    """The functions' environment, from the outputs of a deployed stack."""
    return {name: outputs[output] for name, output in ENVIRONMENT.items()}


def _complete_function(name: str, function: Template, architecture: str) -> None:
    last, logs = FUNCTIONS[name]
    function["FunctionName"] = {"Fn::Sub": f"${{AWS::StackName}}-{last}"}
    function["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Ref": "CodeKey"}}
    function["Architectures"] = [architecture]
    function["LoggingConfig"] = {"LogGroup": {"Ref": logs}}
    function["Environment"] = {
        "Variables": {name: {"Ref": target} for name, target in ENVIRONMENT.items()}
    }
    for event in function.get("Events", {}).values():
        if event["Type"] == "SQS":
            source = event["Properties"]
            source["Queue"] = {"Fn::GetAtt": [QUEUES[name], "Arn"]}
            source["FunctionResponseTypes"] = ["ReportBatchItemFailures"]


def _merge(template: Template, addition: Template) -> None:
    for section, members in addition.items():
        own = template.setdefault(section, {})
        if clash := own.keys() & members.keys():
            raise UnexpectedTemplate(f"{sorted(clash)} is defined twice")
        own.update(members)
