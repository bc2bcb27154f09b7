"""The containers of a task beside one another: which of them can run here, in which order, and who waits for whom.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (dependsOn, startTimeout)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, Final

from rehearsal.emulator.ecs import services, task_definitions
from rehearsal.emulator.ecs.container_health import FIRST_INTERVAL, TICK, ContainerCheck
from rehearsal.runtimes import ELSEWHERE, Runtime

Container = Mapping[str, Any]
Task = dict[str, Any]

# "Fargate ... default value of 3 minutes" (startTimeout), in seconds.
START_TIMEOUT: Final = 180.0
LEFT_OUT: Final = "left the container {name} out of (task {task}): {reason}"
# The words of the agent: aws/amazon-ecs-agent#3218 and #2404.
NOT_RESOLVED: Final = "dependency graph: failed to resolve container ordering dependency [{on}] for target [{name}]"


class NotResolvedError(Exception):
    """What a container depends on did not come so far."""


def is_essential(container: Container) -> bool:
    """Whether its end is the end of its task."""
    return bool(container.get("essential", True))


def unrunnable(data: Mapping[str, Any], runtime: Runtime) -> str | None:
    """Why a task definition cannot be run here, and the way out; None where it can."""
    for container in data.get("containerDefinitions") or []:
        if is_essential(container) and not runtime.has(str(container.get("image", ""))):
            return (
                f"Container '{container['name']}' is essential and cannot be run in this rehearsal: {ELSEWHERE}. "
                "Rehearse with a Docker engine (RUNTIME=containers), or make it non-essential in the overlay of this "
                "environment."
            )
    return None


class Sidecars:
    """Registers what this runtime can run, and starts the containers of a task in turn."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def register_task_definition(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
        """RegisterTaskDefinition, but for a task that would never start here."""
        problem = task_definitions.unregistrable(data) or unrunnable(data, self._runtime)
        return task_definitions.refused(problem) if problem else task_definitions.register_task_definition(data)

    def arrange(self, task: Task, definition: dict[str, Any]) -> None:
        """Have ministack start, of a task's own copy of its definition, what can run, in the order of dependsOn.

        What cannot is left out, and said: as the container's reason, and as an event of the service.
        """
        every = definition["containerDefinitions"]
        out = [one for one in every if not self._runtime.has(one["image"])]
        definition["containerDefinitions"] = ordered([one for one in every if one not in out])
        # ministack knows a task's containers by their place.
        places = [*definition["containerDefinitions"], *out]
        rank = {one["name"]: place for place, one in enumerate(places)}
        task["containers"].sort(key=lambda described: rank[described["name"]])
        task["_container_essentials"] = [is_essential(one) for one in places]
        for described in task["containers"][len(places) - len(out) :]:
            described["reason"] = ELSEWHERE
            if service := services.of_task(task):
                shown = LEFT_OUT.format(name=described["name"], task=services.task_id(task), reason=ELSEWHERE)
                services.tell(service, shown)
                for deployment in service["deployments"]:
                    # Nobody will ever resolve its image: the other tasks need not wait for that.
                    deployment.setdefault("_image_digests", {})

    def in_turn(self, client: Any, definition: Mapping[str, Any]) -> Any:  # noqa: ANN401 (docker-py's client)
        """The client of one task, whose containers start once what they depend on has come so far."""
        client.containers = InTurn(client.containers, self._runtime, definition["containerDefinitions"])
        return client


class InTurn:
    """docker-py's ContainerCollection of one task."""

    def __init__(self, containers: Any, runtime: Runtime, definitions: Sequence[Container]) -> None:  # noqa: ANN401
        self._start, self.get, self._runtime = containers.run, containers.get, runtime
        self._definitions = {one["name"]: one for one in definitions}
        self._started: dict[str, Any] = {}

    def run(self, image: str, **given: Any) -> Any:  # noqa: ANN401 (as docker-py)
        """Start a container in its turn; NotResolvedError where that never comes."""
        name = given["labels"]["com.amazonaws.ecs.container-name"]
        for one in self._definitions[name].get("dependsOn") or []:
            self._wait(one["containerName"], one["condition"], name)
        self._started[name] = container = self._start(image, **given)
        return container

    def _wait(self, on: str, condition: str, name: str) -> None:
        # What was left out here is not waited for.
        if on not in self._started:
            return
        definition, container = self._definitions[on], self._started[on]
        until = time.monotonic() + float(definition.get("startTimeout") or START_TIMEOUT)
        while not self._is_met(condition, definition, container):
            container.reload()
            ended = container.status == "exited" and condition != "COMPLETE"
            if ended or time.monotonic() > until:
                words = "did not become healthy" if condition == "HEALTHY" else "did not exit successfully"
                raise NotResolvedError(f"{NOT_RESOLVED.format(on=on, name=name)} as dependency {words}")
            time.sleep(FIRST_INTERVAL if condition == "HEALTHY" else TICK)

    def _is_met(self, condition: str, definition: Container, container: Any) -> bool:  # noqa: ANN401
        if condition == "START":
            return True
        if condition == "HEALTHY":
            check = ContainerCheck.of(definition)
            return check is not None and self._runtime.check(container.id, check.command, check.timeout)
        container.reload()
        ended = container.status == "exited"
        return ended and (condition == "COMPLETE" or container.wait()["StatusCode"] == 0)


def ordered(containers: Sequence[Container]) -> list[Container]:
    """The containers, each after those that it depends on."""
    names = {one["name"]: one for one in containers}
    graph = {
        name: [on["containerName"] for on in one.get("dependsOn") or [] if on["containerName"] in names]
        for name, one in names.items()
    }
    return [names[name] for name in TopologicalSorter(graph).static_order()]
