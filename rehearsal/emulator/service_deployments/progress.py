"""How far a service deployment is: the decision, apart from looking at the service.

The states and their order:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html#service-deployment-state
When it stops: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html (stoppedAt)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Status = Literal[
    "PENDING",
    "IN_PROGRESS",
    "SUCCESSFUL",
    "STOPPED",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
]
FINISHED: Final[frozenset[Status]] = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})

BREAKER: Final = "Service deployment rolled back because the circuit breaker threshold was exceeded."
REQUESTED: Final = "Service deployment rolled back because of a stop request."


@dataclass(frozen=True)
class Rollback:
    """Why and since when (seconds since 1970) a service deployment goes back, and to which revision."""

    reason: str
    started: float
    revision: str


@dataclass(frozen=True)
class Progress:
    """What changes while a service deployment goes on; times in seconds since 1970."""

    status: Status
    reason: str
    created: float
    updated: float
    started: float | None = None
    finished: float | None = None
    stopped: float | None = None
    rollback: Rollback | None = None
    # Whether the circuit breaker ended it.
    triggered: bool = False

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.status not in FINISHED


@dataclass(frozen=True)
class Seen:
    """The deployment at one moment: its rollout state, and the one that the service works towards.

    ``primary`` is that one's age beside ours; ``primary_revision`` is the ARN of its service revision.
    """

    state: str
    has_tasks: bool
    primary: Literal["ours", "older", "newer"]
    primary_state: str
    primary_revision: str


def begun(now: float) -> Progress:
    """A service deployment that has just been made."""
    return Progress("PENDING", "Service deployment is pending.", created=now, updated=now)


def requested(before: Progress, revision: str, now: float) -> Progress:
    """After StopServiceDeployment: it goes back to ``revision``."""
    return replace(
        before,
        status="ROLLBACK_REQUESTED",
        reason=REQUESTED,
        updated=now,
        rollback=Rollback(REQUESTED, now, revision),
    )


def advanced(before: Progress, seen: Seen, now: float) -> Progress:
    """The service deployment after a look at it; one that has ended stays as it ended."""
    if not before.open:
        return before
    if before.started is None and (seen.has_tasks or seen.state != "IN_PROGRESS"):
        before = replace(
            before, status="IN_PROGRESS", reason="Service deployment is in progress.", started=now, updated=now
        )
    if seen.primary == "newer":
        return _stopped(before, "Service deployment stopped because a newer service deployment was started.", now)
    if seen.primary == "older":
        return _going_back(before, seen, now)
    if seen.state == "COMPLETED":
        return _finished(before, "SUCCESSFUL", "Service deployment completed.", now)
    if seen.state == "FAILED":
        reason = "Service deployment stopped because the circuit breaker threshold was exceeded."
        return replace(_stopped(before, reason, now), triggered=True)
    return before


def _going_back(before: Progress, seen: Seen, now: float) -> Progress:
    rollback = before.rollback or Rollback(BREAKER, now, seen.primary_revision)
    if before.status != "ROLLBACK_IN_PROGRESS":
        before = replace(
            before,
            status="ROLLBACK_IN_PROGRESS",
            reason=rollback.reason,
            updated=now,
            rollback=rollback,
            # Nobody asked for it, so it was the breaker.
            triggered=before.rollback is None,
        )
    if seen.primary_state == "COMPLETED":
        return _finished(before, "ROLLBACK_SUCCESSFUL", rollback.reason, now)
    if seen.primary_state == "FAILED":
        return _finished(before, "ROLLBACK_FAILED", f"{rollback.reason} The rollback failed too.", now)
    return before


def _finished(before: Progress, status: Status, reason: str, now: float) -> Progress:
    return replace(before, status=status, reason=reason, updated=now, finished=now)


def _stopped(before: Progress, reason: str, now: float) -> Progress:
    return replace(_finished(before, "STOPPED", reason, now), stopped=now)
