"""Tasks that stopped, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.rollout.decide import Target

# ECS's own words for a task that was stopped because the service wants fewer.
_SCALING = "Scaling activity initiated by"
# And for one that was stopped because a health check said so (service-event-messages in its guide).
_HEALTH = ("failed ELB health checks", "failed container health checks")
_MEMORY = ("OutOfMemory", "out of memory")
_KILLED = 137


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


def task(described: Mapping[str, Any]) -> StoppedTask:
    """One stopped task of DescribeTasks."""
    containers = described.get("containers") or [{}]
    culprit = next(
        (one for one in containers if one.get("exitCode")),
        next((one for one in containers if one.get("reason")), containers[0]),
    )
    return StoppedTask(
        id=described["taskArn"].rpartition("/")[2],
        code=described.get("stopCode", ""),
        reason=described.get("stoppedReason", ""),
        container=culprit.get("name", ""),
        exit_code=culprit.get("exitCode"),
        container_reason=culprit.get("reason", ""),
        address=_address(described),
    )


def _address(described: Mapping[str, Any]) -> str:
    """The address that its load balancer knows it by."""
    details = [detail for one in described.get("attachments") or [] for detail in one.get("details") or []]
    return next((one["value"] for one in details if one.get("name") == "privateIPv4Address"), "")


def is_ours(described: Mapping[str, Any], target: Target, service: str) -> bool:
    """Whether a stopped task belongs to our deployment and did not stop because the service shrank.

    ECS starts a service's task in the name of its deployment. An emulator may
    start it in the service's name; the revision tells then.
    """
    return (
        described.get("startedBy") in {target.deployment_id, service}
        and described.get("taskDefinitionArn") == target.revision
        and _SCALING not in described.get("stoppedReason", "")
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
