"""A template takes an environment's values as its defaults, and means the same otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from gitops.policy.filled import substitute, values
from gitops.stacks.order import Output, Unit
from gitops.stacks.templates import Template, parse

TEMPLATE = """
Parameters:
  Name:
    Type: String
    Default: old
  Number:
    Type: Number
    Description: no default
  Zones:
    Type: List<AWS::EC2::Subnet::Id>
Conditions:
  Named: !Not [!Equals [!Ref Name, ""]]
Resources:
  # A comment
  Topic:
    Type: AWS::SNS::Topic
    Condition: Named
    Properties:
      TopicName: !Sub "${Name}-x"
      Tags: !If [Named, [{Key: a, Value: !GetAtt Other.Arn}], !Ref AWS::NoValue]
"""


def decoded(text: str, tmp_path: Path) -> dict[str, dict[str, object]]:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    template, problems = decode(str(path))
    assert not problems
    return dict(template)


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"Name": "new"}, "Name", {"Type": "String", "Default": "new"}),
        ({"Name": ""}, "Name", {"Type": "String", "Default": ""}),
        ({"Name": "true"}, "Name", {"Type": "String", "Default": "true"}),
        ({"Name": "007"}, "Name", {"Type": "String", "Default": "007"}),
        ({"Name": "a: 'b' # c"}, "Name", {"Type": "String", "Default": "a: 'b' # c"}),
        ({}, "Name", {"Type": "String", "Default": "old"}),
        ({"Number": "12"}, "Number", {"Type": "Number", "Description": "no default", "Default": 12}),
        ({"Number": "-1.5"}, "Number", {"Type": "Number", "Description": "no default", "Default": -1.5}),
        ({"Number": "twelve"}, "Number", {"Type": "Number", "Description": "no default", "Default": "twelve"}),
        ({"Zones": "a,b"}, "Zones", {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "a,b"}),
    ],
)
def test_a_value_becomes_the_default(
    given: dict[str, str], name: str, expected: dict[str, object], tmp_path: Path
) -> None:
    assert decoded(substitute(TEMPLATE, given), tmp_path)["Parameters"][name] == expected


def test_everything_else_means_the_same(tmp_path: Path) -> None:
    before, after = decoded(TEMPLATE, tmp_path), decoded(substitute(TEMPLATE, {"Name": "new"}), tmp_path)
    assert after["Resources"] == before["Resources"]
    assert after["Conditions"] == before["Conditions"]


def test_a_value_that_no_parameter_takes_changes_nothing() -> None:
    assert substitute(TEMPLATE, {"Other": "x"}) == substitute(TEMPLATE, {})


def test_a_template_without_parameters_is_kept(tmp_path: Path) -> None:
    text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
    assert decoded(substitute(text, {"Name": "x"}), tmp_path) == {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def service() -> Template:
    text = """
Parameters:
  ServiceEnabled: {Type: String}
  VpcId: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""
    return parse(text, "service", Path("infra/cloudformation/service.yaml"))


@pytest.mark.parametrize(
    ("placeholders", "expected"),
    [
        (True, {"Size": "1", "VpcId": "network.VpcId", "ServiceEnabled": "true"}),
        (False, {"Size": "1", "ServiceEnabled": "true"}),
    ],
)
def test_values_are_known_without_asking_aws(placeholders: bool, expected: dict[str, str]) -> None:
    unit = Unit("service-weather", "x", service(), "weather", {"Size": "1"}, {"VpcId": Output("network", "VpcId")})
    assert values(unit, placeholders=placeholders) == expected
