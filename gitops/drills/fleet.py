"""The tasks of a service and what its load balancer thinks of them, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """One task that ECS wants to run; ``address`` is "" until it has one."""

    arn: str
    address: str
    zone: str
    is_running: bool

    @property
    def short(self) -> str:
        """The first characters of its id, as the console shows them."""
        return self.arn.rpartition("/")[2][:8]


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

    @property
    def arns(self) -> frozenset[str]:
        """Every task's ARN."""
        return frozenset(task.arn for task in self.tasks)


def task(described: Mapping[str, Any]) -> Task:
    """One task of DescribeTasks."""
    details = [detail for attachment in described.get("attachments", []) for detail in attachment.get("details", [])]
    addresses = [detail["value"] for detail in details if detail.get("name") == "privateIPv4Address"]
    return Task(
        arn=described["taskArn"],
        address=addresses[0] if addresses else "",
        zone=described.get("availabilityZone", ""),
        is_running=described.get("lastStatus") == "RUNNING" and described.get("desiredStatus") == "RUNNING",
    )


def targets(described: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Address to state, of one target group's DescribeTargetHealth."""
    return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in described}


def busiest_zone(tasks: Iterable[Task]) -> tuple[str, list[Task]]:
    """The availability zone with the most tasks (the first by name of several), and its tasks."""
    every = list(tasks)
    counted = Counter(one.zone for one in every)
    zone = min(counted, key=lambda name: (-counted[name], name))
    return zone, [one for one in every if one.zone == zone]
