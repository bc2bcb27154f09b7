"""What a task definition says of a container, as docker-py's ``containers.run`` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from rehearsal.runtimes.loopback import listening_on, reachable
from rehearsal.runtimes.task import ports

CPU_UNITS_PER_CPU = 1024
NANOS_PER_CPU = 1_000_000_000
# Replaced by the host's network; ministack chooses these for a network of its own.
REPLACED = ("ports", "network", "extra_hosts", "environment")


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
