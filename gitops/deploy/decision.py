"""Whether a deployment is over, and how it ended: pure functions over what ECS described.

ECS's own ``services-stable`` waiter has no failure state and calls a rolled back
deployment a success. This looks for our deployment by its id: another one may
run the same revision, and another deploy may replace ours.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    UNPROVEN = "unproven", 24, "the service wants no tasks, so nothing was tried"

    exit_code: int
    meaning: str

    def __new__(cls, word: str, exit_code: int, meaning: str) -> Self:
        """The word alone is its value."""
        one = object.__new__(cls)
        one._value_, one.exit_code, one.meaning = word, exit_code, meaning
        return one


# DescribeServiceDeployments: ServiceDeploymentStatus in the ECS API reference. There is no FAILED.
_GOES_ON = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED"})
_ROLLS_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
OPEN_STATUSES = _GOES_ON | _ROLLS_BACK


def exit_codes() -> str:
    """The exit codes with what is true after each, for a verb's help."""
    codes = "\n".join(f"  {one.exit_code:>2}  {one.value}: {one.meaning}" for one in Verdict)
    return f"exit codes:\n{codes}\n   1  an error, before or while it was watched"


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


@dataclass(frozen=True)
class Decision:
    """A verdict with its cause, or None to go on."""

    verdict: Verdict | None = None
    cause: str = ""
    rolling_back: bool = False


def decide(target: Target, seen: Observation, waited: float, timeout: float) -> Decision:
    """Decide from one observation; ``waited`` and ``timeout`` are seconds.

    The service deployments API is believed first; where it does not know ours,
    the deployments of the service are. Raises GitopsError for a status that is
    not known here: waiting for it to go away could end in a wrong verdict.
    """
    if seen.status in {"DRAINING", "INACTIVE"}:
        return Decision(Verdict.FAILED, f"the service was deleted meanwhile (it is {seen.status})")
    if seen.service_deployment is not None:
        decision = _by_service_deployment(target, seen, seen.service_deployment)
    else:
        decision = _by_deployments(target, seen)
    if decision.verdict is None and waited >= timeout:
        state = "rolling back" if decision.rolling_back else "not finished"
        return Decision(Verdict.TIMED_OUT, f"{state} after {timeout:g} s: {decision.cause}", decision.rolling_back)
    return decision


def is_steady(seen: Observation, revision: str) -> bool:
    """Whether ECS itself says that the service runs a revision, all of it, and nothing else."""
    primary = seen.primary
    return (
        primary is not None
        and primary.revision == revision
        and primary.state == "COMPLETED"
        and 0 < seen.desired <= primary.running
    )


def _by_service_deployment(target: Target, seen: Observation, ours: ServiceDeployment) -> Decision:
    reasons = [(ours.rollback_reason or ours.reason).rstrip(".")]
    if ours.alarms:
        reasons.append(f"alarms {', '.join(ours.alarms)}")
    if ours.breaker and ours.breaker.failures:
        reasons.append(f"circuit breaker: {ours.breaker}")
    cause = "; ".join(reason for reason in reasons if reason)
    match ours.status:
        case "SUCCESSFUL":
            return _success(seen, ours.reason)
        case "ROLLBACK_SUCCESSFUL":
            return Decision(Verdict.ROLLED_BACK, cause or "ECS rolled it back")
        case "ROLLBACK_FAILED":
            return Decision(Verdict.FAILED, f"the rollback failed as well: {cause or 'ECS gives no reason'}")
        case "STOPPED":
            primary = seen.primary
            if primary is not None and _is_newer(primary, target):
                return _superseded(primary)
            return Decision(Verdict.FAILED, f"it was stopped: {cause or 'ECS gives no reason'}")
        case status if status in _GOES_ON:
            return Decision(cause=cause or f"{ours.running} of {ours.requested} tasks run")
        case status if status in _ROLLS_BACK:
            return Decision(cause=cause or "ECS rolls it back", rolling_back=True)
        case status:
            raise _unknown("service deployment status", status)


