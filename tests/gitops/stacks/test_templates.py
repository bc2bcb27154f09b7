"""Reading templates: what they declare, and errors with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.stacks import templates

PATH = Path("infra/cloudformation/x.yaml")


def test_a_template_tells_parameters_outputs_and_resources() -> None:
    template = templates.parse(
        """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: {Type: String, Default: a}
  Size: {Type: Number, Default: 3}
  Switch: {Type: String, Default: false}
  Ids: {Type: "List<AWS::EC2::Subnet::Id>"}
  Key: {Type: String, NoEcho: true}
Resources:
  B: {Type: "AWS::SNS::Topic", Condition: IsOn, Properties: {TopicName: !Sub "${Name}-x"}}
  A:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !If [IsOn, !Ref Name, !GetAtt B.TopicName]}
Outputs:
  Z: {Value: !Join [",", [!Ref A, !Ref B]]}
  Y: {Value: !Ref A}
""",
        "x",
        PATH,
    )
    assert {name: one.default for name, one in template.parameters.items()} == {
        "Name": "a",
        "Size": "3",
        "Switch": "false",
        "Ids": None,
        "Key": None,
    }
    assert [name for name, one in template.parameters.items() if one.no_echo] == ["Key"]
    assert template.parameters["Size"].line == 4
    assert template.outputs == ("Y", "Z")
    assert [(one.logical_id, one.type, one.condition) for one in template.resources] == [
        ("A", "AWS::SQS::Queue", ""),
        ("B", "AWS::SNS::Topic", "IsOn"),
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Resources: {A: {Type: X}\n", "x.yaml:2: not YAML"),
        ("", "x.yaml:1: a template is a mapping"),
        ("- a\n", "x.yaml:1: a template is a mapping"),
        ("Parameters: {}\n", "x.yaml:1: a template is a mapping"),
        ("Resources:\n  A: {Type: X}\nParameters:\n  P: String\n", "x.yaml:4: Parameters.P is not a mapping"),
        ("Resources: {A: {Type: X}}\nOutputs: [A]\n", "x.yaml:2: Outputs is not a mapping"),
        ("Resources: {A: {Type: X}}\n" + "# filler\n" * 6000, "CloudFormation takes 51200"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(body: str, words: str) -> None:
    with pytest.raises(GitopsError) as raised:
        templates.parse(body, "x", PATH)
    assert words in str(raised.value)


def test_a_missing_template_lists_those_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "infra/cloudformation"
    folder.mkdir(parents=True)
    (folder / "network.yaml").write_text("Resources: {A: {Type: X}}")
    assert templates.load(tmp_path, "network").name == "network"
    with pytest.raises(GitopsError, match="there are: network"):
        templates.load(tmp_path, "netwrok")
