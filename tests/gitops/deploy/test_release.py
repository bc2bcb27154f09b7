"""An older commit does not replace a newer one, and how long a deployment is waited for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops import ecs_answers, environments
from gitops.arguments import PATIENCE
from gitops.deploy.release import LONGEST_WAIT, PUT_BACK_WAIT, Destination, Release, longest, serving
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from gitops.repository import Checkout
from tests.conftest import ROOT
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


CHECK = {"command": ["CMD", "true"], "startPeriod": 60}


@pytest.mark.parametrize(
    ("changes", "document", "seconds"),
    [
        ({"desiredCount": 4}, {}, 900),
        # Three tries of five minutes one after the other, and the way back.
        ({"desiredCount": 1}, {}, 3 * 300 + 300),
        # The default of a health check is three times thirty seconds.
        ({"desiredCount": 2}, {"containerDefinitions": [{"healthCheck": CHECK}, {}]}, 2 * (300 + 60 + 90) + 300),
        ({"desiredCount": 2, "healthCheckGracePeriodSeconds": 60}, {}, 2 * (300 + 60) + 300),
        ({"desiredCount": 2, "healthCheckGracePeriodSeconds": 3600}, {}, 1500),
        ({"desiredCount": 8, "deploymentConfiguration": {"maximumPercent": 150}}, {}, 900),
        ({"desiredCount": 8, "deploymentConfiguration": {"maximumPercent": 125}}, {}, 1500),
        ({"desiredCount": 0}, {}, 1200),
        ({}, {}, 1200),
    ],
)
def test_the_wait_follows_from_the_service(changes: dict[str, Any], document: dict[str, Any], seconds: float) -> None:
    assert longest(ecs_answers.service(changes), document) == seconds <= LONGEST_WAIT


def test_a_jobs_limit_exceeds_the_wait_the_bake_and_putting_back_together() -> None:
    """Whatever ends the job in between leaves a service that nobody watches."""
    found = set()
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            runs = [step.get("run", "") for step in job.get("steps", [])]
            waits = [PATIENCE for run in runs if "gitops register " in run]
            waits += [LONGEST_WAIT + PUT_BACK_WAIT for run in runs if "gitops deploy " in run]
            waits += [2 * LONGEST_WAIT for run in runs if "gitops rollback " in run]
            bakes = [step["env"]["BAKE"] for step in job.get("steps", []) if "BAKE" in step.get("env", {})]
            waits += [float(re.findall(r"'(\d+)'", bake)[0]) for bake in bakes]
            if waits and max(waits) > PATIENCE:
                found.add(name)
                assert job["timeout-minutes"] * 60 >= sum(waits) + 300, f"{path.name}: {name}"
    assert len(found) >= 3
