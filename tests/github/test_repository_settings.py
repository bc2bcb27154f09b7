"""Dependabot, code owners, and what the onboarding tells people to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops import cli
from tests.conftest import ROOT

UPDATES: list[dict[str, Any]] = yaml.safe_load((ROOT / ".github/dependabot.yml").read_bytes())["updates"]
COMMAND = re.compile(r"^\$ \.venv/bin/gitops (.+?)(?:\s{2,}#.*)?$", re.MULTILINE)


def folders(ecosystem: str) -> set[Path]:
    patterns = [
        pattern for update in UPDATES if update["package-ecosystem"] == ecosystem for pattern in update["directories"]
    ]
    return {path for pattern in patterns for path in ([ROOT] if pattern == "/" else ROOT.glob(pattern[1:]))}


@pytest.mark.parametrize(
    ("ecosystem", "files"),
    [
        ("pip", "requirements/*.txt"),
        ("pip", "services/*/requirements.txt"),
        ("docker", "services/*/Dockerfile"),
        ("github-actions", ".github/actions/*/action.yml"),
    ],
)
def test_everything_that_is_pinned_is_updated(ecosystem: str, files: str) -> None:
    pinned = {path.parent for path in ROOT.glob(files)}
    assert pinned
    assert pinned <= folders(ecosystem)


def test_workflows_are_updated_and_every_update_waits() -> None:
    assert ROOT in folders("github-actions")
    assert all(update["cooldown"]["default-days"] >= 7 for update in UPDATES)


OWNERS = {
    line.split()[0]: line.split()[1:]
    for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines()
    if line and not line.startswith("#")
}


@pytest.mark.parametrize(
    "path",
    [
        *("/.ci/", "/.github/", "/Makefile", "/gitops/", "/infra/", "/pyproject.toml", "/rehearsal/", "/requirements/"),
        *(f"/services/*/{name}" for name in ("Dockerfile", "requirements.in", "requirements.txt")),
        "/services/*/vulnerabilities.yaml",
        "/taskdefs/*/rendered/",
    ],
)
def test_what_decides_over_an_account_has_an_owner(path: str) -> None:
    """Also what a job with a role runs before its verb: make, the locks, and the packages of this repository."""
    assert OWNERS[path]


@pytest.mark.parametrize("pattern", OWNERS)
def test_an_owner_owns_something(pattern: str) -> None:
    # A service has this file once a scan of its image finds what may stay.
    if pattern != "/services/*/vulnerabilities.yaml":
        assert list(ROOT.glob(pattern.strip("/")))


def test_the_commands_of_the_onboarding_are_ones_there_are() -> None:
    commands = COMMAND.findall((ROOT / "docs/onboarding.md").read_text(encoding="utf-8"))
    assert len(commands) >= 6
    for command in commands:
        words = shlex.split(command)
        cli._parser(words).parse_args(words)
