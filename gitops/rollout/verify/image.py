"""Whether the commit's image is in the registry, is the one that was handed on, and runs on the task's platform."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images.registry import Repository
from gitops.rollout.verify.failures import Failure

# What a task definition calls a processor, and what an image calls it: github.com/opencontainers/image-spec,
# config.md, after Go's GOARCH.
ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

Configuration = dict[str, Any]


def digest(
    repository: Repository, service: str, commit: str, environment: Environment, handed: str = ""
) -> tuple[str, list[Failure]]:
    """The digest of a commit's image, and a failure where there is none or it is not the one handed on.

    ``handed`` is the digest that the caller was given for the commit, empty when it was given none.
    """
    found = repository.digest(commit)
    if found is None:
        fix = f"gitops build {service} {environment.environment} --commit {commit}"
        return "", [Failure(f"{repository.name} has no image of commit {commit[:12]}", fix)]
    if handed not in {"", found}:
        problem = f"the image of commit {commit[:12]} is {found}, and {handed} was to be deployed"
        return found, [Failure(problem, "find out who pushed another image, then build and ship a new commit")]
    return found, []


def architecture(
    configuration: Callable[[], Configuration], document: dict[str, Any], environment: Environment, machine: str = ""
) -> list[Failure]:
    """A failure when the image is for another platform than its tasks run on.

    ``configuration`` reads the image's configuration and may raise GitopsError.
    An environment on this machine runs tasks on its processor (``machine``, by
    default the one that this runs on), whatever the task definition asks Fargate for.
    """
    try:
        settings = configuration()
    except GitopsError as error:
        return [Failure(error.problem, error.fix)]
    asked = (document.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    wanted = ARCHITECTURES.get(asked, asked)
    why = f"runtimePlatform is {asked}"
    if environment.aws_config_file is not None:
        machine = machine or platform.machine()
        wanted, why = _MACHINES.get(machine.lower(), machine), f"this machine is {machine}"
    has = f"{settings.get('os') or 'no system'}/{settings.get('architecture') or 'no architecture'}"
    if has == f"linux/{wanted}":
        return []
    fix = f"build it for linux/{wanted}, or set runtimePlatform to what it was built for"
    return [Failure(f"the image is for {has}, and {why}", fix)]
