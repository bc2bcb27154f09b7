"""A stack against git, decided from plain data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops.drift import stack
from gitops.stacks import templates
from gitops.stacks.live import LiveStack
from gitops.stacks.order import Output, Unit
from gitops.stacks.orphans import Orphan

BODY = """\
Parameters:
  Days: {Type: Number}
  VpcId: {Type: String}
  Word: {Type: String, NoEcho: true}
Resources:
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}
"""
UNIT = Unit(
    "network",
    "demo-staging-network",
    templates.parse(BODY, "network", Path("infra/cloudformation/network.yaml")),
    outputs={"VpcId": Output("base", "VpcId")},
)
PARAMETERS = {"Days": "7", "VpcId": "vpc-1", "Word": "w"}
TAGS = {"Project": "demo", "Environment": "staging"}
LIVE = LiveStack(
    UNIT.stack_name,
    status="UPDATE_COMPLETE",
    protected=True,
    tags={**TAGS, "Cost": "ours"},
    parameters={**PARAMETERS, "Word": "****"},
)


def found(live: LiveStack = LIVE, deployed: str = BODY, parameters: dict[str, str] = PARAMETERS) -> list[Any]:
    return [
        (one.level, one.what, one.expected, one.actual)
        for one in stack.compare(UNIT, "staging", live, deployed, parameters, TAGS)
    ]


HIDDEN = ("note", "parameter Word is hidden by NoEcho and was not compared", "", "")


def test_what_is_as_git_says_is_no_drift() -> None:
    assert found() == [HIDDEN]


@pytest.mark.parametrize(
    ("live", "finding"),
    [
        (replace(LIVE, protected=False), ("drift", "termination protection", "on", "off")),
        (replace(LIVE, tags={"Project": "demo"}), ("drift", "tag Environment", "staging", "")),
        (replace(LIVE, parameters={**PARAMETERS, "Days": "3"}), ("drift", "parameter Days", "7", "3")),
        (replace(LIVE, parameters={"VpcId": "vpc-1"}), ("drift", "parameter Days", "7", "")),
    ],
)
def test_what_an_apply_would_change_is_drift(live: LiveStack, finding: tuple[str, ...]) -> None:
    assert finding in found(live)


def test_the_template_is_compared_and_the_next_step_named() -> None:
    deployed = BODY.replace("RetentionInDays: !Ref Days", "RetentionInDays: 5")
    [one, _] = stack.compare(UNIT, "staging", LIVE, deployed, PARAMETERS, TAGS)
    assert (one.level, one.what) == ("drift", "template Resources.Logs.Properties.RetentionInDays")
    assert (one.expected, one.actual) == ('{"Ref": "Days"}', "5")
    assert one.next.endswith("gitops apply staging --stack network")


def test_a_template_that_cannot_be_read_proves_nothing() -> None:
    assert ("unproven", "its template is one that cannot be read", "", "") in found(deployed="Resources: {")


def test_a_parameter_whose_source_is_gone_is_drift() -> None:
    assert ("drift", "parameter VpcId", "an output of base", "vpc-1") in found(parameters={"Days": "7", "Word": "w"})


@pytest.mark.parametrize(
    ("status", "level", "what"),
    [
        ("", "drift", "is not there"),
        ("DELETE_COMPLETE", "drift", "is not there"),
        ("UPDATE_IN_PROGRESS", "unproven", "is being changed right now (UPDATE_IN_PROGRESS)"),
        ("ROLLBACK_COMPLETE", "drift", "is ROLLBACK_COMPLETE: no room"),
        ("UPDATE_ROLLBACK_FAILED", "drift", "is UPDATE_ROLLBACK_FAILED: no room"),
    ],
)
def test_a_stack_that_does_not_stand(status: str, level: str, what: str) -> None:
    one = stack.state(UNIT, "staging", LiveStack(UNIT.stack_name, status=status, reason="no room"))
    assert one is not None
    assert (one.level, one.what) == (level, what)
    assert one.next


def test_bootstrap_is_for_an_administrator() -> None:
    one = stack.state(replace(UNIT, label="bootstrap"), "staging", LiveStack("x"))
    assert one is not None
    assert one.next == "gitops apply staging --stack bootstrap, as administrator"


def test_what_nothing_asks_for_names_what_removes_it() -> None:
    one = stack.orphaned(Orphan("service-old", "demo-staging-service-old"), "staging")
    assert one.level == "drift"
    assert one.next.endswith("gitops destroy staging --stack service-old --confirm staging")
