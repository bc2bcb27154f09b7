"""What CloudFormation's answers mean, and how they are asked for: pages, refusals, waiting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from gitops import cloudformation
from gitops.clock import Clock
from gitops.cloudformation import CloudFormation, Request, Stack, StackEvent, is_empty
from gitops.drift.resources import checked, not_checked
from gitops.errors import GitopsError
from gitops.stacks.apply import first_failure, unfinished

NAME, ID = "demo-staging-network", "b78ac9b0-0000-4000-8000-000000000000"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOGS = {
    "StackId": "arn:stack",
    "LogicalResourceId": "Logs",
    "ResourceType": "AWS::Logs::LogGroup",
    "StackResourceDriftStatus": "IN_SYNC",
    "Timestamp": NOON,
}


STEPS = {
    "create": " DELETE_COMPLETE REVIEW_IN_PROGRESS",
    "recreate": "ROLLBACK_COMPLETE ROLLBACK_FAILED CREATE_FAILED DELETE_FAILED",
    "wait": "CREATE_IN_PROGRESS UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS DELETE_IN_PROGRESS",
    "repair": "UPDATE_ROLLBACK_FAILED",
    "update": "CREATE_COMPLETE UPDATE_COMPLETE UPDATE_ROLLBACK_COMPLETE IMPORT_COMPLETE",
}


@pytest.mark.parametrize(("step", "status"), [(step, one) for step, every in STEPS.items() for one in every.split(" ")])
def test_the_next_step(step: str, status: str) -> None:
    assert Stack("s", status=status).step == step


def event(logical_id: str, status: str, reason: str = "", kind: str = "AWS::SNS::Topic") -> StackEvent:
    return StackEvent(f"{logical_id}{status}", logical_id, kind, status, reason)


STACK = "AWS::CloudFormation::Stack"
CANCELLED = [
    event("B", "CREATE_FAILED", "Resource creation cancelled"),
    event("A", "CREATE_FAILED", "no such role"),
    event("S", "ROLLBACK_IN_PROGRESS", "failed: [A, B]", STACK),
    event("C", "DELETE_FAILED", "later"),
]


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([], None),
        ([event("A", "CREATE_COMPLETE")], None),
        (CANCELLED, "A"),
        ([event("B", "UPDATE_FAILED", "Resource update cancelled")], "B"),
        ([event("S", "UPDATE_FAILED", "whole", STACK), event("A", "UPDATE_FAILED", "why")], "A"),
        ([event("S", "ROLLBACK_FAILED", "only the stack", STACK)], "S"),
    ],
)
def test_the_first_failed_event_is_the_cause_not_those_it_cancelled(
    events: list[StackEvent], cause: str | None
) -> None:
    found = first_failure(events)
    assert (found.logical_id if found else None) == cause


def test_what_goes_on_is_what_did_not_end() -> None:
    events = [
        event("S", "CREATE_IN_PROGRESS", kind=STACK),
        event("B", "CREATE_IN_PROGRESS"),
        event("A", "CREATE_IN_PROGRESS"),
        event("B", "CREATE_COMPLETE"),
    ]
    assert unfinished(events) == ["A"]


@pytest.mark.parametrize(
    ("status", "reason", "empty"),
    [
        ("FAILED", "The submitted information didn't contain changes. Submit different information", True),
        ("FAILED", "No updates are to be performed.", True),
        ("FAILED", "Template error: nope", False),
        ("CREATE_COMPLETE", "", False),
    ],
)
def test_an_empty_change_set_is_no_failure(status: str, reason: str, empty: bool) -> None:
    assert is_empty(status, reason) is empty


def time() -> Clock:
    """A clock that only a sleep moves on."""
    passed = [0.0]
    return Clock(lambda: sum(passed), passed.append)


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    client = boto3.Session("a", "b", region_name="eu-west-2").client("cloudformation")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    client.close()


@pytest.fixture
def gateway(stubber: Stubber) -> CloudFormation:
    client: Any = stubber.client
    return CloudFormation(client, time())


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


def test_it_waits_for_the_end_and_reads_every_page(gateway: CloudFormation, stubber: Stubber) -> None:
    begun(stubber)
    status(stubber, "DETECTION_IN_PROGRESS")
    status(stubber, "DETECTION_COMPLETE")
    words = {"StackName": NAME, "MaxResults": 100}
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [LOGS], "NextToken": "more"}, words)
    other = {**LOGS, "LogicalResourceId": "Other"}
    stubber.add_response(
        "describe_stack_resource_drifts", {"StackResourceDrifts": [other]}, {**words, "NextToken": "more"}
    )
    resources(stubber, "Logs", "Other", "Third", "Gone")
    found = gateway.detect([NAME])[NAME]
    assert [one["LogicalResourceId"] for one in found.drifts] == ["Logs", "Other"]
    assert set(found.resources) == {"Logs", "Other", "Third"}
    assert (checked(found), not_checked(found), found.failed) == (2, {"AWS::Logs::LogGroup": 1}, "")


def test_a_failed_one_keeps_what_it_found_and_says_why(gateway: CloudFormation, stubber: Stubber) -> None:
    begun(stubber)
    status(stubber, "DETECTION_FAILED", "Failed to detect drift on resources [Other]")
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [LOGS]})
    resources(stubber, "Logs", "Other")
    found = gateway.detect([NAME])[NAME]
    assert found.failed == "Failed to detect drift on resources [Other]"
    assert checked(found) == 1


def test_one_that_does_not_end_shows_nothing_of_the_one_before(gateway: CloudFormation, stubber: Stubber) -> None:
    begun(stubber)
    for _ in time().ticks(limit=cloudformation.DETECTION_LIMIT):
        status(stubber, "DETECTION_IN_PROGRESS")
    resources(stubber, "Logs")
    found = gateway.detect([NAME])[NAME]
    assert found.failed == "it has not ended after 600 s"
    assert (checked(found), found.drifts) == (0, [])


def test_one_that_is_refused_is_one_that_failed(gateway: CloudFormation, stubber: Stubber) -> None:
    stubber.add_client_error("detect_stack_drift", "ValidationError", "Drift detection is already in progress")
    resources(stubber, "Logs")
    found = gateway.detect([NAME])[NAME]
    assert found.failed == "Drift detection is already in progress"
    assert not_checked(found) == {"AWS::Logs::LogGroup": 1}


def absent(stubber: Stubber, operation: str) -> None:
    stubber.add_client_error(operation, "ValidationError", f"Stack with id {NAME} does not exist")


def test_what_is_asked_of_a_stack_that_is_not_there_is_nothing(gateway: CloudFormation, stubber: Stubber) -> None:
    for operation in ("describe_stacks", "list_stack_resources", "describe_stack_events", "describe_stack_events"):
        absent(stubber, operation)
    assert gateway.stack(NAME) == Stack(NAME)
    assert gateway.resources(NAME) == []
    assert gateway.newest_event(NAME) == ""
    assert gateway.events(NAME, "1") == []


def test_what_is_refused_for_another_reason_is_an_error(gateway: CloudFormation, stubber: Stubber) -> None:
    stubber.add_client_error("describe_stacks", "AccessDenied", "not for you")
    with pytest.raises(ClientError, match="not for you"):
        gateway.stack(NAME)


def raw(number: int, status: str, kind: str = "AWS::CloudFormation::Stack") -> dict[str, Any]:
    return {
        "StackId": "arn:stack",
        "EventId": str(number),
        "StackName": NAME,
        "LogicalResourceId": "It",
        "ResourceType": kind,
        "ResourceStatus": status,
        "Timestamp": NOON,
    }


def look(stubber: Stubber, status: str, *pages: list[dict[str, Any]]) -> None:
    stack = {"StackName": NAME, "StackId": "arn:stack", "CreationTime": NOON, "StackStatus": status}
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    for position, events in enumerate(pages):
        more = {"NextToken": f"p{position}"} if position + 1 < len(pages) else {}
        stubber.add_response("describe_stack_events", {"StackEvents": events, **more})


def test_a_stack_is_watched_until_an_event_of_its_own_says_the_end(gateway: CloudFormation, stubber: Stubber) -> None:
    before = raw(1, "CREATE_COMPLETE")
    # The status of before is no end, and events are read page by page down to the last that is known.
    look(stubber, "CREATE_COMPLETE", [before])
    look(stubber, "UPDATE_IN_PROGRESS", [raw(3, "UPDATE_IN_PROGRESS", "T")], [raw(2, "UPDATE_IN_PROGRESS"), before])
    look(stubber, "UPDATE_COMPLETE", [raw(4, "UPDATE_COMPLETE"), raw(3, "UPDATE_IN_PROGRESS", "T")])
    seen = list(gateway.watch("arn:stack", "1"))
    assert [[event.id for event in one.fresh] for one in seen] == [[], ["2", "3"], ["4"]]
    assert seen[-1].stack.succeeded


REQUEST = Request(NAME, "UPDATE", "Resources: {}", {"A": "1"}, {"Project": "demo"}, None)


def change_set(stubber: Stubber, status: str, reason: str = "", **more: Any) -> None:
    answer = {"StackId": "arn:stack", "Status": status, "StatusReason": reason, "Changes": [], **more}
    stubber.add_response("describe_change_set", answer)


def removed(stubber: Stubber) -> None:
    stack = {"StackName": NAME, "CreationTime": NOON, "StackStatus": "CREATE_COMPLETE"}
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    stubber.add_response("delete_change_set", {})


def test_a_change_set_is_read_to_its_last_page_and_taken_away(gateway: CloudFormation, stubber: Stubber) -> None:
    stubber.add_response("create_change_set", {})
    change_set(stubber, "CREATE_IN_PROGRESS")
    change_set(stubber, "CREATE_COMPLETE")
    for name, more in (("A", {"NextToken": "more"}), ("B", {})):
        change_set(stubber, "CREATE_COMPLETE", Changes=[{"ResourceChange": {"LogicalResourceId": name}}], **more)
    removed(stubber)
    with gateway.change_set(REQUEST) as found:
        assert [one["ResourceChange"]["LogicalResourceId"] for one in found.changes] == ["A", "B"]


def test_a_change_set_that_was_executed_stays(gateway: CloudFormation, stubber: Stubber) -> None:
    stubber.add_response("create_change_set", {})
    change_set(stubber, "CREATE_COMPLETE")
    change_set(stubber, "CREATE_COMPLETE")
    stubber.add_response("execute_change_set", {})
    with gateway.change_set(REQUEST) as found:
        gateway.execute(found)


CONFLICT = {
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "Logs",
    "ResourceType": "AWS::Logs::LogGroup",
    "ValidationFailureMode": "FAIL",
    "ValidationStatusReason": "Resource of type 'AWS::Logs::LogGroup' with identifier 'x' already exists.",
}
NOT_EMPTY = {**CONFLICT, "ValidationFailureMode": "WARN", "ValidationStatusReason": "The bucket 'x' is not empty."}


def failed(stubber: Stubber, *events: dict[str, Any]) -> None:
    """A change set that failed, and what DescribeEvents tells of it; it is asked by the ARN, while it is there."""
    stubber.add_response("create_change_set", {})
    change_set(stubber, "FAILED", "no such type", ChangeSetId="arn:set")
    words = {"ChangeSetName": "arn:set", "Filters": {"FailedEvents": True}}
    if events:
        stubber.add_response("describe_events", {"OperationEvents": events}, words)
    else:
        stubber.add_client_error("describe_events", "AccessDenied", expected_params=words)


def test_a_change_set_that_failed_says_why(gateway: CloudFormation, stubber: Stubber) -> None:
    """aws/aws-cdk-cli#1000, aws-cloudformation/cloudformation-cli#1116; a warning fails nothing."""
    hook = {"EventType": "HOOK_INVOCATION_ERROR", "HookType": "Our::Hook", "HookStatus": "HOOK_COMPLETE_FAILED"}
    failed(stubber, CONFLICT, NOT_EMPTY, {"EventType": "VALIDATION_ERROR"}, hook, {"EventType": "STACK_EVENT"})
    removed(stubber)
    with pytest.raises(GitopsError, match=f"parameters of {NAME}: no such type") as raised, gateway.change_set(REQUEST):
        pass
    # No member of an event is sure to be there: API_OperationEvent.html
    assert raised.value.others == (
        "Logs (AWS::Logs::LogGroup): Resource of type 'AWS::Logs::LogGroup' with identifier 'x' already exists.",
        "no reason given",
        "Our::Hook: no reason given",
    )


