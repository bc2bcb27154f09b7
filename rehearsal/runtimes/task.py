"""What a runtime is told about the task it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# ECS waits this long between SIGTERM and SIGKILL where the definition says nothing.
DEFAULT_STOP_TIMEOUT = 30.0


@dataclass(frozen=True)
class StartedTask:
    """One task and the definition it is started from (as DescribeTaskDefinition answers it).

    ``registry_password`` is the execution role's registry token, the user being ``AWS``.
    """

    arn: str
    definition: Mapping[str, Any]
    registry_password: str

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
