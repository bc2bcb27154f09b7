"""Tasks as containers of a Docker engine, limited as their task definition says."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

from gitops.errors import GitopsError
from rehearsal.runtimes.images import is_here
from rehearsal.runtimes.task import REGISTRY_FILE, StartedTask, asking, listening_on, ports, reachable

# On every container of a rehearsal and every image built on its base image: its state folder.
LABEL: Final = "dev.fairweather.rehearsal"
ADDRESS_LABEL: Final = "dev.fairweather.address"
DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
# Seconds the engine may take for one call; stopping a task adds its own timeout.
ENGINE_TIMEOUT = 60
# How often the engine is asked whether a health check's command has ended, in seconds.
CHECK_INTERVAL = 0.05
CPU_UNITS_PER_CPU = 1024
NANOS_PER_CPU = 1_000_000_000
# Replaced by the host's network; ministack chooses these for a network of its own.
REPLACED = ("ports", "network", "extra_hosts", "environment")


class Containers:
    """The runtime: docker-py with what ministack leaves out of a container added."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.engine = connect()
        self.images = self.engine.images
        self.containers = self.engine.containers
        _remove_containers(self.engine, state)

    def has(self, image: str) -> bool:
        """Always: an engine pulls from everywhere, and says where it cannot."""
        return True

    def for_task(self, task: StartedTask) -> SimpleNamespace:
        """The client that pulls and runs this one task."""
        images = Images(self.engine.images, task.registry_password)
        return SimpleNamespace(images=images, containers=ContainersOf(self.engine, self.state, task))

    def discard(self, container_id: str, timeout: float) -> int | None:
        """Stop and remove a container; its exit code, None when there is no such container."""
        try:
            container = self.engine.containers.get(container_id)
            container.stop(timeout=math.ceil(timeout))
            code = int(container.wait()["StatusCode"])
        except NotFound:
            return None
        _remove(container)
        return code

    def check(self, container_id: str, command: Sequence[str], timeout: float) -> bool:
        """Whether a command in the container exits with 0 within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        try:
            address = self.engine.containers.get(container_id).labels[ADDRESS_LABEL]
            started = self.engine.api.exec_create(container_id, asking(command, address))["Id"]
            self.engine.api.exec_start(started, detach=True)
            while (state := self.engine.api.exec_inspect(started))["Running"]:
                if time.monotonic() > end:
                    return False
                time.sleep(CHECK_INTERVAL)
        except DockerException:
            # It ended meanwhile, or has no such program.
            return False
        return bool(state["ExitCode"] == 0)

    def reason(self, container_id: str) -> str | None:
        """Why the kernel ended a container, in ECS's words; None where it ended by itself."""
        with contextlib.suppress(DockerException):
            if self.engine.containers.get(container_id).attrs["State"].get("OOMKilled"):
                return "OutOfMemoryError: Container killed due to memory usage"
        return None

    def close(self) -> None:
        """Stop and remove every container of this rehearsal."""
        _remove_containers(self.engine, self.state)
        self.engine.close()


def connect() -> docker.DockerClient:
    """The engine of this machine; GitopsError when none answers."""
    host = os.environ.get("DOCKER_HOST", DEFAULT_HOST)
    try:
        if host.startswith("unix://"):
            # Asked first: docker-py leaves its socket open where nobody listens.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(host.removeprefix("unix://"))
        return docker.from_env(timeout=ENGINE_TIMEOUT, max_pool_size=50)
    except (DockerException, OSError) as error:
        raise GitopsError(
            f"no Docker engine answers on {host}: {error}", fix="start one, or use --runtime processes"
        ) from None


@dataclass(frozen=True)
class Images:
    """The engine's images, pulled as the task's execution role."""

    images: Any
    password: str

    def _login(self, image: str) -> dict[str, str] | None:
        """The execution role's, for the rehearsal's own registry alone."""
        return {"username": "AWS", "password": self.password} if self.password and is_here(image) else None

    def get_registry_data(self, image: str, auth_config: object = None) -> Any:  # noqa: ANN401
        """The digest that a tag stands for now."""
        return self.images.get_registry_data(image, auth_config=self._login(image))

    def pull(self, image: str, platform: str | None = None, auth_config: object = None) -> Any:  # noqa: ANN401
        """Fetch an image by its digest or tag."""
        return self.images.pull(image, platform=platform, auth_config=self._login(image))

    def get(self, image: str) -> Any:  # noqa: ANN401
        """Always missing: a Fargate task pulls, it has no cache to fall back on."""
        raise ImageNotFound(image)


@dataclass(frozen=True)
class ContainersOf:
    """The engine's containers, started for one task."""

    engine: docker.DockerClient
    state: Path
    task: StartedTask

    def run(self, image: str, **given: Any) -> LoopbackContainer:  # noqa: ANN401 (as docker-py)
        """Start a container with the limits and rights of its definition."""
        definition = self.task.container(given["labels"]["com.amazonaws.ecs.container-name"])
        others = self.engine.containers.list(sparse=True, filters={"label": ADDRESS_LABEL})
        taken = [c.attrs["Labels"][ADDRESS_LABEL] for c in others]
        address = self.task.address(taken)
        options = run_options(self.task.definition, definition, given, address)
        options["labels"] = {**given["labels"], LABEL: str(self.state), ADDRESS_LABEL: address}
        return LoopbackContainer(self.engine.containers.run(image, **options), address)

    def get(self, container_id: str) -> Container:
        """A container by its id."""
        return self.engine.containers.get(container_id)


