"""What a runtime is told about the task it starts, and the loopback address where that listens.

Each task has an address of its own, so that all of them listen on the same port.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gitops.errors import GitopsError

# In the state folder: the registry's host and port, by which an engine names what it pulled.
REGISTRY_FILE: Final = "registry-host"
# ECS waits this long between SIGTERM and SIGKILL where the definition says nothing.
DEFAULT_STOP_TIMEOUT = 30.0
# 127.0.0.0/16 is left alone: name services of the machine listen there (127.0.0.53).
FIRST_OCTETS = range(64, 128)
LOCAL = re.compile(r"(?<![\w.-])(127\.0\.0\.1|localhost)(?![\w.-])")


@dataclass
class StartedTask:
    """One task and the definition it is started from (as DescribeTaskDefinition answers it).

    ``registry_password`` is the execution role's registry token, the user being ``AWS``.
    """

    arn: str
    definition: Mapping[str, Any]
    registry_password: str
    _address: str = ""

    def address(self, taken: Iterable[str]) -> str:
        """Where its containers listen, all on one address as on AWS: one that is not ``taken`` by another task."""
        if not self._address:
            every = [port for container in self.definition["containerDefinitions"] for port in ports(container)]
            self._address = free_address(every, taken)
        return self._address

    def container(self, name: str) -> Mapping[str, Any]:
        """The definition of the container called ``name``; KeyError when there is none."""
        for container in self.definition["containerDefinitions"]:
            if container["name"] == name:
                return dict(container)
        raise KeyError(name)


def stop_timeout(container: Mapping[str, Any]) -> float:
    """Seconds between SIGTERM and SIGKILL (ContainerDefinition.stopTimeout)."""
    return float(container.get("stopTimeout") or DEFAULT_STOP_TIMEOUT)


def ports(container: Mapping[str, Any]) -> list[int]:
    """The ports that a container listens on."""
    return [int(mapping["containerPort"]) for mapping in container.get("portMappings") or []]


def free_address(ports: Sequence[int], taken: Iterable[str]) -> str:
    """An address 127.x.y.z on which all ``ports`` are free and that no other task has.

    Chosen at random, so that rehearsals side by side on one machine rarely meet.
    Raises GitopsError when a hundred addresses in a row are taken.
    """
    known = set(taken)
    for _ in range(100):
        address = f"127.{random.choice(FIRST_OCTETS)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311 (no secret)
        if address not in known and all(_free(address, port) for port in ports):
            return address
    raise GitopsError(f"no loopback address has port {', '.join(map(str, ports))} free", fix="make stop")


def _free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def listening_on(environment: dict[str, str], address: str, ports: Sequence[int]) -> dict[str, str]:
    """The environment with gunicorn told to listen on ``address`` only.

    Gunicorn reads GUNICORN_CMD_ARGS after its configuration file, so this wins
    over a bind on every interface there.
    """
    binds = " ".join(f"--bind {address}:{port}" for port in ports[:1])
    present = environment.get("GUNICORN_CMD_ARGS", "")
    return {**environment, "GUNICORN_CMD_ARGS": f"{present} {binds}".strip()}


def asking(command: Sequence[str], address: str) -> list[str]:
    """A health check's command with ``address`` in place of 127.0.0.1 and localhost."""
    return [LOCAL.sub(address, argument) for argument in command]


def reachable(environment: dict[str, str]) -> dict[str, str]:
    """The environment with the emulator's own addresses as a task on this machine reaches them."""
    return {
        name: value.replace("host.docker.internal", "127.0.0.1") if name.startswith(("AWS_", "ECS_")) else value
        for name, value in environment.items()
    }
