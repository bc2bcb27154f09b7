"""Following a stack's events until CloudFormation is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops.progress import Display, Event, Mood
from gitops.stacks import live, states
from gitops.stacks.live import LiveStack
from gitops.stacks.states import StackEvent
from gitops.stacks.waiting import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


# Seconds without an event after which a log says what is being waited for.
_SILENCE = 30.0


def newest(cloudformation: CloudFormationClient, stack_id: str) -> str:
    """The id of a stack's latest event, "" when it has none: what comes after it is new."""
    try:
        found = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
        return ""
    return found[0]["EventId"] if found else ""


def follow(
    cloudformation: CloudFormationClient,
    stack_id: str,
    label: str,
    display: Display,
    clock: Clock,
    after: str | None = None,
) -> tuple[LiveStack, list[StackEvent]]:
    """Show a stack's events as they come until it settles; the stack then, and its events.

    ``after`` is the id of the last event before an operation was started: only
    then is the status believed, since it may still be the one of before. With
    None the stack is merely waited for.
    """
    since = newest(cloudformation, stack_id) if after is None else after
    events: list[StackEvent] = []
    heard = 0.0
    for passed in clock.ticks():
        # Asked before the events: when it says settled, the events that follow are complete.
        stack = live.find(cloudformation, stack_id)
        fresh = _since(cloudformation, stack_id, events[-1].id if events else since)
        for event in fresh:
            _show(event, label, display)
        events += fresh
        if fresh:
            heard = passed
        elif passed - heard >= _SILENCE and (going := states.unfinished(events)):
            heard = passed
            display.show(Event(label, f"waiting for {', '.join(going)}", mood="going"))
        ended = after is None or any(event.of_stack and states.settled(event.status) for event in events)
        if stack.status in ("", "DELETE_COMPLETE") or (ended and states.settled(stack.status)):
            return stack, events
    raise AssertionError("unreachable: the clock ticks for ever")


def _since(cloudformation: CloudFormationClient, stack_id: str, after: str) -> list[StackEvent]:
    """Events later than the one with id ``after``, oldest first; CloudFormation gives the newest first."""
    found: list[StackEvent] = []
    try:
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            for raw in page["StackEvents"]:
                if raw["EventId"] == after:
                    return found[::-1]
                found.append(
                    StackEvent(
                        id=raw["EventId"],
                        logical_id=raw.get("LogicalResourceId", ""),
                        type=raw.get("ResourceType", ""),
                        status=raw.get("ResourceStatus", ""),
                        reason=raw.get("ResourceStatusReason", ""),
                        physical_id=raw.get("PhysicalResourceId", ""),
                    )
                )
    except ClientError as error:
        # A deleted stack keeps its events under its id for 90 days in AWS, not everywhere.
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
    return found[::-1]


def _show(event: StackEvent, label: str, display: Display) -> None:
    text = f"{event.status} ({event.reason})" if event.reason else event.status
    if event.of_stack:
        # Whoever executes says how the stack ended; its own events only add the state.
        display.show(Event(label, text, mood=_mood(event.status, whole=True)))
    else:
        display.show(Event(label, f"{event.type} {text}", event.logical_id, _mood(event.status, whole=False)))


def _mood(status: str, *, whole: bool) -> Mood:
    if "FAILED" in status or (whole and "ROLLBACK" in status):
        return "failed"
    return "done" if status.endswith("_COMPLETE") else "going"
