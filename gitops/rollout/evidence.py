"""Gathers why a deployment fails while it fails: ECS forgets stopped tasks within the hour."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from gitops.rollout import live, stopped
from gitops.rollout.calls import Calls
from gitops.rollout.decide import Decision, Target
from gitops.rollout.observation import Event, Observation
from gitops.rollout.stopped import StoppedTask
from gitops.rollout.watch import Clock

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_logs.client import CloudWatchLogsClient

LOG_LINES = 20
_GROUPS_WITH_LOGS = 3
_TARGETS_EVERY_SECONDS = 5.0
_STOPPED_EVERY_SECONDS = 10.0
# A container's last lines reach its log group a moment after it stopped.
_LOG_TRIES, _LOG_PAUSE_SECONDS = 4, 0.5
_TASKS_PER_CALL = 100
# What ECS writes into a service's events when something is wrong.
_TROUBLE = ("fail", "unhealthy", "error", "throttl", "unable", "missing", "alarm detected", "rolling back")
# "(service app) (port 8080) is unhealthy in (target-group arn:…) due to (reason Health checks failed …)"
_UNHEALTHY = re.compile(r"unhealthy in .*? due to \((?:reason )?(?P<reason>.+)\)\.?$")


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


class Gatherer:
    """Reads evidence under the deploy role; a refused look-up leaves a gap, never ends the watch."""

    def __init__(
        self,
        session: boto3.Session,
        cluster: str,
        service: str,
        target: Target,
        document: Mapping[str, Any],
        clock: Clock,
        calls: Calls,
    ) -> None:
        self.evidence = Evidence()
        self._ecs: ECSClient = session.client("ecs")
        self._balancer: ElasticLoadBalancingv2Client = session.client("elbv2")
        self._logs: CloudWatchLogsClient = session.client("logs")
        for client in (self._ecs, self._balancer, self._logs):
            calls.count(client)
        self._cluster, self._service, self._target, self._clock = cluster, service, target, clock
        self._calls = calls
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
        failures = failure_count(self._target, seen)
        # Tasks that do not come up are asked for in any case: where the breaker is off nobody counts failures.
        overdue = waited - self._stopped_at >= _STOPPED_EVERY_SECONDS and running(self._target, seen) < seen.desired
        if overdue or (failures > self._failures and self._calls.leave_room(2, waited)):
            self._failures, self._stopped_at = failures, waited
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
        for group in stopped.group(self.evidence.stopped.values())[:_GROUPS_WITH_LOGS]:
            example = group.example
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
        except ClientError as error:
            gap = f"{what}: {error.operation_name} answered {error.response['Error']['Code']}"
        except BotoCoreError as error:
            gap = f"{what}: {error}"
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
        seen = live.service(self._ecs, self._cluster, self._service)
        if seen is not None:
            self._take_events(seen)

    def _gather_stopped(self) -> None:
        pages = self._ecs.get_paginator("list_tasks").paginate(
            cluster=self._cluster, serviceName=self._service, desiredStatus="STOPPED"
        )
        arns = [arn for page in pages for arn in page["taskArns"]]
        # One that was still stopping had no exit code yet.
        known = {one.id for one in self.evidence.stopped.values() if one.exit_code is not None} | self._passed
        unknown = [arn for arn in arns if arn.rpartition("/")[2] not in known]
        for first in range(0, len(unknown), _TASKS_PER_CALL):
            answer = self._ecs.describe_tasks(cluster=self._cluster, tasks=unknown[first : first + _TASKS_PER_CALL])
            for described in answer["tasks"]:
                # One that is being stopped has its reason already, and may take its whole stopTimeout.
                if described.get("stoppedReason") and stopped.is_ours(described, self._target, self._service):
                    one = stopped.task(described)
                    self.evidence.stopped[one.id] = one

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


def failure_count(target: Target, seen: Observation) -> int:
    """How many tasks of ours failed, as far as one observation tells."""
    if seen.service_deployment and seen.service_deployment.breaker:
        return seen.service_deployment.breaker.failures
    ours = seen.deployment(target.deployment_id)
    return ours.failed if ours else 0


def running(target: Target, seen: Observation) -> int:
    """How many tasks of ours run, as far as one observation tells."""
    if seen.service_deployment:
        return seen.service_deployment.running
    ours = seen.deployment(target.deployment_id)
    return ours.running if ours else 0


def is_trouble(message: str) -> bool:
    """Whether a service event tells of something wrong."""
    return any(word in message.lower() for word in _TROUBLE)


def unhealthy_reason(message: str) -> str:
    """Why a target is unhealthy, of a service event that says so; "" of any other."""
    found = _UNHEALTHY.search(message)
    return found["reason"] if found else ""


def log_streams(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Container name to its log group and stream prefix, for those that log with awslogs."""
    found = {}
    for container in document.get("containerDefinitions") or []:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        if configuration.get("logDriver") == "awslogs" and "awslogs-stream-prefix" in options:
            found[container["name"]] = (options["awslogs-group"], options["awslogs-stream-prefix"])
    return found