class LoopbackContainer:
    """A started container that tells the address it listens on; on the host's network it has none of its own."""

    def __init__(self, container: Container, address: str) -> None:
        self._container = container
        self._address = address

    @property
    def attrs(self) -> dict[str, Any]:
        """``docker inspect`` with the task's loopback address."""
        networks = {"host": {"IPAddress": self._address}}
        return {**self._container.attrs, "NetworkSettings": {"Networks": networks}}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (everything else is the container's)
        return getattr(self._container, name)


def remove_all(state: Path) -> list[str]:
    """Remove the containers and images of the rehearsal in ``state``; what was removed, in words.

    Nothing to do, and no error, where no engine answers.
    """
    try:
        engine = connect()
    except GitopsError:
        return []
    with contextlib.closing(engine):
        containers = _remove_containers(engine, state)
        images = _remove_images(engine, state)
    counted = (("container", containers), ("image", images))
    return [f"{number} {what}{'s' if number > 1 else ''}" for what, number in counted if number]


def _remove_containers(engine: docker.DockerClient, state: Path) -> int:
    found = engine.containers.list(all=True, sparse=True, filters={"label": f"{LABEL}={state}"})
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(_stop_and_remove, found))
    return len(found)


def _stop_and_remove(container: Container) -> None:
    with contextlib.suppress(NotFound):
        container.stop(timeout=2)
        _remove(container)


def _remove(container: Container) -> None:
    """Remove a container and its volumes; the engine answers 409 where somebody else is doing that already."""
    try:
        container.remove(v=True, force=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def _remove_images(engine: docker.DockerClient, state: Path) -> int:
    """Images pushed to or pulled from this registry, and those built on the rehearsal's base image."""
    host_file = state / REGISTRY_FILE
    host = host_file.read_text().strip() if host_file.exists() else None
    ours = {str(image.id) for image in engine.images.list(filters={"label": f"{LABEL}={state}"})}
    for image in engine.images.list():
        names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
        if host and any(name.startswith(f"{host}/") for name in names):
            ours.add(str(image.id))
    removed = 0
    # An image goes only after those built on it.
    for _ in range(3):
        for identity in list(ours):
            with contextlib.suppress(DockerException):
                engine.images.remove(identity, force=True)
                ours.discard(identity)
                removed += 1
    return removed


def run_options(
    task: Mapping[str, Any], container: Mapping[str, Any], given: Mapping[str, Any], address: str
) -> dict[str, Any]:
    """ministack's options for one container with what it leaves out added.

    Network: the host's, listening on ``address`` alone, so that nothing is open
    beyond 127.0.0.0/8. ``healthCheck`` is left to the emulator's scheduler: its
    command asks 127.0.0.1, which is not where this task listens.
    """
    linux = container.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    options = {name: value for name, value in given.items() if name not in REPLACED}
    options |= {
        "network_mode": "host",
        "environment": listening_on(reachable(given["environment"]), address, ports(container)),
        "healthcheck": {"test": ["NONE"]},
        "init": bool(linux.get("initProcessEnabled", False)),
        "security_opt": ["no-new-privileges"],
        "cap_drop": list(capabilities.get("drop") or []),
        "cap_add": list(capabilities.get("add") or []),
        "read_only": bool(container.get("readonlyRootFilesystem", False)),
        "tmpfs": {mount["containerPath"]: _tmpfs(mount) for mount in linux.get("tmpfs") or []},
        "ulimits": [
            Ulimit(name=limit["name"], soft=limit["softLimit"], hard=limit["hardLimit"])
            for limit in container.get("ulimits") or []
        ],
        "mounts": _volumes(task, container),
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "2"}),
    }
    for key, option in (("user", "user"), ("workingDirectory", "working_dir"), ("entryPoint", "entrypoint")):
        if container.get(key):
            options[option] = container[key]
    return options | _limits(task, container)


def _limits(task: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, Any]:
    """Memory in bytes with no swap beyond it, CPU in billionths; the task's where the container has none."""
    limits: dict[str, Any] = {}
    memory = container.get("memory") or task.get("memory")
    if memory:
        limits["mem_limit"] = limits["memswap_limit"] = int(memory) * 1024 * 1024
    cpu = container.get("cpu") or task.get("cpu")
    if cpu:
        limits["nano_cpus"] = int(cpu) * NANOS_PER_CPU // CPU_UNITS_PER_CPU
    return limits


def _tmpfs(mount: Mapping[str, Any]) -> str:
    return ",".join([f"size={mount['size']}m", *(mount.get("mountOptions") or [])])


def _volumes(task: Mapping[str, Any], container: Mapping[str, Any]) -> list[Mount]:
    """Fargate's volumes without a host path: empty ones, gone with the container."""
    hosted = {v["name"] for v in task.get("volumes") or [] if (v.get("host") or {}).get("sourcePath")}
    return [
        Mount(target=mount["containerPath"], source=None, type="volume", read_only=bool(mount.get("readOnly")))
        for mount in container.get("mountPoints") or []
        if mount["sourceVolume"] not in hosted
    ]