def test_what_goes_wrong_after_it_never_hides_the_first_error(gateway: CloudFormation, stubber: Stubber) -> None:
    """aws/aws-cdk-cli#1298: neither that the events may not be read, nor that the change set cannot be deleted."""
    failed(stubber)
    stubber.add_client_error("describe_stacks", "Throttling", "slow down")
    with pytest.raises(GitopsError, match="no such type") as raised, gateway.change_set(REQUEST):
        pass
    assert raised.value.others == ("what exactly is not told: DescribeEvents answered AccessDenied",)
    assert "could not be removed: DescribeStacks answered Throttling)" in raised.value.problem


def test_stacks_that_stand_are_named_last_made_first(gateway: CloudFormation, stubber: Stubber) -> None:
    every = [("old", 1, "CREATE_COMPLETE"), ("gone", 2, "DELETE_COMPLETE"), ("new", 3, "UPDATE_COMPLETE")]
    found = [
        {"StackName": name, "CreationTime": NOON.replace(day=day), "StackStatus": status} for name, day, status in every
    ]
    stubber.add_response("list_stacks", {"StackSummaries": found[:2], "NextToken": "more"}, {})
    stubber.add_response("list_stacks", {"StackSummaries": found[2:]}, {"NextToken": "more"})
    assert gateway.names() == ["new", "old"]
