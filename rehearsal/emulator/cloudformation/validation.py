"""Pre-deployment validation of a change set: a name that something else has already.

The change set FAILED then, and only DescribeEvents says why, asked by the change set's ARN. What CloudFormation reads
a type by is its schema's ``primaryIdentifier``: where that is a name of the template's own, it looks whether there is
such a thing. Another kind of name is refused by its service when it is made.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from rehearsal.emulator.cloudformation.resource_types import schema
from rehearsal.emulator.seams import CHANGE_SETS, original_entry

# aws/aws-cdk-cli#1000
FAILED: Final = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early "
    "Validation errors, use the DescribeEvents API for detailed failure information."
)
EXISTS: Final = "Resource of type '{kind}' with identifier '{name}' already exists."


class Conflict(NamedTuple):
    """A resource whose name is taken."""

    logical_id: str
    kind: str
    name: str


# By the change set's ARN.
FOUND: Final[dict[str, tuple[Conflict, ...]]] = {}


def conflicts(changes: Iterable[Mapping[str, Any]], resources: Mapping[str, Mapping[str, Any]]) -> Iterator[Conflict]:
    """What a change set would make under a name that is taken; ``resources`` are the template's, resolved."""
    for change in (one["ResourceChange"] for one in changes):
        logical_id, kind = change["LogicalResourceId"], change["ResourceType"]
        if change["Action"] in ("Add", "Modify"):
            name = owned(kind, resources[logical_id].get("Properties") or {})
            if name and name != change.get("PhysicalResourceId"):
                yield Conflict(logical_id, kind, name)


def owned(kind: str, properties: Mapping[str, Any]) -> str:
    """The name that a template gives a resource and something has already; "" where it is free, or gives none."""
    taken = _names().get(kind)
    name = properties.get(_identifier(kind)) if taken is not None else None
    return str(name) if isinstance(name, str) and taken and name in taken else ""


def _identifier(kind: str) -> str:
    return str(schema(kind)["primaryIdentifier"][0].rpartition("/")[2])


def _names() -> dict[str, Container[str]]:
    """By type, the names that there are."""
    from ministack.services import cloudwatch_logs, ecr, ecs, iam, kms, s3

    return {
        "AWS::ECR::Repository": ecr._repositories,
        "AWS::ECS::Cluster": ecs._clusters,
        "AWS::IAM::Role": iam._roles,
        "AWS::KMS::Alias": {arn.split(":", 5)[5] for arn in kms._aliases},
        "AWS::Logs::LogGroup": cloudwatch_logs._log_groups,
        "AWS::S3::Bucket": s3._buckets,
    }


def describe_events(params: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
    """DescribeEvents: what a change set failed of, by its ARN alone (aws-cloudformation/cloudformation-cli#1116)."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, helpers

    arn = changesets._p(params, "ChangeSetName")
    if not arn:
        return original_entry(CHANGE_SETS, "DescribeEvents")(params)
    if not arn.startswith("arn:"):
        return helpers._error("ValidationError", "One of ChangeSetName, OperationId or StackName must be specified")
    known = FOUND.get(arn, ()) if arn in cloudformation._change_sets else ()
    members = "".join(_event(number, conflict) for number, conflict in enumerate(known))
    return helpers._xml(
        200,
        "DescribeEventsResponse",
        f"<DescribeEventsResult><OperationEvents>{members}</OperationEvents></DescribeEventsResult>",
    )


def _event(number: int, conflict: Conflict) -> str:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html"""
    fields = {
        "EventId": f"conflict-{number}",
        "EventType": "VALIDATION_ERROR",
        "OperationType": "CREATE_CHANGESET",
        "OperationStatus": "FAILED",
        "LogicalResourceId": conflict.logical_id,
        "ResourceType": conflict.kind,
        "ValidationFailureMode": "FAIL",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": EXISTS.format(kind=conflict.kind, name=conflict.name),
        "ValidationPath": f"/Resources/{conflict.logical_id}",
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<member>{inner}</member>"
