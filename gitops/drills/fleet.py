"""A service's tasks and targets as plain data, and what a drill asks of AWS: look, roll, ship what fails, stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from gitops.clock import Clock
from gitops.deploy.decision import Target
from gitops.deploy.follow import follow
from gitops.deploy.poller import Calls, End, Poller, Tell, watch
from gitops.deploy.release import Run
from gitops.display import Display
from gitops.ecs import Ecs
from gitops.ecs_answers import Deployment, Observation, Task
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.taskdefs.validate import register_input

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client

REASON = "gitops drill"
SAYS = "a drill: this task ends on purpose"
# EX_TEMPFAIL of sysexits.h: a code that no crash of the service's own has.
EXIT_CODE = 75
COMMAND = ("sh", "-c", f"echo '{SAYS}'; exit {EXIT_CODE}")
# What a container beside the service's is made without: it serves nothing, and takes nothing of the task's own.
_OF_THE_SERVICE = {"portMappings", "healthCheck", "dependsOn", "entryPoint", "cpu", "memory", "memoryReservation"}


@dataclass(frozen=True)
class Fleet:
    """A service at one moment: how many tasks it wants, which there are, and the state of each target."""

    desired: int
    tasks: tuple[Task, ...]
    # Per target group: address to state, as DescribeTargetHealth says it.
    targets: tuple[Mapping[str, str], ...]

    def serving(self, apart: Iterable[str] = ()) -> list[Task]:
        """The running tasks that every target group sends requests to, some (by ARN) left out."""
        out = set(apart)
        return [
            task
            for task in self.tasks
            if task.is_running
            and task.arn not in out
            and all(group.get(task.address) == "healthy" for group in self.targets)
        ]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way in or out: each target is healthy, as many as tasks are wanted."""
        return len(self.serving()) == self.desired and all(
            len(group) == self.desired and set(group.values()) <= {"healthy"} for group in self.targets
        )


def busiest_zone(tasks: Iterable[Task]) -> tuple[str, list[Task]]:
    """The availability zone with the most tasks (the first by name of several), and its tasks."""
    every = list(tasks)
    counted = Counter(one.zone for one in every)
    zone = min(counted, key=lambda name: (-counted[name], name))
    return zone, [one for one in every if one.zone == zone]


def doomed(described: Mapping[str, Any], container: str, name: str, lives: float = 0.0) -> dict[str, Any]:
    """What to register: a described revision under another family, its ``container`` exiting at once.

    It keeps its image, roles, secrets, log and tags, so all but the program is
    put to the test. With ``lives`` it serves, and an essential container beside
    it takes each task down after so many seconds. Raises GitopsError when there
    is no such container.
    """
    allowed = set(register_input().members)
    document = {key: value for key, value in described.items() if key in allowed}
    containers = [dict(one) for one in described.get("containerDefinitions") or []]
    found = [one for one in containers if one.get("name") == container]
    if not found:
        raise GitopsError(f"the live task definition has no container {container}", fix="name the service's container")
    if lives:
        beside = {key: value for key, value in found[0].items() if key not in _OF_THE_SERVICE}
        # The first process of a container is not ended by a SIGTERM that it does not trap.
        waits = f"trap 'exit 0' TERM; sleep {lives:g} & wait $!; {COMMAND[-1]}"
        containers.append({**beside, "name": f"{container}-drill", "essential": True, "command": ["sh", "-c", waits]})
    else:
        found[0]["command"] = list(COMMAND)
        found[0].pop("entryPoint", None)
    # What says which commit a revision is must not stand on one that no commit made.
    kept = [dict(tag) for tag in described["tags"] if tag["key"] in {"Project", "Environment", "Service"}]
    return {**document, "family": name, "containerDefinitions": containers, "tags": kept}


class Operations:
    """One service's, under the drill role."""

    def __init__(self, session: boto3.Session, environment: Environment, service: str) -> None:
        self.environment, self.name, self._session = environment, service, session
        self._ecs = Ecs(session, environment.cluster)
        self._service = self._ecs.service(service)
        self._balancer: ElasticLoadBalancingv2Client = session.client("elbv2")

    def service(self) -> Observation:
        """The service as ECS describes it; GitopsError where there is none."""
        seen = self._service.look()
        if seen is None:
            where = self.environment.environment
            raise GitopsError(f"{where} has no ECS service {self.name}", fix=f"gitops deploy {self.name} {where}")
        return seen

    def fleet(self) -> Fleet:
        """Its tasks and targets now."""
        seen = self.service()
        tasks = self._service.tasks()
        groups = [
            self._balancer.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            for arn in seen.target_groups
        ]
        states = [{one["Target"]["Id"]: one["TargetHealth"]["State"] for one in group} for group in groups]
        return Fleet(seen.desired, tuple(tasks), tuple(states))

    def stop(self, tasks: Iterable[Task]) -> None:
        """StopTask for each."""
        for task in tasks:
            self._service.stop(task, REASON)

    def deploy(self, revision: str, previous: str, tell: Tell, timeout: float, clock: Clock) -> End:
        """Deploy a revision, or the live one again for "", watched to its verdict."""
        return self.watch(Target.of(self._update(revision), previous), tell, timeout, clock)

    def watch(self, target: Target, tell: Tell, timeout: float, clock: Clock) -> End:
        """Watch a deployment in flight to its verdict."""
        return watch(target, Poller(self._service, target, Calls()), tell, timeout, clock)

    def judge(self, previous: str, bake: float, timeout: float, clock: Clock, display: Display) -> End:
        """What a deploy of the live revision makes of it; with a ``bake``, in seconds, it may put ``previous`` back."""
        seen = self.service()
        if seen.primary is None:
            raise GitopsError(f"ECS describes {self.name} without a deployment", fix="run it again")
        document = self._ecs.task_definition(seen.primary.revision).document
        run = Run(self._session, self._service, lambda _: None, display, clock, timeout, bake)
        return follow(Target.of(seen.primary, previous), document, run, seen).end

    @contextmanager
    def doomed_revision(self, of: str, lives: float = 0.0) -> Iterator[str]:
        """A revision that exits at start, or when it has lived, made of another; gone at the end, and not live.

        It has a family of its own: whatever ends this process, no stack update
        and no deploy takes it for the service's newest revision.
        """
        live = self._ecs.task_definition(of).document
        bad = self._ecs.register(doomed(live, self.name, f"{self.environment.family(self.name)}-drill", lives)).arn
        try:
            yield bad
        finally:
            if self.service().revision == bad:
                self._update(of)
            self._ecs.deregister(bad)
            self._ecs.delete([bad])

    def _update(self, revision: str) -> Deployment:
        """A new deployment: of ``revision``, or of the one that is live for ""."""
        primary = self._service.update(revision, force=not revision).primary
        if primary is None:
            raise GitopsError(f"UpdateService of {self.name} answered without a deployment", fix="run it again")
        return primary
