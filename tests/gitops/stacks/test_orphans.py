"""Stacks whose entry is gone from the environment's file: told by plan and apply, removed by destroy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gitops.stacks import orphans, removing
from gitops.stacks.orphans import Orphan
from tests.gitops.stacks.conftest import Ran, Repository
from tests.gitops.stacks.test_order import WHOLE, environment

Gitops = Callable[..., Ran]
HERE = environment(WHOLE, {"web": {}})
PREFIX = f"{HERE.project}-{HERE.environment}"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([], []),
        ([f"{PREFIX}-network", f"{PREFIX}-service-web"], []),
        ([f"{PREFIX}-service-alerts"], ["service-alerts"]),
        ([f"{PREFIX}-service-wind-alerts", f"{PREFIX}-service-a"], ["service-wind-alerts", "service-a"]),
        # The service's own name as another's beginning, and as a template's.
        ([f"{PREFIX}-service-web-alerts", f"{PREFIX}-web"], ["service-web-alerts", "web"]),
        ([f"{PREFIX}-registry"], ["registry"]),
        (["other-stack", f"{HERE.project}-other-service-alerts", PREFIX, f"{PREFIX}ing-service-a"], []),
    ],
)
def test_what_no_entry_asks_for(names: list[str], labels: list[str]) -> None:
    assert [one.label for one in orphans.orphans(HERE, names)] == labels


@pytest.mark.parametrize(
    ("label", "service"),
    [("service-alerts", "alerts"), ("service-wind-alerts", "wind-alerts"), ("network", ""), ("services-a", "")],
)
def test_whose_a_stack_was(label: str, service: str) -> None:
    assert Orphan(label, f"{PREFIX}-{label}").service == service


def test_it_says_how_to_remove_it() -> None:
    (line,) = (one.line("staging") for one in orphans.orphans(HERE, [f"{PREFIX}-service-alerts"]))
    assert line.startswith(f"left over: {PREFIX}-service-alerts,")
    assert line.endswith("gitops destroy staging --stack service-alerts --confirm staging")


@pytest.fixture
def left(repository: Repository, gitops: Gitops) -> Repository:
    """An environment with two services, of which its file has forgotten one; another's stack begins alike."""
    repository.settings(services="{site: {}, alerts: {}}")
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    assert gitops("apply", repository.name).code == 0
    repository.client("ssm").put_parameter(Name=f"/alerts/{repository.name}/KEY", Value="v", Type="SecureString")
    neighbour = f"{repository.name}-west"
    repository.client("cloudformation").create_stack(
        StackName=f"demo-{neighbour}-service-alerts",
        TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}",
        Tags=[{"Key": "Project", "Value": "demo"}, {"Key": "Environment", "Value": neighbour}],
    )
    repository.settings(services="{site: {}}")
    return repository


def told(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if "left over" in line]


def test_plan_and_apply_name_it_and_the_hash_does_not_depend_on_it(left: Repository, gitops: Gitops) -> None:
    (line,) = told(gitops("plan", left.name))
    assert f"demo-{left.name}-service-alerts," in line
    with_it = json.loads(gitops("plan", left.name, "--json").out)
    assert [one["label"] for one in with_it["left_over"]] == ["service-alerts"]
    applied = gitops("apply", left.name, "--plan-hash", with_it["hash"])
    assert applied.code == 0, applied.err
    assert len(told(applied)) == 1
    assert told(gitops("plan", left.name, "--stack", "network")) == []

    assert gitops("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name).code == 0
    without = gitops("plan", left.name)
    assert told(without) == []
    assert f"plan hash {with_it['hash']}" in without.out


def test_it_goes_alone_after_the_typed_name(left: Repository, gitops: Gitops) -> None:
    refused = gitops("destroy", left.name, "--stack", "service-alerts")
    assert refused.code == 1
    assert f"stack demo-{left.name}-service-alerts" in refused.out
    assert f"parameter /alerts/{left.name}/KEY" in refused.out
    assert left.status("service-alerts") == "CREATE_COMPLETE"

    ran = gitops("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "service-alerts: verified empty"
    assert [left.status(label) for label in ("service-alerts", "service-site")] == ["", "CREATE_COMPLETE"]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]


def test_what_an_interrupted_removal_left_goes_with_the_same_command(
    left: Repository, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = removing.remove

    def interrupt(*arguments: object) -> list[str]:
        real(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    words = ("destroy", left.name, "--stack", "service-alerts", "--confirm", left.name)
    monkeypatch.setattr(removing, "remove", interrupt)
    assert gitops(*words).code == 130
    assert left.status("service-alerts") == ""
    monkeypatch.setattr(removing, "remove", real)
    again = gitops(*words)
    assert again.code == 0, again.err
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]
    third = gitops(*words)
    assert third.code == 1
    assert "there is no stack service-alerts" in third.err


def test_it_goes_with_its_whole_environment(left: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", left.name, "--confirm", left.name)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"{left.name}: verified empty"
    labels = ("bootstrap", "network", "service-site", "service-alerts")
    assert [left.status(label) for label in labels] == ["", "", "", ""]
    assert left.status("west-service-alerts") == "CREATE_COMPLETE"
    assert not left.client("ssm").get_parameters_by_path(Path=f"/alerts/{left.name}")["Parameters"]


def test_a_stack_that_is_asked_for_or_never_was_is_not_taken(left: Repository, gitops: Gitops) -> None:
    ran = gitops("destroy", left.name, "--stack", "service-maps", "--confirm", left.name)
    assert ran.code == 1
    assert "there is no stack service-maps" in ran.err
    assert "service-alerts" in ran.err
    assert left.status("service-alerts") == "CREATE_COMPLETE"