def _by_deployments(target: Target, seen: Observation) -> Decision:
    ours, primary = seen.deployment(target.deployment_id), seen.primary
    if ours is None:
        if primary is None:
            return Decision(Verdict.FAILED, "ECS dropped the deployment and has no other")
        if _is_rollback(primary, target):
            return _rollback(primary, seen, f"ECS went back to {short_name(primary.revision)}")
        return _superseded(primary)
    match ours.state:
        case "COMPLETED":
            return _completed(ours, seen)
        case "FAILED":
            return _failed(target, ours, primary, seen)
        case "IN_PROGRESS":
            if primary is None or primary.id == ours.id:
                return Decision(cause=_progress(ours))
            if _is_rollback(primary, target):
                return _rollback(primary, seen, ours.reason or primary.reason)
            return _superseded(primary)
        case state:
            raise _unknown("rollout state", state)


def _completed(ours: Deployment, seen: Observation) -> Decision:
    if seen.primary is not None and seen.primary.id != ours.id:
        return _superseded(seen.primary)
    if seen.desired > 0 and ours.running < seen.desired:
        # Completed once, but tasks are missing now: only steady counts.
        return Decision(cause=_progress(ours))
    return _success(seen, ours.reason)


def _failed(target: Target, ours: Deployment, primary: Deployment | None, seen: Observation) -> Decision:
    reason = ours.reason or "ECS gives no reason"
    if primary is not None and primary.id != ours.id:
        if _is_rollback(primary, target):
            return _rollback(primary, seen, reason)
        return Decision(Verdict.FAILED, f"{reason} A newer deployment ({primary.id}) has begun since.")
    completed_before = any(one.state == "COMPLETED" for one in seen.deployments if one.id != ours.id)
    if seen.breaker_rolls_back and completed_before:
        return Decision(cause=reason, rolling_back=True)
    return Decision(Verdict.FAILED, reason)


def _rollback(primary: Deployment, seen: Observation, reason: str) -> Decision:
    match primary.state:
        case "COMPLETED" if primary.running >= seen.desired:
            return Decision(Verdict.ROLLED_BACK, reason)
        case "FAILED":
            return Decision(Verdict.FAILED, f"the rollback failed as well: {primary.reason or reason}")
        case "COMPLETED" | "IN_PROGRESS":
            return Decision(cause=reason, rolling_back=True)
        case state:
            raise _unknown("rollout state", state)


def _success(seen: Observation, reason: str) -> Decision:
    if seen.desired == 0:
        return Decision(Verdict.UNPROVEN, "the service's desired count is 0, so no task was started")
    return Decision(Verdict.SUCCEEDED, reason)


def _superseded(primary: Deployment) -> Decision:
    return Decision(
        Verdict.SUPERSEDED, f"a newer deployment ({primary.id}, {short_name(primary.revision)}) replaced it"
    )


def _is_newer(other: Deployment, target: Target) -> bool:
    return other.id != target.deployment_id and other.created > target.created


def _is_rollback(primary: Deployment, target: Target) -> bool:
    # An older deployment made PRIMARY again is a rollback; so is a new one that says so or runs what ran before.
    return (
        not _is_newer(primary, target)
        or "rolling back" in primary.reason.lower()
        or "rollback" in primary.reason.lower()
        or (target.previous_revision != "" and primary.revision == target.previous_revision)
    )


def _progress(ours: Deployment) -> str:
    failed = f", {ours.failed} failed" if ours.failed else ""
    return f"{ours.running} of {ours.desired} tasks run{failed}"


def _unknown(what: str, status: str) -> GitopsError:
    return GitopsError(
        f'ECS answers the {what} "{status}", which is not known here: how the deployment ends is open',
        fix="look at the service in the ECS console, and add the status to gitops/deploy/decision.py",
    )
