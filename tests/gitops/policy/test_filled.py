"""A template takes an environment's values as its defaults, and means the same otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from gitops.policy.filled import substitute, values
from gitops.stacks.order import Output, Unit
from gitops.stacks.templates import parse

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


def decoded(text: str, tmp_path: Path) -> dict[str, dict[str, Any]]:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    template, problems = decode(str(path))
    assert not problems
    return dict(template)


@pytest.mark.parametrize(
    ("name", "given", "default"),
    [
        *(("Name", text, text) for text in ("new", "", "true", "007", "a: 'b' # c")),
        ("Name", None, "old"),
        ("Number", "12", 12),
        ("Number", "-1.5", -1.5),
        ("Number", "twelve", "twelve"),
        ("Zones", "a,b", "a,b"),
    ],
)
def test_a_value_becomes_the_default(name: str, given: str | None, default: object, tmp_path: Path) -> None:
    before = decoded(TEMPLATE, tmp_path)["Parameters"][name]
    after = decoded(substitute(TEMPLATE, {} if given is None else {name: given}), tmp_path)["Parameters"][name]
    assert after == {**before, "Default": default}


def test_everything_else_means_the_same(tmp_path: Path) -> None:
    before, after = decoded(TEMPLATE, tmp_path), decoded(substitute(TEMPLATE, {"Name": "new"}), tmp_path)
    assert after["Resources"] == before["Resources"]
    assert after["Conditions"] == before["Conditions"]


def test_a_value_that_no_parameter_takes_changes_nothing() -> None:
    assert substitute(TEMPLATE, {"Other": "x"}) == substitute(TEMPLATE, {})


def test_a_template_without_parameters_is_kept(tmp_path: Path) -> None:
    text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
    assert decoded(substitute(text, {"Name": "x"}), tmp_path) == {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


SERVICE = """
Parameters:
  ServiceEnabled: {Type: String}
  VpcId: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""


@pytest.mark.parametrize(
    ("placeholders", "expected"),
    [
        (True, {"Size": "1", "VpcId": "network.VpcId", "ServiceEnabled": "true"}),
        (False, {"Size": "1", "ServiceEnabled": "true"}),
    ],
)
def test_values_are_known_without_asking_aws(placeholders: bool, expected: dict[str, str]) -> None:
    template = parse(SERVICE, "service", Path("infra/cloudformation/service.yaml"))
    unit = Unit("service-weather", "x", template, "weather", {"Size": "1"}, {"VpcId": Output("network", "VpcId")})
    assert values(unit, placeholders=placeholders) == expected
