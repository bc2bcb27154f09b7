"""What ECS said at one moment about a service and its deployments, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Deployment:
    """One entry of ``deployments`` in DescribeServices."""

    id: str
    status: str
    revision: str
    created: datetime
    state: str
    reason: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Breaker:
    """How far the deployment circuit breaker is: it opens when failures reach the threshold."""

    status: str
    failures: int
    threshold: int

    def __str__(self) -> str:
        return f"{self.failures} of {self.threshold} failures"


@dataclass(frozen=True)
class ServiceDeployment:
    """The answer of DescribeServiceDeployments for our deployment."""

    arn: str
    status: str
    reason: str = ""
    rollback_reason: str = ""
    alarms: tuple[str, ...] = ()
    breaker: Breaker | None = None
    requested: int = 0
    running: int = 0
    pending: int = 0
    # Tasks of the revisions that this one replaces; None where ECS does not say.
    source_running: int | None = None


@dataclass(frozen=True)
class Event:
    """One line of the service's own events."""

    id: str
    created: datetime
    message: str


@dataclass(frozen=True)
class Observation:
    """Everything a decision is made of."""

    status: str
    desired: int
    deployments: tuple[Deployment, ...]
    revision: str = ""
    breaker_rolls_back: bool = False
    events: tuple[Event, ...] = ()
    target_groups: tuple[str, ...] = ()
    service_deployment: ServiceDeployment | None = None

    @property
    def primary(self) -> Deployment | None:
        """The deployment that ECS works towards."""
        return next((one for one in self.deployments if one.status == "PRIMARY"), None)

    def deployment(self, deployment_id: str) -> Deployment | None:
        """The deployment with an id, or None once ECS has dropped it."""
        return next((one for one in self.deployments if one.id == deployment_id), None)


def service(described: Mapping[str, Any]) -> Observation:
    """One service of DescribeServices."""
    breaker = (described.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    return Observation(
        status=described.get("status", ""),
        desired=described.get("desiredCount", 0),
        deployments=tuple(_deployment(one) for one in described.get("deployments", [])),
        revision=described.get("taskDefinition", ""),
        breaker_rolls_back=bool(breaker.get("enable") and breaker.get("rollback")),
        events=tuple(Event(one["id"], one["createdAt"], one["message"]) for one in described.get("events", [])),
        target_groups=tuple(
            one["targetGroupArn"] for one in described.get("loadBalancers", []) if one.get("targetGroupArn")
        ),
    )


def service_deployment(described: Mapping[str, Any]) -> ServiceDeployment:
    """One entry of DescribeServiceDeployments."""
    breaker = described.get("deploymentCircuitBreaker")
    target = described.get("targetServiceRevision") or {}
    sources = described.get("sourceServiceRevisions")
    return ServiceDeployment(
        arn=described["serviceDeploymentArn"],
        status=described.get("status", ""),
        reason=described.get("statusReason", ""),
        rollback_reason=(described.get("rollback") or {}).get("reason", ""),
        alarms=tuple((described.get("alarms") or {}).get("triggeredAlarmNames", [])),
        breaker=Breaker(breaker.get("status", ""), breaker.get("failureCount", 0), breaker.get("threshold", 0))
        # Without a threshold the breaker is off.
        if breaker and breaker.get("threshold")
        else None,
        requested=target.get("requestedTaskCount", 0),
        running=target.get("runningTaskCount", 0),
        pending=target.get("pendingTaskCount", 0),
        source_running=None if sources is None else sum(one.get("runningTaskCount", 0) for one in sources),
    )


def _deployment(described: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=described["id"],
        status=described["status"],
        revision=described["taskDefinition"],
        created=described["createdAt"],
        state=described.get("rolloutState", ""),
        reason=described.get("rolloutStateReason", ""),
        desired=described.get("desiredCount", 0),
        running=described.get("runningCount", 0),
        pending=described.get("pendingCount", 0),
        failed=described.get("failedTasks", 0),
    )
