"""What a rendered task definition says of its service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gitops.layers.claims import Claim
from gitops.taskdefs.render import IMAGE

# A container asks itself: the port and the path of the address in its health check's command.
_ITSELF = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::(?P<port>\d+))?(?P<path>/[^\s'\"?)]*)?")


def container(document: dict[str, Any]) -> dict[str, Any]:
    """The container that gets the commit's image; an empty one where there is none."""
    containers = document.get("containerDefinitions") or []
    return next((one for one in containers if one.get("image") == IMAGE), {})


def claims(document: dict[str, Any], path: str) -> Iterator[Claim]:
    """Container, port, health path, log group, user and family, as the file at ``path`` has them."""
    ours = container(document)
    if "family" in document:
        yield Claim("task definition family", document["family"], f"{path} (family)")
    if "name" in ours:
        yield Claim("container name", ours["name"], f"{path} (name)")
    for mapping in ours.get("portMappings") or []:
        yield Claim("container port", str(mapping.get("containerPort")), f"{path} (portMappings)")
    command = " ".join((ours.get("healthCheck") or {}).get("command") or [])
    for found in _ITSELF.finditer(command):
        yield Claim("container port", found["port"] or "80", f"{path} (healthCheck)")
        yield Claim("health path", found["path"] or "/", f"{path} (healthCheck)")
    options = (ours.get("logConfiguration") or {}).get("options") or {}
    if "awslogs-group" in options:
        yield Claim("log group", options["awslogs-group"], f"{path} (awslogs-group)")
    if "user" in ours:
        yield Claim("user", ours["user"].partition(":")[0], f"{path} (user)")
    if document.get("networkMode") == "awsvpc":
        yield Claim("target type", "ip", f"{path} (networkMode awsvpc)")


def role_names(document: dict[str, Any]) -> dict[str, str]:
    """The names of the roles by the key that holds their ARN."""
    keys = ("executionRoleArn", "taskRoleArn")
    return {key: document[key].rpartition("/")[2] for key in keys if document.get(key)}
