"""API Gateway: the API, how fast it may be called, and what it answers by itself.

Pure, as the rest of the template step. What reaches no function (unknown paths, bodies over 10 MB,
throttled requests) is answered by the gateway, here with the same problems that the service gives.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from chalicelib.api.problems import MEDIA_TYPE, Problem, format_problem
from chalicelib.notary.limits import REQUESTS_BURST, REQUESTS_PER_S

Template = dict[str, Any]

ANSWERS = {
    "DEFAULT_4XX": "refused-by-gateway",
    "DEFAULT_5XX": "internal-error",
    # What the gateway says of paths and methods that do not exist: no route of ours wants a
    # signature of AWS.
    "MISSING_AUTHENTICATION_TOKEN": "no-such-resource",
    "INVALID_SIGNATURE": "no-such-resource",
    "EXPIRED_TOKEN": "no-such-resource",
    "RESOURCE_NOT_FOUND": "no-such-resource",
    "REQUEST_TOO_LARGE": "too-many-bytes",
    "UNSUPPORTED_MEDIA_TYPE": "unsupported-media-type",
    "THROTTLED": "too-many-requests",
    "QUOTA_EXCEEDED": "too-many-requests",
    # A function that was ended or never answered may have stored what was sent.
    "INTEGRATION_FAILURE": "outcome-unknown",
    "INTEGRATION_TIMEOUT": "outcome-unknown",
}
"""Gateway response type → problem."""

_EXTENSION = "x-amazon-apigateway-gateway-responses"

RETRIED = frozenset({"too-many-requests", "outcome-unknown"})


def api_resources(packaged: Template) -> Template:
    """The API of SAM's ``AWS::Serverless::Api``, in the resources that it stands for.

    Written out because the binary media types must be a property of the API: entries, tiles and
    CBOR receipts are bytes, and with any narrower list than this one API Gateway would decode an
    answer only for clients whose Accept names its type.
    """
    body, stage = packaged["DefinitionBody"], packaged["StageName"]
    body["x-amazon-apigateway-binary-media-types"] = ["*/*"]
    # In the body, since CloudFormation takes off an API what its new body does not have.
    body[_EXTENSION] = {kind: _answer(Problem(name)) for kind, name in ANSWERS.items()}
    text = json.dumps(body, sort_keys=True).encode()
    # A deployment is a snapshot: a changed API needs one of another name.
    deployment = f"RestAPIDeployment{hashlib.sha256(text).hexdigest()[:10]}"
    return {
        "RestAPI": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {
                "Name": {"Ref": "AWS::StackName"},
                "Body": body,
                "BinaryMediaTypes": ["*/*"],
                "EndpointConfiguration": {"Types": [packaged["EndpointConfiguration"]]},
            },
        },
        deployment: {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": {"Ref": "RestAPI"}},
        },
        "RestAPIStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "RestAPI"},
                "DeploymentId": {"Ref": deployment},
                "StageName": stage,
                "MethodSettings": [
                    {
                        "ResourcePath": "/*",
                        "HttpMethod": "*",
                        "ThrottlingRateLimit": REQUESTS_PER_S,
                        "ThrottlingBurstLimit": REQUESTS_BURST,
                    }
                ],
            },
        },
    }


def _answer(problem: Problem) -> Template:
    """A gateway response. The gateway uses the template for ``application/json`` whatever the
    client accepts; the header says what it really is."""
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    if problem.name in RETRIED:
        headers["Retry-After"] = "1"
    return {
        "statusCode": str(problem.kind.status),
        "responseParameters": {
            f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()
        },
        "responseTemplates": {
            "application/json": format_problem(problem, "$context.requestId").decode()
        },
    }


def spell_out_answers(template: Template) -> None:
    """Add a resource for each of the gateway's answers, for MiniStack, which does not read them
    in an API's body."""
    resources: Template = template["Resources"]
    for kind, answer in resources["RestAPI"]["Properties"]["Body"][_EXTENSION].items():
        properties = {name[0].upper() + name[1:]: value for name, value in answer.items()}
        resources[kind.replace("_", "")] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {"RestApiId": {"Ref": "RestAPI"}, "ResponseType": kind, **properties},
        }
    deployment = resources["RestAPIStage"]["Properties"]["DeploymentId"]["Ref"]
    resources[deployment]["DependsOn"] = [kind.replace("_", "") for kind in ANSWERS]
