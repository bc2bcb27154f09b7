"""What ECS is doing with a service, and whether a watched deployment is over: pure functions over what ECS described.

ECS's own ``services-stable`` waiter has no failure state and calls a rolled back
deployment a success. This looks for our deployment by its id: another one may
run the same revision, and another deploy may replace ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Self

from gitops.ecs_answers import Deployment, Observation, ServiceDeployment, short_name
from gitops.errors import GitopsError


class Verdict(Enum):
    """The end of a deployment as a person says it, what the process ends with, and what is true of the service then.

    The exit codes 1, 2 and 130 are taken by errors, usage and Ctrl-C.
    """

    SUCCEEDED = "succeeded", 0, "the new revision serves"
    ROLLED_BACK = "rolled back", 20, "the revision before it serves again"
    FAILED = "failed", 21, "the new revision does not serve, and nothing was put back"
    SUPERSEDED = "superseded", 22, "a newer deployment replaced this one"
    TIMED_OUT = "timed out", 23, "the deployment still goes on in ECS"
    UNPROVEN = "unproven", 24, "nobody knows: the service wants no tasks, or they could not be looked up"

    exit_code: int
    meaning: str

    def __new__(cls, word: str, exit_code: int, meaning: str) -> Self:
        """The word alone is its value."""
        one = object.__new__(cls)
        one._value_, one.exit_code, one.meaning = word, exit_code, meaning
        return one


def exit_codes() -> str:
    """The exit codes with what is true after each, for a verb's help."""
    codes = "\n".join(f"  {one.exit_code:>2}  {one.value}: {one.meaning}" for one in Verdict)
    return f"exit codes:\n{codes}\n   1  an error, before or while it was watched"


# DescribeServiceDeployments: ServiceDeploymentStatus in the ECS API reference. There is no FAILED.
_GOES_ON = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED"})
_ROLLS_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
OPEN_STATUSES = _GOES_ON | _ROLLS_BACK
_NO_REASON = "ECS gives no reason"


@dataclass(frozen=True)
class Target:
    """The deployment that is watched, and what ran before it."""

    deployment_id: str
    revision: str
    created: datetime
    previous_revision: str = ""

    @classmethod
    def of(cls, deployment: Deployment, previous_revision: str = "") -> Target:
        """What to watch of a deployment that ECS has described."""
        return cls(deployment.id, deployment.revision, deployment.created, previous_revision)


class State(Enum):
    """What ECS is doing. SETTLING and FAILING are complete by what ECS says, and tasks come and go or are missing."""

    ROLLING_OUT = "rolling out"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"
    STEADY = "steady"
    SETTLING = "settling"
    FAILING = "failing"
    FAILED = "failed"
    UNKNOWN = "not known"


_ENDS = {
    State.ROLLED_BACK: Verdict.ROLLED_BACK,
    State.SUPERSEDED: Verdict.SUPERSEDED,
    State.FAILED: Verdict.FAILED,
}


@dataclass(frozen=True)
class Reading:
    """What ECS is doing: the deployment that it works towards, and the one that it goes back from.

    ``by_absence`` says that it follows only from what an answer lacks: one such look proves nothing.
    """

    state: State
    to: Deployment | None = None
    leaving: Deployment | None = None
    cause: str = ""
    by_absence: bool = False

    def __str__(self) -> str:
        if self.state is State.ROLLING_BACK and self.to is not None:
            left = f" from {short_name(self.leaving.revision)}" if self.leaving else ""
            return f"{self.state.value} to {short_name(self.to.revision)}{left}"
        return f"{self.state.value} ({self.cause})" if self.state is State.FAILING else self.state.value


@dataclass(frozen=True)
class Decision:
    """A verdict with its cause, or None to go on."""

    verdict: Verdict | None = None
    cause: str = ""
    rolling_back: bool = False
    by_absence: bool = False


