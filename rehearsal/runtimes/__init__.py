"""What a task of the rehearsal runs as: containers where an engine answers, processes elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from rehearsal.runtimes.task import StartedTask

RuntimeName = Literal["processes", "containers"]
NAMES: Final[tuple[RuntimeName, ...]] = ("processes", "containers")
# In the state folder: the registry's host and port, by which an engine names what it pulled.
REGISTRY_FILE: Final = "registry-host"


class Runtime(Protocol):
    """What the emulator's ECS asks of a Docker client: ``images`` and ``containers`` as docker-py has them."""

    images: Any
    containers: Any

    def for_task(self, task: StartedTask) -> Any:  # noqa: ANN401 (docker-py's client, by shape)
        """The client that starts this one task, knowing its definition and how it may pull."""
        ...

    def discard(self, container_id: str, timeout: float) -> int | None:
        """Stop a container (SIGTERM, after ``timeout`` seconds SIGKILL), remove it; its exit code."""
        ...

    def check(self, container_id: str, command: Sequence[str], timeout: float) -> bool:
        """Run a health check's command in a container; whether it exits with 0 within ``timeout`` seconds.

        The command asks 127.0.0.1, which each task has of its own on AWS: here it is the task's address.
        """
        ...

    def reason(self, container_id: str) -> str | None:
        """Why the kernel ended a container, in ECS's words; None where it ended by itself."""
        ...

    def close(self) -> None:
        """Stop and remove everything this rehearsal started; safe to call twice."""
        ...


def create(name: RuntimeName, state: Path) -> Runtime:
    """The runtime called ``name``, keeping its files in ``state``; GitopsError when it cannot work here."""
    if name == "processes":
        from rehearsal.runtimes.processes import Processes

        return Processes(state)
    from rehearsal.runtimes.containers import Containers

    return Containers(state)
