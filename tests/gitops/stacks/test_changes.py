"""A described change set as changes: what is replaced, why, and how sure that is."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.stacks import changes
from gitops.stacks.changes import KNOWN_AFTER_APPLY, Change, Property


def detail(name: str, recreates: str = "Never", **more: Any) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreates}
    outer: dict[str, Any] = {key: more.pop(key) for key in ("Evaluation", "CausingEntity") if key in more}
    return {"Target": {**target, **more}, "Evaluation": "Static", **outer}


def modify(replacement: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    what = {"Action": "Modify", "LogicalResourceId": "Vpc", "ResourceType": "AWS::EC2::VPC"}
    return {"ResourceChange": {**what, "Replacement": replacement, "Details": list(details), **more}}


@pytest.mark.parametrize(
    ("described", "kind"),
    [
        (modify("False", detail("Tags")), "change"),
        (modify("True", detail("CidrBlock", "Always", BeforeValue="a", AfterValue="b")), "replace"),
        (modify("Conditional", detail("Tenancy", "Conditionally")), "uncertain"),
        (modify("True", detail("CidrBlock", "Always", AfterValue=KNOWN_AFTER_APPLY)), "uncertain"),
        (modify("True", detail("CidrBlock", "Always", AfterValue=f"x-{KNOWN_AFTER_APPLY}")), "uncertain"),
        (modify("True", detail("CidrBlock", "Always", Evaluation="Dynamic")), "uncertain"),
        (modify("True", detail("A", "Always", AfterValue=KNOWN_AFTER_APPLY), detail("B", "Always")), "replace"),
        (modify("True"), "replace"),
        (modify("", Action="Dynamic"), "uncertain"),
        (modify("False", Action="Remove"), "remove"),
        (modify("False", Action="Add"), "add"),
        (modify("False", Action="Import"), "import"),
    ],
)
def test_the_kind_of_a_change(described: dict[str, Any], kind: str) -> None:
    (change,) = changes.read([described])
    assert change.kind == kind


def test_causes_policies_and_values_are_kept() -> None:
    tags = detail("Tags", Path="/Properties/Tags/0/Value", BeforeValue="a", AfterValue="b")
    cidr = detail("CidrBlock", "Always", CausingEntity="VpcCidr", BeforeValue="10", AfterValue="11")
    (change,) = changes.read([modify("True", tags, cidr, PolicyAction="ReplaceAndRetain")])
    assert change.policy == "ReplaceAndRetain"
    assert change.causes == (Property("CidrBlock", "10", "11", "Always", "VpcCidr"),)
    assert change.properties[1].path == "Tags/0/Value"
    (risk,) = changes.risks("network", [change])
    assert risk == (
        "REPLACEMENT of network/Vpc (AWS::EC2::VPC): CidrBlock (through VpcCidr); "
        "the old one is kept outside of the stack"
    )


def test_values_of_secret_looking_properties_never_become_text() -> None:
    (change,) = changes.read([modify("False", detail("MasterUserPassword", BeforeValue="old", AfterValue="new"))])
    assert change.properties == (Property("MasterUserPassword", "•••", "•••"),)


def test_the_riskiest_come_first_whatever_the_order() -> None:
    kinds = [("Add", "a", "False"), ("Modify", "b", "False"), ("Remove", "c", "False"), ("Modify", "d", "True")]
    described = [modify(said, Action=action, LogicalResourceId=name) for action, name, said in kinds]
    found = changes.read(described)
    assert [change.logical_id for change in found] == ["d", "c", "b", "a"]
    assert changes.read(reversed(described)) == found
    counts = changes.count(found)
    assert str(counts) == "1 added, 1 changed, 1 REPLACED, 1 removed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("Remove", "Table", "AWS::DynamoDB::Table", policy="Delete"), "removal of s/Table"),
        (Change("Modify", "Role", "AWS::IAM::Role", properties=(Property("Policies"),)), "IAM: s/Role"),
        (Change("Add", "Group", "AWS::EC2::SecurityGroup", world=True), "open to the world"),
        (Change("Modify", "X", "AWS::SNS::Topic", replacement="uncertain"), "perhaps REPLACEMENT of s/X"),
    ],
)
def test_risks_are_said_in_words(change: Change, words: str) -> None:
    assert any(words in line for line in changes.risks("s", [change]))


def test_an_open_security_group_is_seen_in_what_it_becomes() -> None:
    becomes = '{"Properties":{"SecurityGroupIngress":[{"CidrIp":"0.0.0.0/0"}]}}'
    described = modify("False", Action="Add", ResourceType="AWS::EC2::SecurityGroup", AfterContext=becomes)
    (change,) = changes.read([described])
    assert change.world
