"""An older commit is not put over a newer one."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.rollout import age
from gitops.rollout.observation import Observation
from tests.gitops.conftest import commit, write
from tests.gitops.rollout.described import NEW, OLD, old, ours, seen


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    """Three commits, one after the other."""
    commits = []
    for subject in ("One", "Two", "Three"):
        write(tmp_path / "file", subject)
        commits.append(commit(tmp_path, subject))
    return commits


def test_an_ancestor_is_older_and_a_branch_is_not(tmp_path: Path, line: list[str]) -> None:
    assert age.is_ancestor(tmp_path, line[0], line[2]) is True
    assert age.is_ancestor(tmp_path, line[2], line[0]) is False
    assert age.is_ancestor(tmp_path, line[0], "0" * 40) is None
    subprocess.run(["git", "-C", str(tmp_path), "checkout", "-q", "-b", "side", line[0]], check=True)
    write(tmp_path / "file", "Beside")
    side = commit(tmp_path, "Beside")
    assert age.is_ancestor(tmp_path, side, line[2]) is False
    subprocess.run(["git", "-C", str(tmp_path), "checkout", "-q", "--orphan", "other"], check=True)
    assert age.is_ancestor(tmp_path, commit(tmp_path, "Unrelated"), line[2]) is False


def test_an_older_commit_is_refused_with_both_ways_on(tmp_path: Path, line: list[str]) -> None:
    with pytest.raises(GitopsError, match=f"{line[0][:12]} is older than {line[2][:12]}") as refused:
        age.refuse_older(tmp_path, line[0], line[2], "app in staging")
    assert "gitops rollback" in refused.value.fix
    assert "--allow-older" in refused.value.fix


def test_what_cannot_be_compared_is_refused_too(tmp_path: Path, line: list[str]) -> None:
    with pytest.raises(GitopsError, match="this clone does not hold") as refused:
        age.refuse_older(tmp_path, line[0], "0" * 40, "app in staging")
    assert refused.value.fix.startswith("git fetch")


def test_newer_ones_the_same_one_and_the_first_one_go(tmp_path: Path, line: list[str]) -> None:
    for commit_, live in ((line[2], line[0]), (line[1], line[1]), (line[1], "")):
        age.refuse_older(tmp_path, commit_, live, "app in staging")


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(replace(old, status="PRIMARY")), OLD),
        (seen(ours, old), NEW),
        # A failed one does not serve: what may replace it is compared with what does.
        (seen(replace(ours, state="FAILED"), old), OLD),
        (seen(replace(ours, state="FAILED")), NEW),
        (seen(), ""),
    ],
)
def test_what_a_deploy_replaces(observation: Observation, expected: str) -> None:
    assert age.serving(observation) == expected
