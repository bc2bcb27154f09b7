"""Reading templates: what they declare, errors with file and line, and what functions and conditions come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks import templates

PATH = Path("infra/cloudformation/x.yaml")
ROOT = Path(__file__).parents[3]
VALUES = {
    "Nat": "single",
    "Empty": "",
    "Same": "single",
    "Accounts": "1, 2",
    **templates.pseudo("1", "eu-west-2", "s"),
}


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
    defaults = {name: one.default for name, one in template.parameters.items()}
    assert defaults == {"Name": "a", "Size": "3", "Switch": "false", "Ids": None, "Key": None}
    assert [name for name, one in template.parameters.items() if one.no_echo] == ["Key"]
    assert template.parameters["Size"].line == 4
    assert template.conditions == {}
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
    assert templates.load(Checkout(tmp_path), "network").name == "network"
    with pytest.raises(GitopsError, match="there are: network"):
        templates.load(Checkout(tmp_path), "netwrok")


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("!Equals [!Ref Nat, single]", True),
        ("!Equals [!Ref Nat, none]", False),
        ("!Equals [single, {Ref: Nat}]", True),
        ("{'Fn::Equals': [{Ref: Empty}, '']}", True),
        ("!Equals [!Ref Nat, !Ref Same]", True),
        ("!Equals [!Ref Later, x]", None),
        ("!Equals [a, a]", True),
        # CloudFormation compares text: no YAML reading makes two spellings one.
        ("!Equals ['true', true]", True),
        ("!Equals ['01', 1]", False),
        ("!Equals [!Ref AWS::Region, eu-west-2]", True),
        ("!Equals [!Ref AWS::AccountId, '1']", True),
        ("!Equals [!Ref AWS::StackId, x]", None),
        ("!Equals [!FindInMap [A, !Ref Nat, B], x]", None),
        ("!Equals [!Ref Nat]", None),
        ("!Equals [!Join ['', !Ref Accounts], '12']", True),
        ("!Equals [!Join ['-', [!Ref Nat, x]], single-x]", True),
        ("!Equals [!Join ['-', [!Ref Later, x]], single-x]", None),
        ("!Equals [!Join ['', !Ref Later], '']", None),
        ("!Not [!Equals [!Ref Nat, none]]", True),
        ("!Not [!Equals [!Ref Later, none]]", None),
        ("!And [!Condition Yes, !Condition Open]", None),
        ("!And [!Condition Yes, !Condition Open, !Condition No]", False),
        ("!And [!Condition Yes, {Condition: Yes}]", True),
        ("!Or [!Condition No, !Condition Open]", None),
        ("!Or [!Condition No, !Condition Open, !Condition Yes]", True),
        ("!Or [!Condition No, !Condition No]", False),
        ("!Condition Yes", True),
        ("!Condition Missing", None),
        ("!Condition C", None),
        ("!Unheard [of]", None),
        ("true", None),
    ],
)
def test_three_values(said: str, holds: bool | None) -> None:
    body = f"""
Conditions:
  Yes: !Equals [a, a]
  No: !Equals [a, b]
  Open: !Equals [!Ref Later, b]
  C: {said}
"""
    found = templates.holds(templates.read(body)["Conditions"], VALUES)
    assert found == {"Yes": True, "No": False, "Open": None, "C": holds}


PARTITIONS = {"eu-west-2": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}


@pytest.mark.parametrize("region", PARTITIONS)
def test_the_partition_is_the_regions(region: str) -> None:
    assert templates.pseudo("1", region, "s")["AWS::Partition"] == PARTITIONS[region]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("a", "a"),
        ("!Ref Nat", "single"),
        ("!Ref Later", None),
        ("!Sub ${Nat}-x", "single-x"),
        ("!Sub arn:${AWS::Partition}:${!Nat}", "arn:aws:${Nat}"),
        ("!Sub ${Later}-x", None),
        ("!Sub [a, {}]", None),
        ("!GetAtt A.Arn", None),
        ("[a]", None),
    ],
)
def test_what_a_property_comes_to(said: str, value: str | None) -> None:
    assert templates.value(templates.read(said), VALUES) == value


@pytest.mark.parametrize(("said", "text"), [("a", "a"), ("!Sub ${A}-x", "${A}-x"), ("!Ref A", ""), ("[a]", "")])
def test_what_a_property_says_as_it_is_written(said: str, text: str) -> None:
    assert templates.written(templates.read(said)) == text


@pytest.mark.parametrize("name", templates.names(Checkout(ROOT)))
def test_the_defaults_of_every_template_here_decide_its_conditions(name: str) -> None:
    template = templates.load(Checkout(ROOT), name)
    defaults = {key: one.default for key, one in template.parameters.items() if one.default is not None}
    assert None not in templates.holds(template.conditions, defaults).values()
