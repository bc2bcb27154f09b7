"""Answers seen on real accounts (answers.yaml), as tasks and task definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gitops import ecs_answers
from gitops.ecs_answers import Deployment, Observation, Task
from tests.gitops.deploy.described import described_task, newer, old, ours, seen, through_the_api

# {kind: answers with their source and what is right to make of them}.
SEEN: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("answers.yaml").read_text(encoding="utf-8"))
_REASONS = {
    "EssentialContainerExited": "Essential container in task exited",
    "TaskFailedToStart": "Task failed to start",
}


class Seen(NamedTuple):
    """A stopped task, its definition, and what else its entry says; ``where`` it was seen."""

    where: str
    task: Task
    definition: dict[str, Any]
    right: dict[str, Any]


def definition(has: str = "shop", **waits: str) -> dict[str, Any]:
    """One with these containers, of which those with a question mark are not essential and some wait for another."""
    containers: list[dict[str, Any]] = []
    for word in has.split():
        name = word.rstrip("?")
        waited = [{"containerName": waits[name], "condition": "SUCCESS"}] if name in waits else []
        containers.append({"name": name, "essential": not word.endswith("?"), "dependsOn": waited})
    return {"containerDefinitions": containers}


def container(name: str, ended: Any) -> dict[str, Any]:
    """One of a task: by its exit code, by that and its reason, or as UNHEALTHY."""
    if ended == "UNHEALTHY":
        return {"name": name, "healthStatus": ended, "exitCode": 143}
    code, reason = ended if isinstance(ended, list) else (ended, "")
    return {"name": name, "reason": reason} | ({} if code is None else {"exitCode": code})


def task(code: str = "EssentialContainerExited", reason: str = "", **ended: Any) -> Task:
    """A task of the service shop with these containers."""
    containers = [container(*one) for one in ended.items()]
    reason = reason or _REASONS.get(code, "")
    return ecs_answers.task(
        described_task(group="service:shop", stopCode=code, stoppedReason=reason, containers=containers)
    )


def every() -> list[Seen]:
    """Each of them."""
    return [*starts("certain"), *starts("may heal"), *ends("ended"), *ends("not of the revision")]


def starts(kind: str) -> Iterator[Seen]:
    """Tasks that failed to start, each by its own reason and by its container's."""
    for where, reason in SEEN[kind].items():
        yield Seen(where, task("TaskFailedToStart", reason, shop=None), definition(), {"cause": reason})
        of_container = task("TaskFailedToStart", shop=[None, reason])
        yield Seen(where, of_container, definition(), {"cause": f"shop: {reason}"})


def services() -> Iterator[tuple[str, str, Observation]]:
    """Where it was seen, what ECS is doing, and a service with our deployment, the older and perhaps a newer one."""
    for one in SEEN["services"]:
        deployments: list[Deployment] = []
        for name, (status, state, running, failed, reason) in one["deployments"].items():
            is_now = {"status": status, "state": state, "running": running, "failed": failed, "reason": reason}
            deployments.append(replace({"ours": ours, "old": old, "newer": newer}[name], **is_now))
        service = seen(*deployments)
        asked = through_the_api(service, one["deployment"], running=0) if "deployment" in one else service
        yield one["seen"], one["now"], asked


def ends(kind: str) -> list[Seen]:
    """Tasks that ran, but for a few."""

    def ended(one: dict[str, Any]) -> Task:
        return task(one.get("code", "EssentialContainerExited"), one.get("reason", ""), **one["ended"])

    return [Seen(one["seen"], ended(one), definition(one.get("has", "shop")), one) for one in SEEN[kind]]
