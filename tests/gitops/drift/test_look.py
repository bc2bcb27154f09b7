"""A stack against git, decided from plain data: its state, its template, its parameters and tags."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops.cloudformation import Stack
from gitops.drift import look
from gitops.drift.look import template_differences
from gitops.stacks import templates
from gitops.stacks.access import Orphan
from gitops.stacks.order import Output, Unit
from tests.conftest import ROOT

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
LIVE = Stack(
    UNIT.stack_name,
    status="UPDATE_COMPLETE",
    protected=True,
    tags={**TAGS, "Cost": "ours"},
    parameters={**PARAMETERS, "Word": "****"},
)


def found(live: Stack = LIVE, deployed: str = BODY, parameters: dict[str, str] = PARAMETERS) -> list[Any]:
    return [
        (one.level, one.what, one.expected, one.actual)
        for one in look.compare(UNIT, "staging", live, deployed, parameters, TAGS)
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
def test_what_an_apply_would_change_is_drift(live: Stack, finding: tuple[str, ...]) -> None:
    assert finding in found(live)


def test_the_template_is_compared_and_the_next_step_named() -> None:
    deployed = BODY.replace("RetentionInDays: !Ref Days", "RetentionInDays: 5")
    [one, _] = look.compare(UNIT, "staging", LIVE, deployed, PARAMETERS, TAGS)
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
    one = look.state(UNIT, "staging", Stack(UNIT.stack_name, status=status, reason="no room"))
    assert one is not None
    assert (one.level, one.what) == (level, what)
    assert one.next


@pytest.mark.parametrize("label", ["bootstrap", "bootstrap-roles"])
def test_bootstrap_is_for_an_administrator(label: str) -> None:
    one = look.state(replace(UNIT, label=label), "staging", Stack("x"))
    assert one is not None
    assert one.next == "gitops apply staging --stack bootstrap, as administrator"


def test_what_nothing_asks_for_names_what_removes_it() -> None:
    one = look.orphaned(Orphan("service-old", "demo-staging-service-old"), "staging")
    assert one.level == "drift"
    assert one.next.endswith("gitops destroy staging --stack service-old --confirm staging")


BASE = """\
Description: One group
Parameters:
  Days: {Type: Number, Default: 7}
Conditions:
  IsLong: !Equals [!Ref Days, 30]
Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Metadata: {checkov: {skip: []}}
    Properties:
      LogGroupName: !Sub ${AWS::StackName}-logs
      RetentionInDays: !Ref Days
Outputs:
  Arn:
    Description: Of the group
    Value: !GetAtt Logs.Arn
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Description: One group", "Description: Another"),
        ("Metadata: {checkov: {skip: []}}", "DependsOn: []"),
        ("    Description: Of the group\n", ""),
        ("Resources:", "# why\nResources:"),
        ("!GetAtt Logs.Arn", "{'Fn::GetAtt': [Logs, Arn]}"),
        ("!Ref Days\nOutputs", '{Ref: "Days"}\nOutputs'),
        ("Default: 7", "Default: 8"),
        ("30]", '"30"]'),
    ],
)
def test_what_no_change_set_would_carry_is_no_difference(old: str, new: str) -> None:
    assert old in BASE
    assert template_differences(BASE, BASE.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("RetentionInDays: !Ref Days", "RetentionInDays: 3", "Resources.Logs.Properties.RetentionInDays"),
        ("-logs", "-log", "Resources.Logs.Properties.LogGroupName.Fn::Sub"),
        ("Value: !GetAtt Logs.Arn", "Value: !Ref Logs", "Outputs.Arn.Value"),
        ("30]", "60]", "Conditions.IsLong.Fn::Equals[1]"),
        ("AWS::Logs::LogGroup", "AWS::SNS::Topic", "Resources.Logs.Type"),
    ],
)
def test_what_a_change_set_would_carry_is_named(old: str, new: str, path: str) -> None:
    found = [one.path for one in template_differences(BASE, BASE.replace(old, new))]
    assert found
    assert all(one.startswith(path) for one in found)


def test_a_template_that_was_given_as_json_is_compared_too() -> None:
    text = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {FifoTopic: true}}}"
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}}}}
    assert template_differences(text, json.dumps(body)) == []


def test_each_of_our_templates_is_itself_and_another_than_the_others() -> None:
    bodies = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "infra/cloudformation").glob("*.yaml"))]
    assert len(bodies) >= 5
    assert all(template_differences(one, one) == [] for one in bodies)
    assert all(template_differences(one, other) for one in bodies for other in bodies if one != other)
