"""Each check that stands on a tool of its own finds what it is for, in a small repository with one mistake."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops.checks import running
from gitops.checks.catalogue import CHECKS, tool
from gitops.checks.running import Result
from gitops.errors import GitopsError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    service = tmp_path / "services" / "weather"
    service.mkdir(parents=True)
    for name in ("Dockerfile", "requirements.in", "requirements.txt"):
        shutil.copy(ROOT / "services" / "weather" / name, service)
    (tmp_path / "run").write_text('#!/bin/sh\necho "$1"\n')
    return tmp_path


def append(path: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).write_text((root / path).read_text() + text)

    return change


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new, 1))

    return change


MISTAKES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "unpinned action": (
        "workflows",
        replace(".github/workflows/check.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"),
        "unpinned-uses",
    ),
    "undefined job": (
        "workflows",
        replace(".github/workflows/check.yml", "[checks,", "[chekcs,"),
        "chekcs",
    ),
    "unquoted variable in a script": (
        "workflows",
        replace(".github/workflows/check.yml", '--base "$BASE"', "--base $BASE"),
        "SC2086",
    ),
    "action without inputs' form": (
        "workflows",
        replace(".github/actions/aws/action.yml", "using: composite", "using: composed"),
        "composed",
    ),
    "no cooldown": (
        "workflows",
        replace(".github/dependabot.yml", "    cooldown:\n      default-days: 7\n", ""),
        "dependabot-cooldown",
    ),
    "unknown field for Dependabot": (
        "workflows",
        replace(".github/dependabot.yml", "    groups:", "    grops:"),
        "grops",
    ),
    "image without a tag": ("dockerfile", append("services/weather/Dockerfile", "\nFROM debian\n"), "DL3006"),
    "unquoted variable": ("shell", append("run", "rm $1\n"), "SC2086"),
    "package without a hash": ("locks", append("requirements/dev.txt", "\nflask==1.0\n"), "no sha256 hash"),
    "path of one machine": ("locks", append("run", "ls /ho" + "me/me/x\n"), "run:3: path of one machine"),
    "key": ("secrets", append("run", "# AKIA" + "Q7JD5ZTRW2XKNM4B\n"), "run:3: AWS access key id"),
}


def run(root: Path, name: str) -> Result:
    check = next(check for check in CHECKS if check.name == name)
    return running.run([check], root, at_once=1, report=lambda _: None)[0]


@pytest.mark.parametrize("name", ["workflows", "dockerfile", "shell", "locks", "secrets"])
def test_the_small_repository_passes(small: Path, name: str) -> None:
    result = run(small, name)
    assert result.passed, result.output


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_named(small: Path, mistake: str) -> None:
    name, make, message = MISTAKES[mistake]
    make(small)
    result = run(small, name)
    assert not result.passed
    assert message in result.output


@pytest.mark.parametrize("name", ["workflows", "dockerfile", "shell", "locks"])
def test_with_nothing_to_look_at_a_check_fails(tmp_path: Path, name: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    result = run(tmp_path, name)
    assert not result.passed


def test_a_tool_that_is_not_installed_is_named() -> None:
    with pytest.raises(GitopsError, match="nosuchtool is not installed"):
        tool("nosuchtool")
