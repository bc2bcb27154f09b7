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
from tests.gitops.conftest import Gitops

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
    def run(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)

    run("init", "-q", "-b", "main")
    (tmp_path / "infra" / "environments").mkdir(parents=True)
    (tmp_path / "infra" / "environments" / "staging.yaml").write_text("x")
    for service in KNOWN:
        (tmp_path / "services" / service).mkdir(parents=True)
        (tmp_path / "services" / service / "Dockerfile").write_text("FROM scratch\n")
    run("add", ".")
    run("commit", "-qm", "one")
    (tmp_path / "services" / "weather" / "Dockerfile").rename(tmp_path / "services" / "weather" / "ä file")
    run("add", ".")
    run("commit", "-qm", "two")
    return tmp_path


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
    (clone / "services" / "weather" / "Dockerfile").write_text("FROM scratch\n")
    output = tmp_path / "output"
    done = subprocess.run(
        # -S leaves out everything that was installed; -P the folder it starts in.
        [sys.executable, "-S", "-P", "-m", "gitops", "changed", "--base", "HEAD~1", "--json"],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )
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
    done = subprocess.run(
        [sys.executable, "-S", "-m", "gitops", "gate", "--may-skip", "plan"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "NEEDS": json.dumps(needs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert ("closed by tests" in done.stdout) == bool(code)


def test_the_role_is_named_by_convention() -> None:
    production = environments.load(Checkout(ROOT), "production")
    assert role.role_arn(production, "deploy") == (
        f"arn:aws:iam::{production.account}:role/{production.project}-production-deploy"
    )


def test_every_role_but_the_persons_own_can_be_asked_for() -> None:
    assert {*role.ROLES, "administrator"} == set(typing.get_args(aws.Role))


def test_the_job_gets_arn_account_and_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert role.run(argparse.Namespace(checkout=Checkout(ROOT), environment="staging", role="plan")) == 0
    staging = environments.load(Checkout(ROOT), "staging")
    assert output.read_text().splitlines() == [
        f"role-arn={role.role_arn(staging, 'plan')}",
        f"account={staging.account}",
        f"region={staging.region}",
    ]


@pytest.mark.parametrize("verb", ["build", "register"])
@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ("soon", "not a number of seconds: soon"),
        ("-1", "at least 0 seconds, not -1"),
        ("inf", "not a number of seconds: inf"),
        ("", "not a number of seconds: "),
    ],
)
def test_what_are_no_seconds_is_a_usage_error(
    repository: Path, gitops: Gitops, verb: str, seconds: str, said: str
) -> None:
    outcome = gitops(verb, "app", "staging", f"--wait={seconds}")
    assert outcome.code == 2
    assert f"--wait: {said}" in outcome.err
