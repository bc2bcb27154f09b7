"""What ECS said, as plain data: services, deployments, revisions and tasks, with whatever it left out as empty.

Every member of ECS's answers is optional in its service model, so each reader here takes any of them as absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Before everything: what ECS gives no time for is newer than nothing.
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# ECS's own words for a task that was stopped because the service wants fewer.
_SCALING = "Scaling activity initiated by"


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
    """One service deployment, and how many tasks of the revision that it works towards there are."""

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
    created: datetime = _NO_TIME
    # The service revision that it works towards: its task definition is asked for apart.
    service_revision: str = ""


@dataclass(frozen=True)
class Event:
    """One line of the service's own events."""

    id: str
    created: datetime
    message: str


@dataclass(frozen=True)
class Balanced:
    """What a service has put behind a load balancer; ``target_group`` is an ARN, "" for a classic load balancer."""

    target_group: str
    container: str
    port: int


@dataclass(frozen=True)
class Counts:
    """How many tasks of one deployment run, start and have failed, and how many others ``old`` still run.

    ``running`` is None while ECS has not said.
    """

    running: int | None = None
    starting: int = 0
    failed: int = 0
    old: int = 0


@dataclass(frozen=True)
class Settings:
    """How a service is deployed: what rolls it, in which way, and what bounds the time that takes.

    Circuit breaker and alarms may roll a deployment back. ``threshold`` is the
    failed tasks that open the circuit breaker, ``together`` how many tasks may
    be replaced at once; ``grace`` is in seconds.
    """

    controller: str = "ECS"
    strategy: str = "ROLLING"
    breaker_rolls_back: bool = False
    alarms_roll_back: bool = False
    threshold: int = 3
    together: int = 1
    grace: int = 0


@dataclass(frozen=True)
class Observation:
    """A service at one moment: everything a decision is made of.

    ``current_deployment`` is the ARN of its newest service deployment. ``late``
    says that UpdateService has answered more than this read knows.
    """

    status: str
    desired: int
    deployments: tuple[Deployment, ...]
    revision: str = ""
    settings: Settings = Settings()
    events: tuple[Event, ...] = ()
    balanced: tuple[Balanced, ...] = ()
    current_deployment: str = ""
    service_deployment: ServiceDeployment | None = None
    late: bool = False

    @property
    def primary(self) -> Deployment | None:
        """The deployment that ECS works towards."""
        return next((one for one in self.deployments if one.status == "PRIMARY"), None)

    @property
    def target_groups(self) -> tuple[str, ...]:
        """The ARNs of the target groups that its tasks are in."""
        return tuple(one.target_group for one in self.balanced if one.target_group)

    @property
    def running(self) -> int:
        """How many tasks of the service run, whichever deployment started them."""
        return sum(one.running for one in self.deployments)

    def deployment(self, deployment_id: str) -> Deployment | None:
        """The deployment with an id, or None once ECS has dropped it."""
        return next((one for one in self.deployments if one.id == deployment_id), None)

    def counts(self, deployment_id: str) -> Counts:
        """The tasks of a deployment: by its service deployment where that is known and counted, else by its entry."""
        entry, ours = self.deployment(deployment_id), self.service_deployment
        failed = entry.failed if entry else 0
        old = sum(one.running for one in self.deployments if one.id != deployment_id)
        if ours is None:
            return Counts(entry.running, entry.pending, failed, old) if entry else Counts(old=old)
        if ours.breaker is not None:
            failed = ours.breaker.failures
        old = old if ours.source_running is None else ours.source_running
        return Counts(ours.running, ours.pending, failed, old) if ours.requested else Counts(None, 0, failed, old)


@dataclass(frozen=True)
class TaskDefinition:
    """A revision as ECS stored it; ``document`` has its tags inside, as a task definition in a file has them."""

    arn: str
    status: str
    document: dict[str, Any]

    def image(self, container: str) -> str:
        """The image of a container; "" when there is no such container."""
        found = self.document.get("containerDefinitions") or []
        return next((one.get("image", "") for one in found if one.get("name") == container), "")


@dataclass(frozen=True)
class Container:
    """A container of a task; ``exit_code`` is None while it runs, and for one that never ran."""

    name: str
    exit_code: int | None = None
    reason: str = ""
    is_unhealthy: bool = False


@dataclass(frozen=True)
class Task:
    """One task; ``address`` is "" until it has one, ``reason`` until it is being stopped.

    ``started`` is when all its containers ran, ``stopped`` when none did any more; None for not yet, or never.
    ``service`` is the one that it belongs to, after which its own container is named.
    """

    arn: str
    revision: str = ""
    started_by: str = ""
    is_running: bool = False
    zone: str = ""
    address: str = ""
    stop_code: str = ""
    reason: str = ""
    containers: tuple[Container, ...] = ()
    started: datetime | None = None
    stopped: datetime | None = None
    service: str = ""

    @property
    def lived(self) -> float:
        """The seconds for which it ran, of a task that has stopped; 0 for one that never ran."""
        return (self.stopped - self.started).total_seconds() if self.started and self.stopped else 0.0

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return short_name(self.arn)

    @property
    def short(self) -> str:
        """The first characters of its id, as the console shows them."""
        return self.id[:8]

    def has_failed(self, deployment_id: str) -> bool:
        """Whether it is a deployment's, and was stopped for another reason than that the service wants fewer.

        ECS starts a service's task in the name of its deployment.
        """
        return self.started_by == deployment_id and self.reason != "" and _SCALING not in self.reason


def short_name(arn: str) -> str:
    """What stands behind the last slash of an ARN: ``shop-staging:7`` of a revision's, the id of a task's."""
    return arn.rpartition("/")[2]


