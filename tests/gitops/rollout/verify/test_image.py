"""The commit's image is there, is the one that was handed on, and runs where its tasks do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import dockerfile, pack
from gitops.rollout.verify import image

COMMIT = "a" * 40
ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ARM = {"runtimePlatform": {"cpuArchitecture": "ARM64"}}


@dataclass
class Registry:
    """As much of a repository as these look-ups ask."""

    found: str | None
    name: str = "demo/app"

    def digest(self, tag: str) -> str | None:
        assert tag == COMMIT
        return self.found


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


@pytest.mark.parametrize(
    ("found", "handed", "problem", "fix"),
    [
        (ONE, "", None, ""),
        (ONE, ONE, None, ""),
        (None, "", f"demo/app has no image of commit {'a' * 12}", f"gitops build app staging --commit {COMMIT}"),
        (None, ONE, f"demo/app has no image of commit {'a' * 12}", f"gitops build app staging --commit {COMMIT}"),
        (ONE, OTHER, f"the image of commit {'a' * 12} is {ONE}, and {OTHER} was to be deployed", "find out who"),
    ],
)
def test_the_image_of_a_commit(
    staging: Environment, found: str | None, handed: str, problem: str | None, fix: str
) -> None:
    repository: Any = Registry(found)
    digest, failures = image.digest(repository, "app", COMMIT, staging, handed)
    assert digest == (found or "")
    assert [failure.problem for failure in failures] == ([problem] if problem else [])
    assert all(failure.fix.startswith(fix) for failure in failures)


@pytest.mark.parametrize(
    ("document", "system", "architecture", "problem"),
    [
        ({}, "linux", "amd64", None),
        ({"runtimePlatform": {"cpuArchitecture": "X86_64"}}, "linux", "amd64", None),
        (ARM, "linux", "arm64", None),
        ({}, "linux", "arm64", "the image is for linux/arm64, and runtimePlatform is X86_64"),
        (ARM, "linux", "amd64", "the image is for linux/amd64, and runtimePlatform is ARM64"),
        ({}, "windows", "amd64", "the image is for windows/amd64, and runtimePlatform is X86_64"),
        ({}, "", "", "the image is for no system/no architecture, and runtimePlatform is X86_64"),
    ],
)
def test_fargates_processor_is_the_one_the_task_definition_asks_for(
    staging: Environment, document: dict[str, Any], system: str, architecture: str, problem: str | None
) -> None:
    found = image.architecture(lambda: {"os": system, "architecture": architecture}, document, staging)
    assert [failure.problem for failure in found] == ([problem] if problem else [])


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64")])
def test_on_this_machine_it_is_this_machines(staging: Environment, machine: str, architecture: str) -> None:
    here = msgspec.structs.replace(staging, aws_config_file="config")
    assert image.architecture(lambda: {"os": "linux", "architecture": architecture}, {}, here, machine) == []
    (failure,) = image.architecture(lambda: {"os": "linux", "architecture": "s390x"}, {}, here, machine)
    assert failure.problem == f"the image is for linux/s390x, and this machine is {machine}"


def test_what_pack_builds_here_runs_here(staging: Environment) -> None:
    here = msgspec.structs.replace(staging, aws_config_file="config")
    stage = dockerfile.final_stage('FROM scratch\nWORKDIR /app\nCMD ["app"]\n', {})
    settings = pack.config(stage, COMMIT, 0, "/app/site-packages", ONE)
    assert image.architecture(lambda: settings, {}, here) == []


def test_an_image_that_cannot_be_read_is_a_failure_and_not_the_end(staging: Environment) -> None:
    def unreadable() -> dict[str, Any]:
        raise GitopsError("it is not one image but a list of them", fix="build for one platform")

    (failure,) = image.architecture(unreadable, {}, staging)
    assert (failure.problem, failure.fix) == ("it is not one image but a list of them", "build for one platform")
