"""The first line of what apply and destroy leave in a job's summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from gitops.stacks.applying import Applied
from gitops.verbs import apply
from tests.gitops.stacks.conftest import NETWORK, Ran, Repository

Gitops = Callable[..., Ran]
Result = Literal["created", "updated", "no changes"]


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        (["created"] * 4 + ["updated"], "4 created, 1 updated"),
        (["updated", "no changes", "no changes"], "1 updated, 2 unchanged"),
        (["no changes"] * 4, "no changes in 4 stacks"),
        (["no changes"], "no changes in 1 stack"),
    ],
)
def test_an_apply_in_a_line(results: list[Result], verdict: str) -> None:
    assert apply.verdict([Applied("a", "demo-a", result, 1.0) for result in results]) == verdict


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Repository) -> Callable[[], list[str]]:
    """The lines that a verb added to the summary since the last call."""
    path = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))

    def lines() -> list[str]:
        text = path.read_text()
        path.unlink()
        return text.splitlines()

    return lines


def test_each_run_begins_with_its_verdict(
    repository: Repository, gitops: Gitops, summary: Callable[[], list[str]]
) -> None:
    name = repository.name
    gitops("apply", name, "--stack", "bootstrap")
    assert summary()[0] == f"### apply {name}: 1 created"
    gitops("apply", name)
    assert summary()[0] == f"### apply {name}: 2 created"
    gitops("apply", name)
    assert summary()[0] == f"### apply {name}: no changes in 2 stacks"
    gitops("destroy", name, "--confirm", name, "--stack", "service-web")
    assert summary()[0] == f"### destroy {name}: service-web verified empty, 1 stack removed"
    gitops("destroy", name, "--confirm", name)
    first, _, *body = summary()
    assert first == f"### destroy {name}: empty, 2 stacks removed"
    assert any(line.startswith(f"- stack demo-{name}-network ") for line in body)
    gitops("destroy", name, "--confirm", name)
    assert summary()[0] == f"### destroy {name}: empty, no stacks removed"


def test_a_failed_apply_says_where_in_its_first_line(
    repository: Repository, gitops: Gitops, summary: Callable[[], list[str]]
) -> None:
    name = repository.name
    gitops("apply", name, "--stack", "bootstrap")
    summary()
    repository.template("network", NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Unheard"))
    assert gitops("apply", name).code == 1
    assert summary()[0] == f"### apply {name}: failed at demo-{name}-network"
