"""Why a deployment fails, gathered while it fails: ECS forgets stopped tasks within the hour."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gitops.aws import answered
from gitops.deploy.decision import Decision, Target
from gitops.deploy.poller import Calls
from gitops.deploy.release import Run
from gitops.ecs_answers import Event, Observation, Task
from gitops.errors import GitopsError

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_logs.client import CloudWatchLogsClient

LOG_LINES = 20
_GROUPS_WITH_LOGS = 3
_TARGETS_EVERY_SECONDS = 5.0
_STOPPED_EVERY_SECONDS = 10.0
# A container's last lines reach its log group a moment after it stopped.
_LOG_TRIES, _LOG_PAUSE_SECONDS = 4, 0.5
# Parts of the service event messages that tell of something wrong, as
# docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html has them; the last three are of
# deployment-circuit-breaker.html, deployment-alarm-failure.html and service-throttle-logic.html beside it.
_TROUBLE = (
    "is unhealthy in",
    "was unable to ",  # place a task, stop or start tasks during a deployment, reach steady state
    "is unable to consistently start tasks successfully",
    "operations are being throttled",
    "deployment failed",
    "rolling back to",
    "failed to launch a task",
)
# "(service app) (port 8080) is unhealthy in (target-group arn:…) due to (reason Health checks failed …)"
_UNHEALTHY = re.compile(r"unhealthy in .*? due to \((?:reason )?(?P<reason>.+)\)\.?$")
# How ECS says that a health check ended a task (service-event-messages in its guide).
_HEALTH = ("failed ELB health checks", "failed container health checks")
_MEMORY = ("OutOfMemory", "out of memory")
_KILLED = 137
# How ECS begins the reason of a task that could not be started (stopped-task-error-codes in its guide).
_NEVER_HEALS = (
    "CannotPullContainerError",
    "CannotPullImageManifestError",
    "CannotCreateContainerError",
    "ResourceInitializationError",
    "AccessDenied",
)
# The same beginnings, where the network or the service at the other end was at fault for a moment.
_MAY_HEAL = ("timeout", "timed out", "deadline exceeded", "connection reset", "throttl", "too many requests")


@dataclass(frozen=True)
class StoppedTask:
    """One stopped task and the container that made it stop."""

    id: str
    code: str
    reason: str
    container: str
    exit_code: int | None
    container_reason: str
    address: str = ""

    @property
    def is_unhealthy(self) -> bool:
        """Whether a health check ended it; its exit code is only how it obeyed then."""
        return any(words in self.reason for words in _HEALTH)

    @property
    def is_out_of_memory(self) -> bool:
        """Whether the kernel ended it at its memory limit."""
        return any(words in f"{self.reason} {self.container_reason}" for words in _MEMORY)

    @property
    def cause(self) -> str:
        """What happened to the container, or else to the task, in one line."""
        if self.is_out_of_memory:
            code = f" (exit code {self.exit_code})" if self.exit_code else ""
            return f"{self.container} ran out of memory{code}"
        if self.is_unhealthy:
            which = "its own" if "container" in self.reason else "the load balancer's"
            return f"{self.container or 'the task'} failed {which} health checks"
        if self.exit_code == _KILLED:
            detail = self.container_reason or "SIGKILL: out of memory, or still running at its stopTimeout"
            return f"{self.container} was killed with exit code {self.exit_code} ({detail})"
        if self.exit_code:
            detail = f" ({self.container_reason})" if self.container_reason else ""
            return f"{self.container} exited with code {self.exit_code}{detail}"
        if self.container_reason:
            return f"{self.container}: {self.container_reason}"
        if self.exit_code == 0 and self.code == "EssentialContainerExited":
            return f"{self.container} exited with code 0, and a service's container must not exit"
        return self.reason or self.code or "ECS gives no reason"


@dataclass(frozen=True)
class Group:
    """Tasks that stopped for the same reason, with one of them to look into."""

    example: StoppedTask
    count: int

    @property
    def cause(self) -> str:
        """What happened to each of them, in one line."""
        return self.example.cause


def stopped_task(task: Task, essential: Collection[str]) -> StoppedTask:
    """What stopped a task, of whose containers the named ones are essential."""
    culprit = task.culprit(essential)
    return StoppedTask(
        task.id, task.stop_code, task.reason, culprit.name, culprit.exit_code, culprit.reason, task.address
    )


def group(tasks: Iterable[StoppedTask]) -> list[Group]:
    """By reason and exit code, the most frequent first."""
    by_reason: dict[tuple[object, ...], list[StoppedTask]] = {}
    for one in tasks:
        key: tuple[object, ...] = (one.code, one.container, one.cause.replace(one.id, "…"))
        if not one.is_unhealthy:
            # A task id inside of a reason would make every task a group of its own.
            key += (one.reason.replace(one.id, "…"), one.exit_code, one.container_reason.replace(one.id, "…"))
        by_reason.setdefault(key, []).append(one)
    sizes = Counter({key: len(members) for key, members in by_reason.items()})
    return [Group(by_reason[key][-1], size) for key, size in sizes.most_common()]


def never_heals(tasks: Iterable[StoppedTask]) -> str:
    """The cause that no further try heals; "" while another may succeed.

    ECS's breaker would try such a task at least three times, minutes apart.
    """
    for one in group(tasks):
        text = f"{one.example.reason} {one.example.container_reason}"
        heals = any(word in text.lower() for word in _MAY_HEAL)
        # A task that ran and exited has another cause, whatever its log says.
        if one.example.exit_code is None and not heals and any(word in text for word in _NEVER_HEALS):
            return one.cause
    return ""


@dataclass
class Evidence:
    """What is known so far; ``gaps`` says what could not be looked up, and why."""

    stopped: dict[str, StoppedTask] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    unhealthy: dict[str, str] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    # Targets by their state at the last look, and every address that was healthy once.
    targets: Counter[str] = field(default_factory=Counter)
    healthy: set[str] = field(default_factory=set)


class Diagnostics:
    """Reads evidence under the deploy role; a refused look-up leaves a gap, never ends the watch."""

    def __init__(self, target: Target, document: Mapping[str, Any], run: Run, calls: Calls) -> None:
        self.evidence = Evidence()
        self._service, self._target, self._clock, self._calls = run.service, target, run.clock, calls
        self._balancer: ElasticLoadBalancingv2Client = run.session.client("elbv2")
        self._logs: CloudWatchLogsClient = run.session.client("logs")
        for client in (run.service.ecs, self._balancer, self._logs):
            calls.count(client)
        self._streams, self._essential = log_streams(document), essential(document)
        self._failures = 0
        self._targets_at = self._stopped_at = 0.0
        self._passed: set[str] = set()

    def during(self, seen: Observation, decision: Decision, waited: float) -> None:
        """Take what one observation tells, and look closer when it tells of new failures.

        Looking closer waits for its turn among the looks: a stopped task stays known for an hour.
        """
        self._take_events(seen)
        if decision.verdict is not None:
            return
        counts = seen.counts(self._target.deployment_id)
        # Tasks that do not come up are asked for in any case: where the breaker is off nobody counts failures.
        overdue = waited - self._stopped_at >= _STOPPED_EVERY_SECONDS and (counts.running or 0) < seen.desired
        if overdue or (counts.failed > self._failures and self._calls.leave_room(2, waited)):
            self._failures, self._stopped_at = counts.failed, waited
            self._attempt("stopped tasks", self._gather_stopped)
        due = waited - self._targets_at >= _TARGETS_EVERY_SECONDS
        if seen.target_groups and due and self._calls.leave_room(len(seen.target_groups), waited):
            self._targets_at = waited
            self._attempt("target health", lambda: self._gather_targets(seen))

    def at_end(self, seen: Observation) -> None:
        """Look up everything that explains a deployment that did not succeed."""
        self._attempt("service events", self._gather_events)
        self._attempt("stopped tasks", self._gather_stopped)
        self._attempt("target health", lambda: self._gather_targets(seen))
        for alike in group(self.evidence.stopped.values())[:_GROUPS_WITH_LOGS]:
            example = alike.example
            self._attempt("log lines", lambda one=example: self._gather_log(one))  # type: ignore[misc]

    def forget_stopped(self) -> None:
        """Leave out the tasks that have stopped so far: what stops from now on is what counts."""
        self._attempt("stopped tasks", self._gather_stopped)
        self._passed |= self.evidence.stopped.keys()
        self.evidence.stopped.clear()

    def look_closer(self, seen: Observation) -> None:
        """Look up stopped tasks and targets now, whatever was asked before."""
        self._attempt("stopped tasks", self._gather_stopped)
        self._attempt("target health", lambda: self._gather_targets(seen))

    def _attempt(self, what: str, look_up: Callable[[], None]) -> None:
        try:
            look_up()
        except (ClientError, BotoCoreError) as error:
            gap = f"{what}: {answered(error)}"
        except GitopsError as error:
            gap = f"{what}: {error.problem}"
        else:
            return
        if gap not in self.evidence.gaps:
            self.evidence.gaps.append(gap)

    def _take_events(self, seen: Observation) -> None:
        for event in seen.events:
            if event.created >= self._target.created - timedelta(seconds=1) and is_trouble(event.message):
                self.evidence.events.setdefault(event.id, event)
                if reason := unhealthy_reason(event.message):
                    self.evidence.unhealthy.setdefault("", reason)

    def _gather_events(self) -> None:
        seen = self._service.look()
        if seen is not None:
            self._take_events(seen)

    def _gather_stopped(self) -> None:
        # One that was still stopping had no exit code yet.
        known = {one.id for one in self.evidence.stopped.values() if one.exit_code is not None} | self._passed
        for task in self._service.tasks(stopped=True, apart=known):
            # One that is being stopped has its reason already, and may take its whole stopTimeout.
            if task.has_failed(self._target.deployment_id):
                self.evidence.stopped[task.id] = stopped_task(task, self._essential)

    def _gather_targets(self, seen: Observation) -> None:
        states: Counter[str] = Counter()
        for group in seen.target_groups:
            for one in self._balancer.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]:
                health = one.get("TargetHealth", {})
                state = health.get("State", "")
                states[state] += 1
                if state == "healthy":
                    self.evidence.healthy.add(one["Target"]["Id"])
                if state == "unhealthy":
                    where = f"{one['Target']['Id']}:{one['Target'].get('Port', '')}"
                    reason = f"{health.get('Reason', '')}: {health.get('Description', '')}"
                    self.evidence.unhealthy[where] = reason.strip(": ")
        self.evidence.targets = states

    def _gather_log(self, one: StoppedTask) -> None:
        if one.container not in self._streams:
            return
        log_group, prefix = self._streams[one.container]
        for _ in range(_LOG_TRIES):
            try:
                answer = self._logs.get_log_events(
                    logGroupName=log_group,
                    logStreamName=f"{prefix}/{one.container}/{one.id}",
                    limit=LOG_LINES,
                    startFromHead=False,
                )
            except self._logs.exceptions.ResourceNotFoundException:
                # The stream is made with the first line: there is none yet, or never was.
                answer = {"events": []}  # type: ignore[typeddict-item]
            lines = [event["message"].rstrip() for event in answer["events"]]
            if lines:
                self.evidence.logs[one.id] = lines
                return
            self._clock.sleep(_LOG_PAUSE_SECONDS)


def is_trouble(message: str) -> bool:
    """Whether a service event tells of something wrong."""
    return any(words in message for words in _TROUBLE)


def unhealthy_reason(message: str) -> str:
    """Why a target is unhealthy, of a service event that says so; "" of any other."""
    found = _UNHEALTHY.search(message)
    return found["reason"] if found else ""


def essential(document: Mapping[str, Any]) -> set[str]:
    """The names of the containers that a task stops with; where nothing is said of one, it is essential."""
    containers = document.get("containerDefinitions") or []
    return {one["name"] for one in containers if one.get("essential", True) and "name" in one}


def log_streams(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Container name to its log group and stream prefix, for those that log with awslogs."""
    found = {}
    for container in document.get("containerDefinitions") or []:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        named = "name" in container and {"awslogs-group", "awslogs-stream-prefix"} <= options.keys()
        if configuration.get("logDriver") == "awslogs" and named:
            found[container["name"]] = (options["awslogs-group"], options["awslogs-stream-prefix"])
    return found
