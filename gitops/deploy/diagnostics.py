"""Why a deployment fails, gathered while it fails: ECS forgets stopped tasks within the hour."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gitops.aws import UNANSWERED, answered
from gitops.deploy import causes
from gitops.deploy.decision import Decision, Target
from gitops.deploy.poller import Calls
from gitops.deploy.release import Run
from gitops.ecs_answers import Event, Observation, Task

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


class LogStream(NamedTuple):
    """A log group, the prefix of its streams, and its region; "" is the service's."""

    group: str
    prefix: str
    region: str = ""


@dataclass
class Evidence:
    """What is known so far; ``gaps`` says what could not be looked up, and why.

    ``definition`` is the task definition as ECS answers it, by which stopped tasks are understood; ``logs`` has the
    last lines by task and container.
    """

    definition: Mapping[str, Any] = field(default_factory=dict)
    stopped: dict[str, Task] = field(default_factory=dict)
    logs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    unhealthy: dict[str, str] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    # The gaps of the last closer look: with any of them success is not proven.
    unseen: list[str] = field(default_factory=list)
    # Targets by their state at the last look, the same of each target group that could be asked, and every address
    # that was healthy once.
    targets: Counter[str] = field(default_factory=Counter)
    groups: dict[str, Counter[str]] = field(default_factory=dict)
    healthy: set[str] = field(default_factory=set)


class Diagnostics:
    """Reads evidence under the deploy role; a refused look-up leaves a gap, never ends the watch."""

    def __init__(self, target: Target, document: Mapping[str, Any], run: Run, calls: Calls) -> None:
        self.evidence = Evidence(document)
        self._service, self._target, self._clock, self._calls = run.service, target, run.clock, calls
        self._session = run.session
        self._balancer: ElasticLoadBalancingv2Client = run.session.client("elbv2")
        for client in (run.service.ecs, self._balancer):
            calls.count(client)
        self._streams = log_streams(document)
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
            self._gather_targets(seen)

    def at_end(self, seen: Observation) -> None:
        """Look up everything that explains a deployment that did not succeed."""
        self._attempt("service events", self._gather_events)
        self._attempt("stopped tasks", self._gather_stopped)
        self._gather_targets(seen)
        document = self.evidence.definition
        for alike in causes.group(self.evidence.stopped.values(), document)[:_GROUPS_WITH_LOGS]:
            for name in causes.ended_by_itself(alike.example, document):
                self._attempt("log lines", partial(self._gather_log, alike.example.id, name))

    def forget_stopped(self) -> None:
        """Leave out the tasks that have stopped so far: what stops from now on is what counts."""
        self._attempt("stopped tasks", self._gather_stopped)
        self._passed |= self.evidence.stopped.keys()
        self.evidence.stopped.clear()

    def look_closer(self, seen: Observation) -> None:
        """Look up stopped tasks and targets now, whatever was asked before."""
        found = [self._attempt("stopped tasks", self._gather_stopped), *self._gather_targets(seen)]
        self.evidence.unseen = [gap for gap in found if gap]

    def _attempt(self, what: str, look_up: Callable[[], None]) -> str:
        try:
            look_up()
        except UNANSWERED as error:
            gap = f"{what}: {answered(error)}"
        else:
            return ""
        if gap not in self.evidence.gaps:
            self.evidence.gaps.append(gap)
        return gap

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
        # One that was still stopping had no exit code yet, or no stop code.
        ended = {
            one.id
            for one in self.evidence.stopped.values()
            if one.stop_code and causes.culprit(one, self.evidence.definition).exit_code is not None
        }
        for task in self._service.tasks(stopped=True, apart=ended | self._passed):
            # One that is being stopped has its reason already, and may take its whole stopTimeout.
            if task.has_failed(self._target.deployment_id):
                self.evidence.stopped[task.id] = task

    def _gather_targets(self, seen: Observation) -> list[str]:
        self.evidence.groups = {}
        gaps = [self._attempt("target health", partial(self._gather_group, group)) for group in seen.target_groups]
        self.evidence.targets = sum(self.evidence.groups.values(), Counter())
        return gaps

    def _gather_group(self, group: str) -> None:
        answer = self._balancer.describe_target_health(TargetGroupArn=group)
        states = self.evidence.groups[group] = Counter()
        for one in answer.get("TargetHealthDescriptions") or []:
            health, target = one.get("TargetHealth", {}), one.get("Target", {})
            state, address = health.get("State", ""), target.get("Id", "")
            states[state] += 1
            if state == "healthy":
                self.evidence.healthy.add(address)
            if state == "unhealthy":
                reason = f"{health.get('Reason', '')}: {health.get('Description', '')}"
                self.evidence.unhealthy[f"{address}:{target.get('Port', '')}"] = reason.strip(": ")

    def _gather_log(self, task_id: str, container: str) -> None:
        if container not in self._streams:
            return
        where = self._streams[container]
        logs: CloudWatchLogsClient = self._session.client("logs", region_name=where.region or None)
        self._calls.count(logs)
        for _ in range(_LOG_TRIES):
            if lines := last_lines(logs, where.group, f"{where.prefix}/{container}/{task_id}"):
                self.evidence.logs[task_id, container] = lines
                return
            self._clock.sleep(_LOG_PAUSE_SECONDS)
        self.evidence.gaps.append(f"log lines: {where.group} has none of {container} in task {task_id}")


def is_trouble(message: str) -> bool:
    """Whether a service event tells of something wrong."""
    return any(words in message for words in _TROUBLE)


def unhealthy_reason(message: str) -> str:
    """Why a target is unhealthy, of a service event that says so; "" of any other."""
    found = _UNHEALTHY.search(message)
    return found["reason"] if found else ""


def last_lines(logs: CloudWatchLogsClient, group: str, stream: str) -> list[str]:
    """The last lines of a stream; none where it has none yet, or is not there: it is made with its first line.

    A page may be empty with more behind it, and the token is the same again at the end:
    docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html. Raises ClientError as botocore.
    """
    passed, token = None, ""
    while token != passed:
        page: Any = {"nextToken": token} if token else {}
        try:
            answer = logs.get_log_events(
                logGroupName=group, logStreamName=stream, limit=LOG_LINES, startFromHead=False, **page
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        if lines := [event.get("message", "").rstrip() for event in answer.get("events") or []]:
            return lines
        passed, token = token, answer.get("nextBackwardToken", "")
    return []


def log_streams(document: Mapping[str, Any]) -> dict[str, LogStream]:
    """Where each container logs, by its name, of those that log with awslogs."""
    found = {}
    for container in document.get("containerDefinitions") or []:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        named = "name" in container and {"awslogs-group", "awslogs-stream-prefix"} <= options.keys()
        if configuration.get("logDriver") == "awslogs" and named:
            region = options.get("awslogs-region", "")
            found[container["name"]] = LogStream(options["awslogs-group"], options["awslogs-stream-prefix"], region)
    return found