def family_of(revision: str) -> str:
    """The family of a revision, by its ARN or name."""
    return short_name(revision).rpartition(":")[0]


def number_of(revision: str) -> int:
    """The number of a revision within its family; 0 where none stands."""
    number = revision.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def service(described: Mapping[str, Any]) -> Observation:
    """One service of DescribeServices or UpdateService."""
    return Observation(
        status=described.get("status", ""),
        desired=described.get("desiredCount", 0),
        deployments=tuple(_deployment(one) for one in described.get("deployments") or []),
        revision=described.get("taskDefinition", ""),
        settings=_settings(described),
        events=tuple(
            Event(one.get("id", ""), one.get("createdAt", _NO_TIME), one.get("message", ""))
            for one in described.get("events") or []
        ),
        balanced=tuple(
            # A template's parameter may have come through as text.
            Balanced(one.get("targetGroupArn", ""), one.get("containerName", ""), int(one.get("containerPort") or 0))
            for one in described.get("loadBalancers") or []
        ),
        current_deployment=described.get("currentServiceDeployment", ""),
    )


def _settings(described: Mapping[str, Any]) -> Settings:
    configuration, desired = described.get("deploymentConfiguration") or {}, described.get("desiredCount", 0)
    breaker, alarms = configuration.get("deploymentCircuitBreaker") or {}, configuration.get("alarms") or {}
    threshold = breaker.get("thresholdConfiguration") or {}
    kind, value = threshold.get("type", "BOUNDED_PERCENT"), threshold.get("value", 50)
    # docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html and, for the bounds,
    # API_ServiceDeploymentCircuitBreaker.html beside it.
    tasks = value if kind == "COUNT" else math.ceil(desired * value / 100)
    over = desired * configuration.get("maximumPercent", 200) // 100 - desired
    under = desired - math.ceil(desired * configuration.get("minimumHealthyPercent", 100) / 100)
    return Settings(
        controller=(described.get("deploymentController") or {}).get("type", "ECS"),
        strategy=configuration.get("strategy", "ROLLING"),
        breaker_rolls_back=bool(breaker.get("enable") and breaker.get("rollback")),
        alarms_roll_back=bool(alarms.get("enable") and alarms.get("rollback")),
        threshold=min(max(tasks, 3), 200) if kind == "BOUNDED_PERCENT" else max(tasks, 1),
        together=max(over + under, 1),
        grace=described.get("healthCheckGracePeriodSeconds", 0),
    )


def service_deployment(described: Mapping[str, Any]) -> ServiceDeployment:
    """One entry of DescribeServiceDeployments."""
    breaker = described.get("deploymentCircuitBreaker") or {}
    target = described.get("targetServiceRevision") or {}
    sources = described.get("sourceServiceRevisions")
    return ServiceDeployment(
        arn=described.get("serviceDeploymentArn", ""),
        status=described.get("status", ""),
        reason=described.get("statusReason", ""),
        rollback_reason=(described.get("rollback") or {}).get("reason", ""),
        alarms=tuple((described.get("alarms") or {}).get("triggeredAlarmNames") or []),
        breaker=Breaker(breaker.get("status", ""), breaker.get("failureCount", 0), breaker["threshold"])
        # Without a threshold the breaker is off.
        if breaker.get("threshold")
        else None,
        requested=target.get("requestedTaskCount", 0),
        running=target.get("runningTaskCount", 0),
        pending=target.get("pendingTaskCount", 0),
        source_running=None if sources is None else sum(one.get("runningTaskCount", 0) for one in sources),
        created=described.get("createdAt", _NO_TIME),
        service_revision=target.get("arn", ""),
    )


def task_definition(answer: Mapping[str, Any], asked: str = "") -> TaskDefinition:
    """The answer of DescribeTaskDefinition or RegisterTaskDefinition, which has the tags beside the task definition."""
    described = answer.get("taskDefinition") or {}
    tags = [{"key": tag.get("key", ""), "value": tag.get("value", "")} for tag in answer.get("tags") or []]
    return TaskDefinition(
        arn=described.get("taskDefinitionArn", asked),
        status=described.get("status", ""),
        document={**described, "tags": tags},
    )


def task(described: Mapping[str, Any]) -> Task:
    """One task of DescribeTasks."""
    details = [detail for one in described.get("attachments") or [] for detail in one.get("details") or []]
    return Task(
        arn=described.get("taskArn", ""),
        revision=described.get("taskDefinitionArn", ""),
        started_by=described.get("startedBy", ""),
        is_running=described.get("lastStatus") == "RUNNING" and described.get("desiredStatus") == "RUNNING",
        zone=described.get("availabilityZone", ""),
        address=next((one.get("value", "") for one in details if one.get("name") == "privateIPv4Address"), ""),
        stop_code=described.get("stopCode", ""),
        reason=described.get("stoppedReason", ""),
        containers=tuple(
            Container(
                one.get("name", ""), one.get("exitCode"), one.get("reason", ""), one.get("healthStatus") == "UNHEALTHY"
            )
            for one in described.get("containers") or []
        ),
        started=described.get("startedAt"),
        stopped=described.get("stoppedAt"),
        service=described.get("group", "").removeprefix("service:"),
    )


def _deployment(described: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=described.get("id", ""),
        status=described.get("status", ""),
        revision=described.get("taskDefinition", ""),
        created=described.get("createdAt", _NO_TIME),
        state=described.get("rolloutState", ""),
        reason=described.get("rolloutStateReason", ""),
        desired=described.get("desiredCount", 0),
        running=described.get("runningCount", 0),
        pending=described.get("pendingCount", 0),
        failed=described.get("failedTasks", 0),
    )
