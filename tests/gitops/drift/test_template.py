"""A deployed template against the one in git, by what CloudFormation would act on."""

from __future__ import annotations

import json

import pytest
import yaml

from gitops.drift.template import compare
from tests.conftest import ROOT

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
    assert compare(BASE, BASE.replace(old, new)) == []


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
    found = [one.path for one in compare(BASE, BASE.replace(old, new))]
    assert found
    assert all(one.startswith(path) for one in found)


def test_a_template_that_was_given_as_json_is_compared_too() -> None:
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}}}}
    assert compare("Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {FifoTopic: true}}}", json.dumps(body)) == []


def test_each_of_our_templates_is_itself_and_another_than_the_others() -> None:
    bodies = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "infra/cloudformation").glob("*.yaml"))]
    assert len(bodies) >= 5
    assert all(compare(one, one) == [] for one in bodies)
    assert all(compare(one, other) for one in bodies for other in bodies if one != other)


def test_what_is_no_yaml_is_no_template() -> None:
    with pytest.raises(yaml.YAMLError):
        compare(BASE, "Resources: {")
