"""What statuses and events mean."""

from __future__ import annotations

import pytest

from gitops.stacks import states
from gitops.stacks.states import StackEvent


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("", "create"),
        ("DELETE_COMPLETE", "create"),
        ("REVIEW_IN_PROGRESS", "create"),
        ("ROLLBACK_COMPLETE", "recreate"),
        ("ROLLBACK_FAILED", "recreate"),
        ("CREATE_FAILED", "recreate"),
        ("DELETE_FAILED", "recreate"),
        ("CREATE_IN_PROGRESS", "wait"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "wait"),
        ("DELETE_IN_PROGRESS", "wait"),
        ("UPDATE_ROLLBACK_FAILED", "repair"),
        ("CREATE_COMPLETE", "update"),
        ("UPDATE_COMPLETE", "update"),
        ("UPDATE_ROLLBACK_COMPLETE", "update"),
        ("IMPORT_COMPLETE", "update"),
    ],
)
def test_the_next_step(status: str, step: str) -> None:
    assert states.next_step(status) == step


def event(logical_id: str, status: str, reason: str = "", kind: str = "AWS::SNS::Topic") -> StackEvent:
    return StackEvent(f"{logical_id}{status}", logical_id, kind, status, reason)


STACK = "AWS::CloudFormation::Stack"


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([], None),
        ([event("A", "CREATE_COMPLETE")], None),
        (
            [
                event("B", "CREATE_FAILED", "Resource creation cancelled"),
                event("A", "CREATE_FAILED", "no such role"),
                event("S", "ROLLBACK_IN_PROGRESS", "failed: [A, B]", STACK),
                event("C", "DELETE_FAILED", "later"),
            ],
            "A",
        ),
        ([event("B", "UPDATE_FAILED", "Resource update cancelled")], "B"),
        ([event("S", "UPDATE_FAILED", "whole", STACK), event("A", "UPDATE_FAILED", "why")], "A"),
        ([event("S", "ROLLBACK_FAILED", "only the stack", STACK)], "S"),
    ],
)
def test_the_first_failed_event_is_the_cause_not_those_it_cancelled(
    events: list[StackEvent], cause: str | None
) -> None:
    found = states.first_failure(events)
    assert (found.logical_id if found else None) == cause


def test_what_goes_on_is_what_did_not_end() -> None:
    events = [
        event("S", "CREATE_IN_PROGRESS", kind=STACK),
        event("B", "CREATE_IN_PROGRESS"),
        event("A", "CREATE_IN_PROGRESS"),
        event("B", "CREATE_COMPLETE"),
    ]
    assert states.unfinished(events) == ["A"]
