"""The whole command against an emulator: its exit codes, and that it changes nothing."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.gitops.stacks.conftest import NETWORK, Repository


@pytest.fixture
def applied(repository: Repository) -> Repository:
    """An environment that is what its repository's only commit says; its service is not there."""
    repository.settings(services="{}")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "One"]):
        subprocess.run(["git", *words], cwd=repository.root, check=True)
    repository.make()
    return repository


def test_what_was_applied_has_not_drifted(applied: Repository) -> None:
    ran = applied.gitops("drift")
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[0].startswith(f"{applied.name}: no drift from git at ")
    assert "stack network: as in git; 2 of 2 resources compared" in ran.out


def test_what_was_changed_by_hand_is_named(applied: Repository) -> None:
    applied.client("ssm").put_parameter(Name=f"/bootstrap/{applied.name}", Value="by hand", Overwrite=True)
    applied.client("cloudformation").update_termination_protection(
        StackName=f"demo-{applied.name}-network", EnableTerminationProtection=False
    )
    ran = applied.gitops("drift")
    assert ran.code == 32
    assert "Marker (AWS::SSM::Parameter) was changed by hand: Value: made → by hand" in ran.out
    assert "stack network: DRIFT" in ran.out
    assert "  ! termination protection: on → off" in ran.out


def test_a_template_that_was_not_applied_and_a_stack_that_is_missing(applied: Repository) -> None:
    applied.template("network", NETWORK.replace("${Environment}-logs", "${Environment}-log"))
    applied.template("extra", "Resources: {Topic: {Type: AWS::SNS::Topic}}")
    applied.settings("{bootstrap: {}, network: {Fifo: second}, extra: {}}", "{}")
    found = json.loads(applied.gitops("drift", "--json").out)
    assert found["exit_code"] == 32
    stacks = {one["name"]: [each["what"] for each in one["findings"]] for one in found["compared"]}
    assert stacks["bootstrap"] == []
    assert stacks["extra"] == ["is not there"]
    assert stacks["network"] == ["template Resources.Logs.Properties.BucketName.Fn::Sub", "parameter Fifo"]


def test_a_stack_that_nothing_asks_for_any_more(applied: Repository) -> None:
    applied.settings("{bootstrap: {}}", "{}")
    ran = applied.gitops("drift")
    assert ran.code == 32
    assert "stack network: DRIFT" in ran.out
    assert f"gitops destroy {applied.name} --stack network --confirm {applied.name}" in ran.out


def test_a_service_that_git_names_and_nobody_deployed_is_drift(applied: Repository) -> None:
    applied.settings(services="{web: {}}")
    ran = applied.gitops("drift")
    assert ran.code == 32
    assert "service web: DRIFT\n  ! is not there" in ran.out
    assert "the work tree has changes that are in no commit" in ran.out
