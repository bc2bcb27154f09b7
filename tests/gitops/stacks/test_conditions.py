"""Conditions decided from what is known, and left open where that is not enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.stacks import conditions, templates

ROOT = Path(__file__).parents[3]
VALUES = {
    "Nat": "single",
    "Empty": "",
    "Same": "single",
    "Accounts": "1, 2",
    **conditions.pseudo("1", "eu-west-2", "s"),
}


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
    found = conditions.holds(conditions.section(body), VALUES)
    assert found == {"Yes": True, "No": False, "Open": None, "C": holds}


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-2", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_is_the_regions(region: str, partition: str) -> None:
    assert conditions.pseudo("1", region, "s")["AWS::Partition"] == partition


def test_a_template_without_conditions_has_none() -> None:
    assert conditions.section("Resources: {}") == {}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / templates.FOLDER).glob("*.yaml")))
def test_the_defaults_of_every_template_here_decide_its_conditions(name: str) -> None:
    template = templates.load(ROOT, name)
    defaults = {key: one.default for key, one in template.parameters.items() if one.default is not None}
    assert None not in conditions.holds(conditions.section(template.body), defaults).values()
