"""An older commit does not replace a newer one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitops import environments
from gitops.deploy.release import Destination, Release, serving
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from gitops.repository import Checkout
from tests.gitops.conftest import ENVIRONMENT, commit, write
from tests.gitops.deploy.described import NEW, OLD, old, ours, seen


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    """Three commits, one after the other."""
    commits = []
    for subject in ("One", "Two", "Three"):
        write(tmp_path / "file", subject)
        commits.append(commit(tmp_path, subject))
    return commits


def release(root: Path, revision: str) -> Release:
    """The release of a commit of app in staging."""
    write(root / "infra/environments/staging.yaml", ENVIRONMENT.format(name="staging", account="1" * 12))
    environment = environments.load(Checkout(root), "staging")
    return Release.of(Destination(Checkout(root), environment, "app"), revision)


def test_a_release_is_complete(tmp_path: Path, line: list[str]) -> None:
    found = release(tmp_path, "HEAD~1")
    assert (found.commit, found.subject, str(found.to)) == (line[1], "Two", "app in staging")
    assert (found.to.family, found.to.words) == ("app-staging", "app staging")
    assert (found.to.subject(line[0]), found.to.subject("0" * 40), found.to.subject("")) == ("One", "", "")
    with pytest.raises(GitopsError, match="nowhere is not a commit"):
        release(tmp_path, "nowhere")


def test_an_older_commit_and_what_cannot_be_compared_is_refused(tmp_path: Path, line: list[str]) -> None:
    with pytest.raises(GitopsError, match=f"{line[0][:12]} is older than {line[2][:12]}") as refused:
        release(tmp_path, line[0]).refuse_older(line[2])
    assert "gitops rollback" in refused.value.fix
    assert "--allow-older" in refused.value.fix
    with pytest.raises(GitopsError, match="this clone does not hold") as refused:
        release(tmp_path, line[0]).refuse_older("0" * 40)
    assert refused.value.fix.startswith("git fetch")
    for commit_, live in ((line[2], line[0]), (line[1], line[1]), (line[1], "")):
        release(tmp_path, commit_).refuse_older(live)


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
    assert serving(observation) == expected
