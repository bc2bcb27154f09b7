"""A plan as people read it, in a log, a summary and a comment."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from gitops.errors import GitopsError
from gitops.stacks import plan as planned
from gitops.stacks import report
from gitops.stacks.apply import Applied
from gitops.stacks.changes import Change, Property
from gitops.stacks.plan import Plan, StackPlan, State
from gitops.text import COMMENT_BUDGET
from gitops.verbs import apply
from tests.gitops.stacks.conftest import NETWORK, Repository


def stack(label: str = "network", *changes: Change, state: State = "update", **more: str) -> StackPlan:
    return StackPlan(label, f"demo-{label}", state, "digest", {"Cidr": more.get("cidr", "10")}, changes)


REPLACED = Change(
    "Modify", "Vpc", "AWS::EC2::VPC", "yes", "ReplaceAndDelete", properties=(Property("Cidr", "1", "2", "Always"),)
)


def test_the_first_line_is_verdict_and_counts() -> None:
    plan = Plan("staging", (stack("network", REPLACED), stack("platform", state="none")))
    assert report.verdict(plan) == ("staging: REPLACEMENTS in 1 of 2 stacks: 0 added, 0 changed, 1 REPLACED, 0 removed")
    assert report.verdict(Plan("staging", (stack(state="none"),))) == "staging: no changes in 1 stack"


@pytest.mark.parametrize(
    ("bootstrap", "network", "verdict"),
    [
        ("none", "none", "staging: no changes in 1 stack and bootstrap"),
        ("update", "none", "staging: no changes in 1 stack, but bootstrap changes"),
        ("none", "update", "staging: changes in 1 of 1 stack: 1 added, 0 changed, 0 replaced, 0 removed"),
        (
            "update",
            "update",
            "staging: changes in 1 of 1 stack: 1 added, 0 changed, 0 replaced, 0 removed; bootstrap changes too",
        ),
    ],
)
def test_the_first_line_covers_every_stack_that_is_listed(bootstrap: State, network: State, verdict: str) -> None:
    new = Change("Add", "A", "AWS::SNS::Topic")
    aside = msgspec.structs.replace(stack("bootstrap", new, state=bootstrap), hashed=False)
    ours = stack("network", *([new] if network == "update" else []), state=network)
    assert report.verdict(Plan("staging", (aside, ours))) == verdict


def test_the_parts_of_bootstrap_are_told_as_one() -> None:
    def parts(*states: State) -> Plan:
        asides = (stack(f"bootstrap-{number}", state=state) for number, state in enumerate(states))
        aside = tuple(msgspec.structs.replace(one, hashed=False) for one in asides)
        return Plan("staging", (*aside, stack(state="none")))

    assert report.verdict(parts("none", "none")) == "staging: no changes in 1 stack and bootstrap"
    assert report.verdict(parts("none", "update")) == "staging: no changes in 1 stack, but bootstrap changes"
    assert report.warnings(parts("update", "update")) == [
        "bootstrap changes too; an administrator applies it: gitops apply staging --stack bootstrap"
    ]


def test_what_a_condition_leaves_open_is_perhaps_added() -> None:
    found = (Change("Add", "A", "AWS::SNS::Topic"), Change("Add", "B", "AWS::SNS::Topic", condition="HasB"))
    text = report.lines(Plan("staging", (stack("network", *found, state="create"),)))
    assert text[0].endswith("1 added, 1 perhaps added, 0 changed, 0 replaced, 0 removed")
    assert "  + A AWS::SNS::Topic" in text
    assert "  ? B AWS::SNS::Topic if HasB" in text


def test_lines_name_the_property_and_end_with_the_hash() -> None:
    text = report.lines(Plan("staging", (stack("network", REPLACED),)))
    assert "  ! Vpc AWS::EC2::VPC REPLACED [ReplaceAndDelete]" in text
    assert "      Cidr: 1 → 2 ← recreates" in text
    assert re.fullmatch(r"plan hash [0-9a-f]{64}", text[-1])
    assert "outputs or tags change" in "\n".join(report.lines(Plan("staging", (stack(),))))


def test_the_hash_covers_parameters_changes_and_only_what_is_applied() -> None:
    base = Plan("staging", (stack(),))
    assert base.hash == Plan("staging", (stack(),)).hash
    assert base.hash != Plan("staging", (stack(cidr="11"),)).hash
    assert base.hash != Plan("staging", (stack("network", REPLACED),)).hash
    shown = msgspec.structs.replace(stack("bootstrap", REPLACED), hashed=False)
    assert base.hash == Plan("staging", (shown, stack())).hash
    assert "administrator applies it" in "\n".join(report.lines(Plan("staging", (shown, stack()))))


@pytest.mark.parametrize("budget", [600, 2_000, 65_536])
def test_markdown_stays_in_its_budget_and_closes_what_it_opens(budget: int) -> None:
    many = tuple(Change("Add", f"Topic{number:04}", "AWS::SNS::Topic") for number in range(5_000))
    text = report.markdown(Plan("staging", (stack("network", *many), stack("platform", *many))), budget)
    assert len(text) <= budget
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert "10000 added" in text
    assert "plan hash" in text
    if "<details>" in text:
        assert "are left out" in text
        # CommonMark, HTML blocks: one that a tag begins goes on to the next empty line.
        assert "</details>\n\nplan hash `" in text


def test_many_risks_stay_in_the_budget_too() -> None:
    many = tuple(Change("Remove", f"Topic{number:04}", "AWS::SNS::Topic") for number in range(5_000))
    text = report.markdown(Plan("staging", (stack("network", *many),)), COMMENT_BUDGET)
    assert len(text) <= COMMENT_BUDGET
    assert text.endswith("`")


def test_values_cannot_close_the_fence_or_name_people() -> None:
    change = Change("Modify", "A", "AWS::SNS::Topic", properties=(Property("Name", "a", "```` @all"),))
    text = report.markdown(Plan("staging", (stack("network", change),)), COMMENT_BUDGET)
    assert "`````diff" in text
    role = Change("Modify", "R", "AWS::IAM::Role", properties=(Property("@everyone #1"),))
    assert (
        "@everyone"
        not in report.markdown(Plan("staging", (stack("network", role),)), COMMENT_BUDGET).split("<details>")[0]
    )


def test_a_saved_plan_is_read_back(tmp_path: Path) -> None:
    plan = Plan("staging", (stack("network", REPLACED),))
    planned.save(plan, tmp_path / "plan.json")
    assert planned.read(tmp_path / "plan.json") == plan
    (tmp_path / "other.json").write_text('{"environment": 3}')
    with pytest.raises(GitopsError, match="is not a plan"):
        planned.read(tmp_path / "other.json")
    with pytest.raises(GitopsError, match="cannot be read"):
        planned.read(tmp_path / "none.json")


def test_differences_name_the_stack_and_the_line() -> None:
    reviewed = Plan("staging", (stack(), stack("gone")))
    now = Plan("staging", (stack(cidr="11"), stack("new")))
    assert planned.differences(reviewed, now) == [
        "network: - parameter Cidr = 10",
        "network: + parameter Cidr = 11",
        "new: not in the reviewed plan",
        "gone: no longer planned",
    ]
    assert planned.differences(reviewed, reviewed) == []


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


def test_each_run_begins_with_its_verdict(repository: Repository, summary: Callable[[], list[str]]) -> None:
    name = repository.name
    repository.gitops("apply", "--stack", "bootstrap")
    assert summary()[0] == f"### apply {name}: 1 created"
    repository.gitops("apply")
    assert summary()[0] == f"### apply {name}: 2 created"
    repository.gitops("apply")
    assert summary()[0] == f"### apply {name}: no changes in 2 stacks"
    repository.gitops("destroy", "--confirm", name, "--stack", "service-web")
    assert summary()[0] == f"### destroy {name}: service-web verified empty, 1 stack removed"
    repository.gitops("destroy", "--confirm", name)
    first, _, *body = summary()
    assert first == f"### destroy {name}: empty, 2 stacks removed"
    assert any(line.startswith(f"- stack demo-{name}-network ") for line in body)
    repository.gitops("destroy", "--confirm", name)
    assert summary()[0] == f"### destroy {name}: empty, no stacks removed"


def test_a_failed_apply_says_where_in_its_first_line(repository: Repository, summary: Callable[[], list[str]]) -> None:
    name = repository.name
    repository.gitops("apply", "--stack", "bootstrap")
    summary()
    repository.template("network", NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Unheard"))
    assert repository.gitops("apply").code == 1
    assert summary()[0] == f"### apply {name}: failed at demo-{name}-network"
