"""What a service's Dockerfile and its gunicorn.conf.py say of the container."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from gitops.images.dockerfile import FinalStage
from gitops.layers.claims import Claim

# docs.gunicorn.org, settings, "bind": what it listens on when nobody says.
DEFAULT_BIND = "127.0.0.1:8000"
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


def claims(stage: FinalStage, path: str) -> Iterator[Claim]:
    """The exposed ports and the user of a Dockerfile's final stage."""
    for port in stage.exposed:
        yield Claim("container port", port.partition("/")[0], f"{path} (EXPOSE)")
    if stage.user:
        yield Claim("user", stage.user.partition(":")[0], f"{path} (USER)")


def gunicorn_bind(
    stage: FinalStage, container: dict[str, Any], settings: str | None, dockerfile: str, settings_path: str
) -> tuple[str, str] | None:
    """Where gunicorn listens, and which file says so; None when the container does not run gunicorn.

    Its command line wins over GUNICORN_CMD_ARGS, which wins over the settings
    file. Raises ValueError when the settings compute their ``bind``.
    """
    command = container.get("command") or stage.command
    entrypoint = container.get("entryPoint") or stage.entrypoint
    words = [*entrypoint, *command]
    if not words or words[0].rpartition("/")[2] != "gunicorn":
        return None
    if (bind := _option(words)) is not None:
        return bind, "the task definition (command)" if container.get("command") else f"{dockerfile} (CMD)"
    variables = {one["name"]: one.get("value", "") for one in container.get("environment") or []}
    arguments = variables.get("GUNICORN_CMD_ARGS") or stage.environment.get("GUNICORN_CMD_ARGS", "")
    if (bind := _option(shlex.split(arguments))) is not None:
        return bind, "GUNICORN_CMD_ARGS"
    if settings is not None and (bind := _setting(settings)) is not None:
        return bind, f"{settings_path} (bind)"
    return DEFAULT_BIND, "gunicorn's default"


def bind_claims(bind: tuple[str, str]) -> Iterator[Claim]:
    """The port of a bind address."""
    address, where = bind
    yield Claim("container port", address.rpartition(":")[2], where)


def is_loopback(address: str) -> bool:
    """Whether nobody outside of the container reaches a bind address."""
    return address.rpartition(":")[0] in _LOOPBACK


def _option(words: Sequence[str]) -> str | None:
    found = None
    for position, word in enumerate(words):
        if word in {"-b", "--bind"} and position + 1 < len(words):
            found = words[position + 1]
        elif word.startswith("--bind="):
            found = word.removeprefix("--bind=")
    return found


def _setting(text: str) -> str | None:
    found = None
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "bind" for target in node.targets):
            value = ast.literal_eval(node.value)
            found = value[0] if isinstance(value, list | tuple) else value
    return None if found is None else str(found)
