from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.verbs import gate

ROOT = Path(__file__).parents[3]


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
def test_the_verb_needs_nothing_installed(result: str, code: int) -> None:
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
