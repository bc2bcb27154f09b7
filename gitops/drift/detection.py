"""CloudFormation's own drift detection, asked for several stacks at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops.drift.resources import Detected
from gitops.stacks.waiting import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# "Can take up to several minutes" for a stack (API_DetectStackDrift.html).
LIMIT = 600.0


def detect(cloudformation: CloudFormationClient, stack_names: Iterable[str], clock: Clock) -> dict[str, Detected]:
    """Each stack's drift; a detection that CloudFormation refuses or that outlasts the limit is one that failed."""
    begun: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name in stack_names:
        try:
            begun[name] = cloudformation.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        except ClientError as error:
            # One is under way already, or the stack began to change since it was looked at.
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            refused[name] = error.response["Error"]["Message"]
    found = {name: Detected(_resources(cloudformation, name), failed=reason) for name, reason in refused.items()}
    for name, detection in begun.items():
        ended, failed = _end(cloudformation, detection, clock)
        # Before it ends, what is answered is that of the detection before.
        drifts = _drifts(cloudformation, name) if ended else []
        found[name] = Detected(_resources(cloudformation, name), drifts, failed)
    return found


def _end(cloudformation: CloudFormationClient, detection: str, clock: Clock) -> tuple[bool, str]:
    """Wait for a detection: whether it ended, and why it failed. One that failed has results for some resources."""
    for _ in clock.ticks(limit=LIMIT):
        answer = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            failed = answer["DetectionStatus"] == "DETECTION_FAILED"
            return True, answer.get("DetectionStatusReason", "no reason given") if failed else ""
    return False, f"it has not ended after {LIMIT:.0f} s"


def _drifts(cloudformation: CloudFormationClient, name: str) -> list[dict[str, Any]]:
    # botocore has no paginator for this operation.
    found: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=name, MaxResults=100, **token)
        found += [dict(one) for one in page["StackResourceDrifts"]]
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


def _resources(cloudformation: CloudFormationClient, name: str) -> dict[str, str]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        one["LogicalResourceId"]: one["ResourceType"]
        for page in pages
        for one in page["StackResourceSummaries"]
        # What the stack deleted stays listed for a while.
        if one["ResourceStatus"] != "DELETE_COMPLETE"
    }
