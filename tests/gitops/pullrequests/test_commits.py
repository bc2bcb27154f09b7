from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops.pullrequests import commits
from tests.gitops.conftest import commit, write

OURS = ["services/app", "taskdefs/app"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    """Three commits of the service with one of something else before the last."""
    made = []
    for path in ("services/app/one", "taskdefs/app/two", "docs/three", "services/app/four"):
        write(tmp_path / path, path)
        made.append(commit(tmp_path, path))
    return made


def test_a_deploy_brings_what_touches_the_service_newest_first(tmp_path: Path, line: list[str]) -> None:
    one, two, _, four = line
    assert commits.moved(tmp_path, one, four, OURS) == commits.Moved((four, two), taken_back=False)


def test_a_rollback_takes_the_same_ones_back(tmp_path: Path, line: list[str]) -> None:
    one, two, _, four = line
    assert commits.moved(tmp_path, four, one, OURS) == commits.Moved((four, two), taken_back=True)


@pytest.mark.parametrize("before", ["", "0" * 40, "HEAD"], ids=["nothing was live", "not in this clone", "the same"])
def test_without_anything_before_it_the_commit_stands_alone(tmp_path: Path, line: list[str], before: str) -> None:
    assert commits.moved(tmp_path, before, line[-1], OURS) == commits.Moved((line[-1],), taken_back=False)


def test_a_deploy_of_nothing_of_the_service_is_told_to_its_own_commit(tmp_path: Path, line: list[str]) -> None:
    _, two, three, _ = line
    assert commits.moved(tmp_path, two, three, OURS).commits == (three,)


def test_a_merge_stands_for_the_commits_of_its_branch(tmp_path: Path, line: list[str]) -> None:
    """GitHub knows a pull request by the commit that merged it."""
    branch = git(tmp_path, "rev-parse", "--abbrev-ref", "HEAD")
    git(tmp_path, "checkout", "-q", "-b", "change")
    for number in range(2):
        write(tmp_path / "services/app/five", str(number))
        commit(tmp_path, f"Five {number}")
    git(tmp_path, "checkout", "-q", branch)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    git(tmp_path, *who, "merge", "-q", "--no-ff", "-m", "Merge", "change")
    merge = git(tmp_path, "rev-parse", "HEAD")
    assert commits.moved(tmp_path, line[-1], merge, OURS).commits == (merge,)
