"""DetectStackDrift and what follows it: what did not end, or failed, is never taken for in sync."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gitops.drift import detection
from gitops.stacks.waiting import Clock

NAME, ID = "demo-staging-network", "b78ac9b0-0000-4000-8000-000000000000"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOGS = {
    "StackId": "arn:stack",
    "LogicalResourceId": "Logs",
    "ResourceType": "AWS::Logs::LogGroup",
    "StackResourceDriftStatus": "IN_SYNC",
    "Timestamp": NOON,
}


class Time:
    """A clock that a sleep moves on."""

    def __init__(self) -> None:
        self.passed = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.passed, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def cloudformation() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.Session("a", "b", region_name="eu-west-2").client("cloudformation")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
    client.close()


def status(stubber: Stubber, value: str, reason: str = "") -> None:
    answer = {
        "StackId": "arn:stack",
        "StackDriftDetectionId": ID,
        "DetectionStatus": value,
        "DetectionStatusReason": reason,
        "Timestamp": NOON,
    }
    stubber.add_response("describe_stack_drift_detection_status", answer, {"StackDriftDetectionId": ID})


def resources(stubber: Stubber, *names: str) -> None:
    found = [
        {
            "LogicalResourceId": name,
            "ResourceType": "AWS::Logs::LogGroup",
            "LastUpdatedTimestamp": NOON,
            "ResourceStatus": "DELETE_COMPLETE" if name == "Gone" else "CREATE_COMPLETE",
        }
        for name in names
    ]
    stubber.add_response("list_stack_resources", {"StackResourceSummaries": found}, {"StackName": NAME})


def begun(stubber: Stubber) -> None:
    stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": ID}, {"StackName": NAME})


def test_it_waits_for_the_end_and_reads_every_page(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    begun(stubber)
    status(stubber, "DETECTION_IN_PROGRESS")
    status(stubber, "DETECTION_COMPLETE")
    asked = {"StackName": NAME, "MaxResults": 100}
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [LOGS], "NextToken": "more"}, asked)
    other = {**LOGS, "LogicalResourceId": "Other"}
    stubber.add_response(
        "describe_stack_resource_drifts", {"StackResourceDrifts": [other]}, {**asked, "NextToken": "more"}
    )
    resources(stubber, "Logs", "Other", "Third", "Gone")
    found = detection.detect(client, [NAME], Time().clock())[NAME]
    assert [one["LogicalResourceId"] for one in found.drifts] == ["Logs", "Other"]
    assert set(found.resources) == {"Logs", "Other", "Third"}
    assert (found.checked, found.not_checked, found.failed) == (2, {"AWS::Logs::LogGroup": 1}, "")


def test_a_failed_one_keeps_what_it_found_and_says_why(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    begun(stubber)
    status(stubber, "DETECTION_FAILED", "Failed to detect drift on resources [Other]")
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [LOGS]})
    resources(stubber, "Logs", "Other")
    found = detection.detect(client, [NAME], Time().clock())[NAME]
    assert found.failed == "Failed to detect drift on resources [Other]"
    assert found.checked == 1


def test_one_that_does_not_end_shows_nothing_of_the_one_before(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    begun(stubber)
    time = Time()
    ticks = sum(1 for _ in Clock(lambda: time.passed, time.sleep).ticks(limit=detection.LIMIT))
    for _ in range(ticks):
        status(stubber, "DETECTION_IN_PROGRESS")
    resources(stubber, "Logs")
    found = detection.detect(client, [NAME], Time().clock())[NAME]
    assert found.failed == "it has not ended after 600 s"
    assert (found.checked, found.drifts) == (0, [])


def test_one_that_is_refused_is_one_that_failed(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_client_error("detect_stack_drift", "ValidationError", "Drift detection is already in progress")
    resources(stubber, "Logs")
    found = detection.detect(client, [NAME], Time().clock())[NAME]
    assert found.failed == "Drift detection is already in progress"
    assert found.not_checked == {"AWS::Logs::LogGroup": 1}
