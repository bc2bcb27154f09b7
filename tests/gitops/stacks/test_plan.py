"""plan against the emulator: what it says, and that it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gitops.stacks.conftest import NETWORK, Ran, Repository

Gitops = Callable[..., Ran]


@pytest.fixture
def standing(repository: Repository, gitops: Gitops) -> Repository:
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    assert gitops("apply", repository.name).code == 0
    return repository


def test_a_new_environment_is_planned_without_touching_it(repository: Repository, gitops: Gitops) -> None:
    ran = gitops("plan", repository.name)
    assert ran.code == 0
    counts = "3 added, 0 changed, 0 replaced, 0 removed"
    assert ran.out.splitlines()[0] == f"{repository.name}: changes in 2 of 2 stacks: {counts}; bootstrap changes too"
    assert "create after network" in ran.out
    # It stands under HasService, and there is nothing to run yet.
    assert "Extra" not in ran.out
    assert f"gitops apply {repository.name} --stack bootstrap" in ran.out
    assert not [label for label in ("bootstrap", "network", "service-web") if repository.status(label)]


def test_no_changes_is_said_outright(standing: Repository, gitops: Gitops) -> None:
    ran = gitops("plan", standing.name)
    assert ran.out.startswith(f"{standing.name}: no changes in 2 stacks and bootstrap\n")
    sets = standing.client("cloudformation").list_change_sets(StackName=f"demo-{standing.name}-network")
    assert all(one["ExecutionStatus"].startswith("EXECUTE") for one in sets["Summaries"])


def test_a_replacement_stands_in_the_first_line_with_its_property(standing: Repository, gitops: Gitops) -> None:
    standing.template("network", NETWORK.replace("first", "second"))
    ran = gitops("plan", standing.name)
    first, risk, follower = ran.out.splitlines()[:3]
    assert first == f"{standing.name}: REPLACEMENTS in 1 of 2 stacks: 0 added, 0 changed, 1 REPLACED, 0 removed"
    assert "REPLACEMENT of network/Queue (AWS::SQS::Queue): QueueName" in risk
    assert "service-web takes outputs of network" in follower


def test_the_same_plan_has_the_same_hash_and_bytes(standing: Repository, gitops: Gitops) -> None:
    standing.template("network", NETWORK.replace("first", "second"))
    assert gitops("plan", standing.name).out == gitops("plan", standing.name).out


def test_json_summary_and_output_carry_the_hash(
    standing: Repository, gitops: Gitops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    found = json.loads(gitops("plan", standing.name, "--json").out)
    assert found["hash"] in (tmp_path / "summary").read_text()
    assert (tmp_path / "output").read_text() == f"plan-hash={found['hash']}\n"
    assert [stack["label"] for stack in found["stacks"]] == ["bootstrap", "network", "service-web"]


def test_an_unknown_stack_lists_those_there_are(repository: Repository, gitops: Gitops) -> None:
    ran = gitops("plan", repository.name, "--stack", "netwrok")
    assert ran.code == 1
    assert "bootstrap, network, service-web" in ran.err


def test_a_plan_that_cannot_be_written_is_one_line(repository: Repository, gitops: Gitops) -> None:
    ran = gitops("plan", repository.name, "--out", "nowhere/plan.json")
    assert ran.code == 1
    assert "nowhere/plan.json" in ran.err
