"""What the final stage of a Dockerfile sets: the command, its folder, variables, user and ports."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

from gitops.errors import GitopsError


@dataclass(frozen=True)
class FinalStage:
    """The part of an image's configuration that a Dockerfile states itself."""

    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    user: str
    exposed: tuple[str, ...] = ()


def final_stage(text: str, arguments: dict[str, str]) -> FinalStage:
    """Read a Dockerfile's final stage, with its build arguments filled in.

    Raises GitopsError when it has no CMD in exec form (a shell form would run
    under a shell that swallows SIGTERM) or no absolute WORKDIR.
    """
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), build_args=arguments)
    instructions = parser.structure
    start = max((n for n, item in enumerate(instructions) if item["instruction"] == "FROM"), default=-1)
    if start < 0:
        raise GitopsError("the Dockerfile has no FROM", fix="name its base image")
    last = {item["instruction"]: item["value"] for item in instructions[start + 1 :]}
    folder = PurePosixPath("/")
    for item in instructions[start + 1 :]:
        if item["instruction"] == "WORKDIR":
            folder = folder / item["value"]
    if folder == PurePosixPath("/"):
        raise GitopsError("the Dockerfile's final stage has no WORKDIR", fix="add WORKDIR /app")
    return FinalStage(
        command=_exec_form("CMD", last.get("CMD", "")),
        entrypoint=_exec_form("ENTRYPOINT", last["ENTRYPOINT"]) if "ENTRYPOINT" in last else (),
        folder=str(folder),
        environment=dict(parser.envs),
        user=last.get("USER", ""),
        exposed=tuple(
            port
            for item in instructions[start + 1 :]
            if item["instruction"] == "EXPOSE"
            for port in item["value"].split()
        ),
    )


def _exec_form(instruction: str, value: str) -> tuple[str, ...]:
    try:
        words = json.loads(value)
    except json.JSONDecodeError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise GitopsError(
            f'the Dockerfile\'s final stage has no {instruction} in exec form: "{value}"',
            fix=f'write {instruction} ["program", "argument"]',
        )
    return tuple(words)
