"""Which old revisions may go, and their removal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.environments import Environment
from gitops.rollout import history, live
from gitops.rollout.age import newer_than
from gitops.rollout.live import Revision
from gitops.rollout.observation import Observation

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

# The most that one DescribeTasks and one DeleteTaskDefinitions take.
_TASKS_PER_CALL, _REVISIONS_PER_CALL = 100, 10


@dataclass(frozen=True)
class Kept:
    """A revision that stays, and why."""

    revision: Revision
    reason: str


@dataclass(frozen=True)
class Plan:
    """What stays and what goes, newest first; ``inactive`` were deregistered before and can never run again."""

    kept: tuple[Kept, ...]
    going: tuple[Revision, ...]
    inactive: tuple[str, ...]

    @property
    def removed(self) -> int:
        """How many revisions are gone after it."""
        return len(self.going) + len(self.inactive)


def plan(active: Sequence[Revision], inactive: Sequence[str], in_use: Collection[str], go_back: str, keep: int) -> Plan:
    """Decide from a family's revisions, newest first, and the ARNs that tasks or deployments run.

    ``go_back`` is what a rollback would go to now, "" when there is nothing.
    ``keep`` is how many of the newest ACTIVE ones stay whatever they are. The
    newest one stays too, since the stack means it.
    """
    newest_good = next((one.arn for one in active if one.provenance.has_served), "")
    kept, going = [], []
    for position, one in enumerate(active):
        if one.arn in in_use:
            reason = "in use"
        elif one.arn in {go_back, newest_good}:
            reason = "last known good"
        elif position == 0:
            reason = "the newest, which the stack means"
        elif position < keep:
            reason = f"among the newest {keep}"
        else:
            going.append(one)
            continue
        kept.append(Kept(one, reason))
    return Plan(tuple(kept), tuple(going), tuple(arn for arn in inactive if arn not in in_use))


def look(ecs: ECSClient, root: Path, environment: Environment, service: str, keep: int) -> Plan:
    """Ask ECS for everything that the decision needs; it changes nothing."""
    family = environment.family(service)
    # First what is there, then what is in use: a revision that is put to use in between is not lost.
    active = list(history.newest_first(ecs, family, service))
    inactive = list(history.arns(ecs, family, "INACTIVE"))
    seen = live.service(ecs, environment.cluster, service)
    current = live.revision(ecs, seen.primary.revision, service) if seen and seen.primary else None
    good = history.last_good(active, current, newer_than(root, current)) if current else None
    used = in_use(ecs, environment.cluster, seen, family)
    return plan(active, inactive, used, good.arn if good else "", keep)


def in_use(ecs: ECSClient, cluster: str, seen: Observation | None, family: str) -> set[str]:
    """The revisions that the service means, that a deployment of it has, or that any task of the family runs."""
    if seen is None:
        # No service, or no cluster: there is nothing that could run one.
        return set()
    found = {seen.revision, *(one.revision for one in seen.deployments)}
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, family=family)
    tasks = [arn for page in pages for arn in page["taskArns"]]
    for first in range(0, len(tasks), _TASKS_PER_CALL):
        described = ecs.describe_tasks(cluster=cluster, tasks=tasks[first : first + _TASKS_PER_CALL])["tasks"]
        found |= {one["taskDefinitionArn"] for one in described if "taskDefinitionArn" in one}
    return found


def remove(ecs: ECSClient, planned: Plan) -> list[str]:
    """Deregister what goes and delete it with what was deregistered before; what ECS did not delete, and why.

    Interrupted, it leaves revisions deregistered: the next run deletes them.
    """
    for one in planned.going:
        ecs.deregister_task_definition(taskDefinition=one.arn)
    arns = [*(one.arn for one in planned.going), *planned.inactive]
    refused = []
    for first in range(0, len(arns), _REVISIONS_PER_CALL):
        answer = ecs.delete_task_definitions(taskDefinitions=arns[first : first + _REVISIONS_PER_CALL])
        refused += [
            f"{live.short_name(one.get('arn', ''))}: {one.get('reason', 'no reason')}" for one in answer["failures"]
        ]
    return refused
