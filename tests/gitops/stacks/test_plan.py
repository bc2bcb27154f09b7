"""plan: stacks that are not there yet from the templates here; the rest against the emulator, leaving nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops import environments
from gitops.repository import Checkout
from gitops.stacks import order, plan
from tests.conftest import ROOT
from tests.gitops.stacks.conftest import NETWORK, Repository

SERVICE_STACK = f"service-{Checkout(ROOT).services()[0]}"


def test_a_new_environment_is_planned_without_touching_it(repository: Repository) -> None:
    ran = repository.gitops("plan")
    assert ran.code == 0
    counts = "3 added, 0 changed, 0 replaced, 0 removed"
    assert ran.out.splitlines()[0] == f"{repository.name}: changes in 2 of 2 stacks: {counts}; bootstrap changes too"
    assert "create after network" in ran.out
    # It stands under HasService, and there is nothing to run yet.
    assert "Extra" not in ran.out
    assert f"gitops apply {repository.name} --stack bootstrap" in ran.out
    assert not [label for label in ("bootstrap", "network", "service-web") if repository.status(label)]


def test_no_changes_is_said_outright(applied: Repository) -> None:
    ran = applied.gitops("plan")
    assert ran.out.startswith(f"{applied.name}: no changes in 2 stacks and bootstrap\n")
    sets = applied.client("cloudformation").list_change_sets(StackName=f"demo-{applied.name}-network")
    assert all(one["ExecutionStatus"].startswith("EXECUTE") for one in sets["Summaries"])


def test_a_replacement_stands_in_the_first_line_with_its_property(applied: Repository) -> None:
    applied.template("network", NETWORK.replace("first", "second"))
    ran = applied.gitops("plan")
    first, risk, follower = ran.out.splitlines()[:3]
    assert first == f"{applied.name}: REPLACEMENTS in 1 of 2 stacks: 0 added, 0 changed, 1 REPLACED, 0 removed"
    assert "REPLACEMENT of network/Queue (AWS::SQS::Queue): QueueName" in risk
    assert "service-web takes outputs of network" in follower


def test_the_same_plan_has_the_same_hash_and_bytes(applied: Repository) -> None:
    applied.template("network", NETWORK.replace("first", "second"))
    assert applied.gitops("plan").out == applied.gitops("plan").out


def test_json_summary_and_output_carry_the_hash(
    applied: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    found = json.loads(applied.gitops("plan", "--json").out)
    assert found["hash"] in (tmp_path / "summary").read_text()
    assert (tmp_path / "output").read_text() == f"plan-hash={found['hash']}\n"
    assert [stack["label"] for stack in found["stacks"]] == ["bootstrap", "network", "service-web"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stack", "netwrok"], "bootstrap, network, service-web"),
        (["--out", "nowhere/plan.json"], "nowhere/plan.json"),
    ],
)
def test_what_cannot_be_planned_or_written_is_one_line(repository: Repository, words: list[str], said: str) -> None:
    ran = repository.gitops("plan", *words)
    assert ran.code == 1
    assert said in ran.err


def added(environment: str, label: str, **known: str) -> dict[str, str]:
    """Logical ids that the plan of a new stack lists, each with whether it is certain."""
    here = environments.load(Checkout(ROOT), environment)
    unit = next(one for one in order.load(Checkout(ROOT), here) if one.label == label)
    found = plan.from_template(unit, {**unit.values, **known}, "create", True, here)
    return {change.logical_id: change.kind for change in found.changes}


@pytest.mark.parametrize(
    ("label", "given", "there", "left_out"),
    [
        ("network", {"NatGateways": "single"}, {"NatAddressA", "NatGatewayA"}, {"NatAddressB", "NatGatewayB"}),
        ("network", {"NatGateways": "per-az"}, {"NatAddressA", "NatAddressB", "NatGatewayB"}, set()),
        ("platform", {"CertificateArn": "arn:aws:acm:r:1:certificate/1"}, {"HttpsListener", "HttpListener"}, set()),
        ("platform", {"CertificateArn": ""}, {"HttpListener"}, {"HttpsListener"}),
        ("bootstrap-foundation", {"OidcProviderArn": ""}, {"GitHubProvider", "RoleBoundary"}, set()),
        ("bootstrap-foundation", {"OidcProviderArn": "arn:x"}, {"RoleBoundary"}, {"GitHubProvider"}),
        ("bootstrap-delivery-roles", {"BuildsImages": "true"}, {"DeployRole", "BuildRole"}, set()),
        ("bootstrap-delivery-roles", {"BuildsImages": "false"}, {"DeployRole"}, {"BuildRole"}),
    ],
)
def test_only_what_will_exist_is_listed(label: str, given: dict[str, str], there: set[str], left_out: set[str]) -> None:
    found = added("staging", label, **given)
    assert there <= found.keys()
    assert not left_out & found.keys()
    assert set(found.values()) == {"add"}


@pytest.mark.parametrize(("enabled", "kind"), [({"ServiceEnabled": "true"}, "add"), ({}, "perhaps")])
def test_what_is_not_decided_yet_is_perhaps_added(enabled: dict[str, str], kind: str) -> None:
    assert added("staging", SERVICE_STACK, **enabled)["EcsService"] == kind


def test_a_service_with_nothing_to_run_has_no_ecs_service_yet() -> None:
    found = added("staging", SERVICE_STACK, ServiceEnabled="false")
    assert "EcsService" not in found
    assert found["TargetGroup"] == "add"
