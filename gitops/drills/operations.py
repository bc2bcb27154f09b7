"""What a drill asks of AWS: look at the service, roll it, ship what cannot start, stop tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from gitops.drills import fleet
from gitops.drills.bad import doomed, family
from gitops.drills.fleet import Fleet, Task
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.rollout import live, observation
from gitops.rollout.calls import Calls
from gitops.rollout.decide import Target
from gitops.rollout.look import Lookout
from gitops.rollout.observation import Deployment, Observation
from gitops.rollout.watch import Clock, End, Tell, watch

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client

# The most that one DescribeTasks takes.
_BATCH = 100
REASON = "gitops drill"


class Operations:
    """One service's, under the drill role."""

    def __init__(self, session: boto3.Session, environment: Environment, service: str) -> None:
        self.environment, self.name = environment, service
        self.ecs: ECSClient = session.client("ecs")
        self._balancer: ElasticLoadBalancingv2Client = session.client("elbv2")
        self._cluster = environment.cluster

    def service(self) -> Observation:
        """The service as ECS describes it; GitopsError where there is none."""
        seen = live.service(self.ecs, self._cluster, self.name)
        if seen is None:
            where = self.environment.environment
            raise GitopsError(f"{where} has no ECS service {self.name}", fix=f"gitops deploy {self.name} {where}")
        return seen

    def fleet(self) -> Fleet:
        """Its tasks and targets now."""
        seen = self.service()
        pages = self.ecs.get_paginator("list_tasks").paginate(cluster=self._cluster, serviceName=self.name)
        arns = [arn for page in pages for arn in page["taskArns"]]
        described: list[Any] = []
        for start in range(0, len(arns), _BATCH):
            described += self.ecs.describe_tasks(cluster=self._cluster, tasks=arns[start : start + _BATCH])["tasks"]
        groups = [
            fleet.targets(self._balancer.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"])
            for arn in seen.target_groups
        ]
        return Fleet(seen.desired, tuple(fleet.task(one) for one in described), tuple(groups))

    def stop(self, tasks: Iterable[Task]) -> None:
        """StopTask for each."""
        for task in tasks:
            self.ecs.stop_task(cluster=self._cluster, task=task.arn, reason=REASON)

    def roll(self, tell: Tell, timeout: float, clock: Clock) -> End:
        """Replace every task by one of the same revision, watched to its verdict."""
        return self._watched(self._update(None), "", tell, timeout, clock)

    def ship(self, revision: str, previous: str, tell: Tell, timeout: float, clock: Clock) -> End:
        """Deploy a revision, watched to its verdict."""
        return self._watched(self._update(revision), previous, tell, timeout, clock)

    @contextmanager
    def doomed_revision(self, of: str) -> Iterator[str]:
        """A revision that exits at start, made of another; gone at the end, and not what the service means.

        It has a family of its own: whatever ends this process, no stack update
        and no deploy takes it for the service's newest revision.
        """
        answer: Any = self.ecs.describe_task_definition(taskDefinition=of, include=["TAGS"])
        document = doomed(
            answer["taskDefinition"], answer.get("tags", []), self.name, family(self.environment, self.name)
        )
        bad = self.ecs.register_task_definition(**document)["taskDefinition"]["taskDefinitionArn"]
        try:
            yield bad
        finally:
            if self.service().revision == bad:
                self._update(of)
            self.ecs.deregister_task_definition(taskDefinition=bad)
            self.ecs.delete_task_definitions(taskDefinitions=[bad])

    def _update(self, revision: str | None) -> Deployment:
        """A new deployment: of ``revision``, or of the one that is live."""
        wanted: Any = {"taskDefinition": revision} if revision else {"forceNewDeployment": True}
        answer = self.ecs.update_service(cluster=self._cluster, service=self.name, **wanted)
        primary = observation.service(answer["service"]).primary
        if primary is None:
            raise GitopsError(f"UpdateService of {self.name} answered without a deployment", fix="run it again")
        return primary

    def _watched(self, ours: Deployment, previous: str, tell: Tell, timeout: float, clock: Clock) -> End:
        target = Target(ours.id, ours.revision, ours.created, previous)
        lookout = Lookout(self.ecs, self._cluster, self.name, target, Calls())
        return watch(target, lookout, tell, timeout, clock)
