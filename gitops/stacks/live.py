"""What stands in AWS: a stack with its outputs, and whether a service has anything to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.environments import Environment
from gitops.stacks.order import SERVICE_ENABLED, Unit

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecs import ECSClient


@dataclass(frozen=True)
class LiveStack:
    """A stack as DescribeStacks gives it; ``status`` is "" when there is none."""

    name: str
    id: str = ""
    status: str = ""
    reason: str = ""
    outputs: Mapping[str, str] | None = None
    protected: bool = False
    tags: Mapping[str, str] | None = None
    parameters: Mapping[str, str] | None = None

    def output(self, name: str) -> str | None:
        """An output's value; None when the stack does not have it."""
        return (self.outputs or {}).get(name)


def find(cloudformation: CloudFormationClient, name: str) -> LiveStack:
    """The stack of this name or id; one with status "" when there is none."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return LiveStack(name)
        raise
    if not found:
        return LiveStack(name)
    stack = found[0]
    return LiveStack(
        name=stack["StackName"],
        id=stack.get("StackId", ""),
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        protected=stack.get("EnableTerminationProtection", False),
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])},
    )


def service_enabled(ecs: ECSClient, environment: Environment, service: str) -> bool:
    """Whether the service's stack may hold the ECS service.

    True once the family has an ACTIVE revision to run, or when the ECS
    service exists already: then taking it out would be an outage.
    """
    family = environment.family(service)
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
    if any(family_of(arn) == family for page in pages for arn in page["taskDefinitionArns"]):
        return True
    try:
        found = ecs.describe_services(cluster=environment.cluster, services=[service])["services"]
    except ClientError as error:
        if error.response["Error"].get("Code") == "ClusterNotFoundException":
            return False
        raise
    return any(one.get("status") != "INACTIVE" for one in found)


def family_of(arn: str) -> str:
    """The family in a task definition's ARN; a prefix in a listing also finds longer names."""
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]


def values(
    unit: Unit, environment: Environment, ecs: ECSClient | None, stacks: Mapping[str, LiveStack]
) -> dict[str, str]:
    """The stack's parameters that are known now; those from outputs that do not exist yet are absent.

    ``stacks`` are live stacks by label; ``ecs`` is needed where ServiceEnabled is asked.
    """
    known = dict(unit.values)
    if unit.asks_service_enabled and ecs is not None:
        known[SERVICE_ENABLED] = "true" if service_enabled(ecs, environment, unit.service) else "false"
    for name, output in unit.outputs.items():
        value = stacks[output.label].output(output.name)
        if value is not None:
            known[name] = value
    return known
