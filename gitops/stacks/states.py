"""What a stack's status and events mean: the next step, and the reason of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Step = Literal["create", "update", "recreate", "wait", "repair"]

# Left by a create that never came to be: nothing of value stands in them, and they take no update.
_BROKEN_CREATES = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
_REPAIR = {"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"}
GONE = frozenset({"", "DELETE_COMPLETE"})


def next_step(status: str) -> Step:
    """What brings a stack of this status ("" for none) to its template."""
    if status in GONE or status == "REVIEW_IN_PROGRESS":
        return "create"
    if status.endswith("_IN_PROGRESS"):
        return "wait"
    if status in _BROKEN_CREATES:
        return "recreate"
    if status in _REPAIR:
        return "repair"
    return "update"


def exists(status: str) -> bool:
    """Whether a stack of this status has, or may have, resources."""
    return status not in GONE and status != "REVIEW_IN_PROGRESS"


def settled(status: str) -> bool:
    """Whether CloudFormation is done with the stack."""
    # A stack in review waits for a person, not for CloudFormation.
    return status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS")


def succeeded(status: str) -> bool:
    """Whether an executed change set ended well."""
    return status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class StackEvent:
    """One event of a stack, as DescribeStackEvents gives it."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str
    physical_id: str = ""

    @property
    def of_stack(self) -> bool:
        """Whether it is about the stack itself rather than one of its resources."""
        return self.type == "AWS::CloudFormation::Stack"


def unfinished(events: Iterable[StackEvent]) -> list[str]:
    """Logical ids of the resources whose latest event says that they go on."""
    latest = {event.logical_id: event.status for event in events if not event.of_stack}
    return sorted(name for name, status in latest.items() if not settled(status))


def first_failure(events: Iterable[StackEvent]) -> StackEvent | None:
    """The event that made an operation fail, from events in the order they came.

    It is the first FAILED one of a resource. Those that were cancelled failed
    because of it; the stack's own event only repeats it, and counts when no
    resource failed.
    """
    failed = [event for event in events if event.status.endswith("_FAILED") or event.status.endswith("_TIMED_OUT")]
    causes = [event for event in failed if not _cancelled(event)]
    return next((event for event in causes if not event.of_stack), next(iter(causes), next(iter(failed), None)))


def _cancelled(event: StackEvent) -> bool:
    reason = event.reason.lower()
    return "cancelled" in reason or "canceled" in reason