def read(seen: Observation, target: Target | None = None) -> Reading:
    """What ECS is doing, of the watched deployment where one is given, else of the newest one.

    The service deployment tells how it ended, the service what is true of it now: neither is believed alone.
    While ECS rolls back, the old deployment is PRIMARY again and the failing one is still IN_PROGRESS beside it:
    docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    if seen.status in {"DRAINING", "INACTIVE"}:
        return Reading(State.FAILED, seen.primary, cause=f"the service was deleted meanwhile (it is {seen.status})")
    if seen.late:
        return Reading(State.ROLLING_OUT, cause="ECS does not show it yet")
    if seen.service_deployment is None or target is None:
        return _by_deployments(seen, target)
    return _by_service_deployment(seen, target, seen.service_deployment)


def decide(target: Target, seen: Observation, waited: float, timeout: float) -> Decision:
    """Decide from one observation; ``waited`` and ``timeout`` are seconds.

    Raises GitopsError for a status that is not known here: waiting for it to go
    away could end in a wrong verdict.
    """
    found = read(seen, target)
    match found.state:
        case State.STEADY if seen.desired == 0:
            return Decision(Verdict.UNPROVEN, "the service's desired count is 0, so no task was started")
        case State.STEADY:
            return Decision(Verdict.SUCCEEDED, found.cause)
        case state if state in _ENDS:
            return Decision(_ENDS[state], found.cause, by_absence=found.by_absence)
        case State.UNKNOWN:
            raise GitopsError(
                f"ECS answers {found.cause}, which is not known here: how the deployment ends is open",
                fix="look at the service in the ECS console, and add the status to gitops/deploy/decision.py",
            )
    going_back = found.state is State.ROLLING_BACK
    if waited < timeout:
        return Decision(None, found.cause, going_back, found.by_absence)
    short = found.state is State.SETTLING and found.to is not None and found.to.running < seen.desired
    if found.state is State.FAILING or short:
        return Decision(Verdict.FAILED, f"after {timeout:g} s {found.cause}")
    word = "rolling back" if going_back else "not finished"
    return Decision(Verdict.TIMED_OUT, f"{word} after {timeout:g} s: {found.cause}", going_back)


def _by_service_deployment(seen: Observation, target: Target, ours: ServiceDeployment) -> Reading:
    reasons = [(ours.rollback_reason or ours.reason).rstrip(".")]
    reasons += [f"alarms {', '.join(ours.alarms)}"] if ours.alarms else []
    reasons += [f"circuit breaker: {ours.breaker}"] if ours.breaker and ours.breaker.failures else []
    cause, primary = "; ".join(reason for reason in reasons if reason), seen.primary
    went_on = primary is not None and primary.id != target.deployment_id
    match ours.status:
        case "SUCCESSFUL":
            # Of the past: what is true now, the service says.
            return _by_deployments(_completed(seen, target, ours), target)
        case "ROLLBACK_FAILED":
            return Reading(State.FAILED, primary, cause=f"the rollback failed as well: {cause or _NO_REASON}")
        case "ROLLBACK_SUCCESSFUL" if primary is not None and went_on:
            if primary.running >= seen.desired:
                return Reading(State.ROLLED_BACK, primary, cause=cause or "ECS rolled it back")
            runs = f"of which {primary.running} of {seen.desired} tasks run"
            return Reading(State.FAILING, primary, cause=f"ECS went back to {short_name(primary.revision)}, {runs}")
        case "STOPPED":
            found = _by_deployments(seen, target)
            if went_on and found.state is not State.FAILED:
                return replace(found, by_absence=False)
            # What replaced it may not be known to this read yet.
            unknown = primary is not None and not went_on and primary.state == "IN_PROGRESS"
            return Reading(State.FAILED, primary, cause=f"it was stopped: {cause or _NO_REASON}", by_absence=unknown)
        case status if status in _GOES_ON:
            found = _by_deployments(seen, target) if went_on else Reading(State.ROLLING_OUT)
            if found.state is State.ROLLING_BACK and not found.by_absence:
                return found
            return Reading(State.ROLLING_OUT, primary, cause=cause or f"{ours.running} of {ours.requested} tasks run")
        case status if status in _ROLLS_BACK or status == "ROLLBACK_SUCCESSFUL":
            leaving = seen.deployment(target.deployment_id)
            return Reading(State.ROLLING_BACK, primary, leaving, cause or "ECS rolls it back")
        case status:
            return Reading(State.UNKNOWN, primary, cause=f'the service deployment status "{status}"')


def _completed(seen: Observation, target: Target, ours: ServiceDeployment) -> Observation:
    """The service with our deployment as complete as ECS calls it, and no more tasks than both answers know of."""
    counted = ours.running if ours.requested else seen.desired
    known = tuple(
        replace(
            one,
            state="COMPLETED" if one.state == "IN_PROGRESS" else one.state,
            running=min(one.running, counted),
            reason=ours.reason,
        )
        if one.id == target.deployment_id
        else one
        for one in seen.deployments
    )
    return replace(seen, deployments=known)


def _by_deployments(seen: Observation, target: Target | None) -> Reading:
    primary = seen.primary
    ours = seen.deployment(target.deployment_id) if target else _newest(seen)
    if primary is None:
        if ours is not None:
            return Reading(State.ROLLING_OUT, None, cause="ECS names no deployment that it works towards")
        return Reading(State.FAILED, cause="ECS dropped the deployment and has no other", by_absence=True)
    if ours is None:
        assert target is not None  # noqa: S101 (the newest of some deployments is one of them)
        return _left(seen, primary, None, target.created, target.previous_revision)
    if ours.id != primary.id:
        return _left(seen, primary, ours, ours.created, target.previous_revision if target else "")
    if target is None and _goes_back(primary) and primary.state == "IN_PROGRESS":
        others = [one for one in seen.deployments if one.id != primary.id]
        return _back(seen, primary, max(others, key=lambda one: one.created, default=None))
    return _towards(seen, ours)


def _newest(seen: Observation) -> Deployment | None:
    """The deployment that was begun last, whether ECS works towards it or goes back from it."""
    known = [one for one in seen.deployments if one.status != "INACTIVE"]
    return max(known, key=lambda one: (one.created, one.status == "PRIMARY"), default=None)


def _towards(seen: Observation, ours: Deployment) -> Reading:
    """What ECS is doing when it works towards our deployment."""
    others = [one for one in seen.deployments if one.id != ours.id]
    failed = f", {ours.failed} failed" if ours.failed else ""
    progress = f"{ours.running} of {max(ours.desired, seen.desired)} tasks run{failed}"
    match ours.state:
        case "COMPLETED" if ours.running < seen.desired:
            # It was complete once: what scales out starts tasks, what lost all of them or counts failures fails.
            state = State.FAILING if ours.failed or not ours.running else State.SETTLING
            return Reading(state, ours, cause=f"ECS calls it complete, and {progress}")
        case "COMPLETED" if any(one.running for one in others):
            return Reading(State.SETTLING, ours, cause="tasks of the deployment before it still run")
        case "COMPLETED":
            return Reading(State.STEADY, ours, cause=ours.reason)
        case "FAILED":
            reason = ours.reason or _NO_REASON
            before = next((one for one in others if one.state == "COMPLETED"), None)
            settings = seen.settings
            if (settings.breaker_rolls_back or settings.alarms_roll_back) and before is not None:
                return Reading(State.ROLLING_BACK, before, ours, reason)
            return Reading(State.FAILED, ours, cause=reason)
        case "IN_PROGRESS":
            return Reading(State.ROLLING_OUT, ours, cause=progress)
        case state:
            return Reading(State.UNKNOWN, ours, cause=f'the rollout state "{state}"')


def _left(seen: Observation, primary: Deployment, ours: Deployment | None, created: datetime, previous: str) -> Reading:
    """What ECS is doing when it works towards another deployment than ours: back to an older one, or on to a newer."""
    if primary.created <= created or _goes_back(primary):
        return _back(seen, primary, ours)
    if ours is not None and ours.state == "FAILED":
        if primary.revision == previous:
            return _back(seen, primary, ours)
        began = f"(a newer deployment, {primary.id}, has begun since)"
        return Reading(State.FAILED, primary, ours, f"{ours.reason or _NO_REASON} {began}")
    newer = f"a newer deployment ({primary.id}, {short_name(primary.revision)}) replaced it"
    return Reading(State.SUPERSEDED, primary, ours, newer)


def _back(seen: Observation, primary: Deployment, leaving: Deployment | None) -> Reading:
    """What ECS is doing when it goes back from a deployment, which it drops at the end."""
    reason = primary.reason if _goes_back(primary) else f"ECS went back to {short_name(primary.revision)}"
    if leaving is not None and leaving.state == "FAILED" and leaving.reason:
        reason = leaving.reason
    match primary.state:
        case "COMPLETED" if primary.running >= seen.desired:
            return Reading(State.ROLLED_BACK, primary, leaving, reason, by_absence=leaving is None)
        case "FAILED":
            cause = f"the rollback failed as well: {primary.reason or reason}"
            return Reading(State.FAILED, primary, leaving, cause, by_absence=leaving is None)
        case "COMPLETED" | "IN_PROGRESS":
            return Reading(State.ROLLING_BACK, primary, leaving, reason, by_absence=leaving is None)
        case state:
            return Reading(State.UNKNOWN, primary, cause=f'the rollout state "{state}"')


def _goes_back(primary: Deployment) -> bool:
    """Whether ECS says of the deployment that it works towards that it is a rollback."""
    return "rolling back" in primary.reason.lower() or "rollback" in primary.reason.lower()
