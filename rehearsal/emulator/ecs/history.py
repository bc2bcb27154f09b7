"""Every service deployment of a service, with the revision it deploys and how far it is: ministack forgets them.

The states and their order:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html#service-deployment-state
When it stops: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html (stoppedAt)
Revisions: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from rehearsal.emulator.ministack import concurrency, ecs

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


Record = dict[str, Any]
# What a service revision records of its service.
SNAPSHOT = (
    "serviceArn",
    "clusterArn",
    "taskDefinition",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
)


@dataclass
class ServiceDeployment:
    """One service deployment; ``deployment`` is ministack's own record, which it goes on changing."""

    arn: str
    revision_arn: str
    # The service as it was: a revision never changes.
    revision: Record
    deployment: Record
    sources: tuple[ServiceDeployment, ...]
    progress: Progress
    # Tasks of each revision (by its ARN) when the service deployment ended, and how many had failed.
    last_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    last_failures: int | None = None


class History:
    """All service deployments by the ARN of their service, the oldest first."""

    def __init__(self) -> None:
        self._services: dict[str, list[ServiceDeployment]] = {}
        self._lock = threading.RLock()

    def of(self, service_arn: str) -> list[ServiceDeployment]:
        """The service deployments of a service, the oldest first."""
        with self._lock:
            return list(self._services.get(service_arn, ()))

    def find(self, arn: str) -> ServiceDeployment | None:
        """The service deployment with this ARN, or with the service revision of this ARN."""
        with self._lock:
            return next(
                (one for service in self._services.values() for one in service if arn in (one.arn, one.revision_arn)),
                None,
            )

    def look(self, svc_key: str) -> None:
        """Record what is new of the service ``cluster/name`` and how far its deployments are."""
        service = ecs._services.get(svc_key)
        if service is None:
            return
        # ministack changes two deployments at once under this lock; half of that would be misread.
        with concurrency.resource_lock("ecs-service", svc_key), self._lock:
            self._look(service)

    def _look(self, service: Record) -> None:
        arn = service["serviceArn"]
        if service["status"] != "ACTIVE":
            # "When you delete a service, Amazon ECS deletes the service deployments."
            self._services.pop(arn, None)
            return
        known = self._services.setdefault(arn, [])
        recorded = {id(one.deployment) for one in known}
        for deployment in reversed(service["deployments"]):
            if id(deployment) not in recorded:
                known.append(_recorded(service, deployment, known))
        primary = next((d for d in service["deployments"] if d["status"] == "PRIMARY"), None)
        at = next((index for index, one in enumerate(known) if one.deployment is primary), None)
        if at is None:
            return
        for index, one in enumerate(known):
            if one.progress.open:
                one.progress = advanced(one.progress, _seen(one, index, known[at], at), time.time())
                if not one.progress.open:
                    one.last_counts = {each.revision_arn: counts(each.deployment) for each in (one, *one.sources)}
                    one.last_failures = failures(one.deployment)
        # DescribeServices and UpdateService answer these two as well.
        service["currentServiceDeployment"] = known[-1].arn
        service["currentServiceRevisions"] = [
            {"arn": one.revision_arn, **counts(one.deployment)} for one in known if _among(service, one.deployment)
        ]


def counts(deployment: Mapping[str, Any]) -> dict[str, int]:
    """Requested, running and pending tasks of a deployment, as a service revision's summary names them."""
    return {
        "requestedTaskCount": deployment["desiredCount"],
        "runningTaskCount": deployment["runningCount"],
        "pendingTaskCount": deployment["pendingCount"],
    }


def failures(deployment: Mapping[str, Any]) -> int:
    """How many of its tasks the circuit breaker has counted as failed."""
    return int(deployment.get("failedTasks", 0))


def _among(service: Record, deployment: Record) -> bool:
    return any(deployment is one for one in service["deployments"])


def _recorded(service: Record, deployment: Record, known: list[ServiceDeployment]) -> ServiceDeployment:
    path = service["serviceArn"].replace(":service/", ":{}/", 1)
    # "The currently deployed workload configuration."
    sources = tuple(one for one in known if _among(service, one.deployment))
    now = time.time()
    revision = {key: service[key] for key in SNAPSHOT if service.get(key)}
    return ServiceDeployment(
        arn=f"{path.format('service-deployment')}/{secrets.token_urlsafe(16)[:21]}",
        revision_arn=f"{path.format('service-revision')}/{secrets.randbelow(9 * 10**18) + 10**18}",
        revision={**revision, "taskDefinition": deployment["taskDefinition"], "createdAt": now},
        deployment=deployment,
        sources=sources,
        progress=begun(now),
    )


def _seen(ours: ServiceDeployment, index: int, primary: ServiceDeployment, at: int) -> Seen:
    identity = ours.deployment["id"]
    return Seen(
        state=ours.deployment["rolloutState"],
        has_tasks=any(task.get("_deployment_id") == identity for task in list(ecs._tasks.values())),
        primary="ours" if index == at else "newer" if at > index else "older",
        primary_state=primary.deployment["rolloutState"],
        primary_revision=primary.revision_arn,
    )
