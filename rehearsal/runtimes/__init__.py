"""What a task of the rehearsal runs as: containers where an engine answers, processes elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from gitops.errors import GitopsError
from rehearsal.runtimes.task import REGISTRY_FILE as REGISTRY_FILE
from rehearsal.runtimes.task import StartedTask

RuntimeName = Literal["processes", "containers"]
NAMES: Final[tuple[RuntimeName, ...]] = ("processes", "containers")
# What runs in the rehearsal and what that leaves unproven, for people to read.
PROOF: Final[dict[RuntimeName, str]] = {
    "containers": (
        "Tasks run as containers of the image that the Dockerfile builds, with the task definition's user, "
        "read-only root, capabilities, memory and CPU. Not proven: awsvpc networking, security groups."
    ),
    "processes": (
        "Tasks run as processes: the service's files at the commit and its locked requirements, pushed and "
        "pulled as an image. Not proven: the Dockerfile and its base image, read-only root, user, capabilities, "
        "limits of memory and CPU, containers of images from elsewhere, awsvpc networking, security groups."
    ),
}
# Why a container is not run as a process.
ELSEWHERE: Final = "its image is from elsewhere, and processes run images of the rehearsal's own registry alone"


class Runtime(Protocol):
    """What the emulator's ECS asks of a Docker client: ``images`` and ``containers`` as docker-py has them."""

    images: Any
    containers: Any

    def has(self, image: str) -> bool:
        """Whether an image can be asked for here; an engine pulls from everywhere."""

    def for_task(self, task: StartedTask) -> Any:  # noqa: ANN401 (docker-py's client, by shape)
        """The client that starts this one task, knowing its definition and how it may pull."""

    def discard(self, container_id: str, timeout: float) -> int | None:
        """Stop a container (SIGTERM, after ``timeout`` seconds SIGKILL), remove it; its exit code."""

    def check(self, container_id: str, command: Sequence[str], timeout: float) -> bool:
        """Run a health check's command in a container; whether it exits with 0 within ``timeout`` seconds.

        The command asks 127.0.0.1, which each task has of its own on AWS: here it is the task's address.
        """

    def reason(self, container_id: str) -> str | None:
        """Why the kernel ended a container, in ECS's words; None where it ended by itself."""

    def close(self) -> None:
        """Stop and remove everything this rehearsal started; safe to call twice."""


def create(name: RuntimeName, state: Path) -> Runtime:
    """The runtime called ``name``, keeping its files in ``state``; GitopsError when it cannot work here."""
    if name == "processes":
        from rehearsal.runtimes.processes import Processes

        return Processes(state)
    from rehearsal.runtimes.containers import Containers

    return Containers(state)


def choose(requested: str) -> RuntimeName:
    """``containers`` where an engine of this machine can build and run them, else ``processes``.

    ``requested`` is ``auto`` or a runtime; GitopsError when the one asked for cannot work here.
    """
    if requested == "processes":
        return "processes"
    missing = containers_lack()
    if missing is None:
        return "containers"
    if requested == "containers":
        raise GitopsError(f"tasks cannot run as containers here: {missing}", fix="use --runtime processes")
    return "processes"


def containers_lack() -> str | None:
    """What this machine lacks for containers; None where it has everything."""
    host = os.environ.get("DOCKER_HOST", "unix://")
    if not host.startswith("unix://"):
        return f"DOCKER_HOST is {host}, and the tasks must share this machine's loopback addresses"
    if shutil.which("docker") is None:
        return "there is no docker command to build with"
    from rehearsal.runtimes.containers import connect

    try:
        engine = connect()
    except GitopsError as error:
        return error.problem
    with contextlib.closing(engine):
        information = engine.info()
    return engine_unfit(str(information.get("OperatingSystem", "")), information.get("SecurityOptions") or [])


def engine_unfit(system: str, security: Sequence[str]) -> str | None:
    """Why an engine's containers cannot listen on this machine's loopback addresses; None where they can."""
    if "Docker Desktop" in system:
        return "the engine runs in a virtual machine (Docker Desktop)"
    if any("rootless" in option for option in security):
        return "the engine is rootless and has a network of its own"
    return None
