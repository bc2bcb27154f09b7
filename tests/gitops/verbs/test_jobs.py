"""What a workflow's jobs ask: what changed, which role, whether to wait, and whether all is well."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from gitops import aws, environments
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.verbs import gate, role
from gitops.verbs.changed import changed_services
from tests.conftest import ROOT
from tests.gitops.conftest import Gitops, commit, write

KNOWN = ["alerts", "weather"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["services/weather/weather/app.py"], ["weather"]),
        (["taskdefs/weather/rendered/staging.json"], ["weather"]),
        (["taskdefs/alerts/base.json", "services/weather/Dockerfile"], ["alerts", "weather"]),
        (["infra/cloudformation/network.yaml", "docs/x.md", "gitops/cli.py"], []),
        (["tests/services/weather/test_page.py"], []),
        (["services/README.md"], []),
        (["services/gone/app.py"], []),
        (["other/services/weather/x"], []),
    ],
)
def test_a_service_is_changed_by_what_its_deploy_is_made_of(paths: list[str], expected: list[str]) -> None:
    assert changed_services(paths, KNOWN) == expected


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    write(tmp_path / "infra/environments/staging.yaml", "x")
    for service in KNOWN:
        write(tmp_path / f"services/{service}/Dockerfile", "FROM scratch\n")
    commit(tmp_path)
    (tmp_path / "services/weather/Dockerfile").rename(tmp_path / "services/weather/ä file")
    commit(tmp_path)
    return tmp_path


def bare(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The verb where nothing is installed: -S leaves out everything that was, -P the folder it starts in."""
    command = [sys.executable, "-S", "-P", "-m", "gitops", *words]
    variables |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)


def test_both_names_of_a_moved_file_count(clone: Path) -> None:
    assert Checkout(clone).changed("HEAD~1", "HEAD") == ["services/weather/Dockerfile", "services/weather/ä file"]


def test_the_work_tree_counts_with_what_git_does_not_know_yet(clone: Path) -> None:
    (clone / "new").write_text("x")
    (clone / "infra/environments/staging.yaml").write_text("y")
    assert Checkout(clone).changed("HEAD") == ["infra/environments/staging.yaml", "new"]
    assert Checkout(clone).changed("HEAD", "HEAD") == []


@pytest.mark.parametrize("base", ["", "0" * 40, "f" * 40])
def test_without_a_base_nothing_is_known_to_be_unchanged(clone: Path, base: str) -> None:
    assert Checkout(clone).changed(base, "HEAD") is None


def test_the_verb_needs_nothing_installed(clone: Path, tmp_path: Path) -> None:
    write(clone / "services/weather/Dockerfile", "FROM scratch\n")
    output = tmp_path / "output"
    done = bare("changed", "--base", "HEAD~1", "--json", cwd=clone, GITHUB_OUTPUT=str(output))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["weather"]
    assert output.read_text() == 'services=["weather"]\n'


@pytest.mark.parametrize(
    ("results", "may_skip", "closed_by"),
    [
        ({"checks": "success", "tests": "success"}, [], []),
        ({"checks": "failure", "tests": "success"}, [], ["checks"]),
        ({"checks": "success", "tests": "cancelled"}, [], ["tests"]),
        ({"checks": "skipped", "plan": "skipped"}, ["plan"], ["checks"]),
        ({"checks": "success", "plan": "skipped"}, ["plan"], []),
        ({"checks": "success", "plan": "failure"}, ["plan"], ["plan"]),
        ({"checks": "success", "plan": "cancelled"}, ["plan"], ["plan"]),
        ({"checks": "something new"}, ["checks"], ["checks"]),
    ],
)
def test_only_success_and_an_allowed_skip_open_it(
    results: dict[str, str], may_skip: list[str], closed_by: list[str]
) -> None:
    assert gate.blocking(results, may_skip) == closed_by


@pytest.mark.parametrize("needs", ["", "{}", "[]", "null", '{"checks": {}}', '{"checks": "success"}', "not json"])
def test_what_is_no_needs_context_is_refused(needs: str) -> None:
    with pytest.raises(GitopsError, match="NEEDS"):
        gate.parse(needs)


def test_a_job_that_may_be_skipped_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDS", json.dumps({"checks": {"result": "success", "outputs": {}}}))
    with pytest.raises(GitopsError, match="holds no job paln"):
        gate.run(argparse.Namespace(may_skip=["paln"]))


@pytest.mark.parametrize(("result", "code"), [("success", 0), ("failure", 1), ("cancelled", 1)])
def test_the_gate_needs_nothing_installed(result: str, code: int) -> None:
    needs = {"tests": {"result": result, "outputs": {}}, "plan": {"result": "skipped", "outputs": {}}}
    done = bare("gate", "--may-skip", "plan", cwd=ROOT, NEEDS=json.dumps(needs))
    assert (done.returncode, done.stderr) == (code, "")
    assert ("closed by tests" in done.stdout) == bool(code)


def test_every_role_but_the_persons_own_can_be_asked_for() -> None:
    assert {*role.ROLES, "administrator"} == set(typing.get_args(aws.Role))


def test_the_job_gets_arn_account_and_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert role.run(argparse.Namespace(checkout=Checkout(ROOT), environment="production", role="plan")) == 0
    production = environments.load(Checkout(ROOT), "production")
    assert output.read_text().splitlines() == [
        f"role-arn=arn:aws:iam::{production.account}:role/{production.project}-production-plan",
        f"account={production.account}",
        f"region={production.region}",
    ]


@pytest.mark.parametrize("verb", ["build", "register"])
@pytest.mark.usefixtures("repository")
def test_what_are_no_seconds_is_a_usage_error(gitops: Gitops, verb: str) -> None:
    outcome = gitops(verb, "app", "staging", "--wait=soon")
    assert outcome.code == 2
    assert "--wait: not a number of seconds: soon" in outcome.err
