"""What CloudFormation's drift detection means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitops.cloudformation import Detected
from gitops.drift import resources

TEMPLATE = "infra/cloudformation/service.yaml"
RULE = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "DestinationSecurityGroupId": "sg-2"}


def drift(name: str, kind: str, status: str, **more: Any) -> dict[str, Any]:
    return {"LogicalResourceId": name, "ResourceType": kind, "StackResourceDriftStatus": status, **more}


def difference(path: str, expected: str, actual: str, kind: str = "NOT_EQUAL") -> dict[str, str]:
    return {"PropertyPath": path, "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": kind}


def group(rule: dict[str, Any], direction: str = "SecurityGroupEgress") -> Detected:
    """A security group to which a rule was added."""
    kind = "AWS::EC2::SecurityGroup"
    added = [difference(f"/{direction}/1", "null", json.dumps(rule), "ADD")]
    one = drift("Group", kind, "MODIFIED", PhysicalResourceId="sg-1", PropertyDifferences=added)
    return Detected({"Group": kind}, [one])


def beside(status: str = "IN_SYNC", **more: str) -> Detected:
    """A rule that another stack makes beside that group."""
    made = json.dumps({**RULE, "GroupId": "sg-1", "Description": "to the tasks", **more})
    kind = "AWS::EC2::SecurityGroupEgress"
    return Detected({"Rule": kind}, [drift("Rule", kind, status, ExpectedProperties=made)])


def test_each_property_is_named_with_both_values() -> None:
    differences = [difference("/RetentionInDays", "14", "3"), difference("/KmsKeyId", "arn", "null")]
    changed = drift("Logs", "AWS::Logs::LogGroup", "MODIFIED", PropertyDifferences=differences)
    first, second = resources.findings(Detected({}, [changed]), TEMPLATE, [])
    assert (first.level, first.what) == ("drift", "Logs (AWS::Logs::LogGroup) was changed by hand: RetentionInDays")
    assert (first.expected, first.actual) == ("14", "3")
    assert (second.expected, second.actual) == ("arn", "")
    assert TEMPLATE in first.next


def test_an_attribute_goes_by_its_key() -> None:
    expected = json.dumps({"TargetGroupAttributes": [{"Key": "a", "Value": "1"}, {"Key": "delay", "Value": "20"}]})
    differences = [difference("/TargetGroupAttributes/1/Value", "20", "300")]
    changed = drift("Group", "T", "MODIFIED", ExpectedProperties=expected, PropertyDifferences=differences)
    [one] = resources.findings(Detected({}, [changed]), TEMPLATE, [])
    assert one.what.endswith("changed by hand: TargetGroupAttributes[delay].Value")


def test_a_secret_that_was_put_in_by_hand_is_not_shown() -> None:
    changed = drift("F", "X", "MODIFIED", PropertyDifferences=[difference("/Environment/API_KEY", "null", "hunter2")])
    [one] = resources.findings(Detected({}, [changed]), TEMPLATE, [])
    assert one.actual == "•••"


@pytest.mark.parametrize(
    ("drifted", "level", "what"),
    [
        (drift("Logs", "T", "DELETED"), "drift", "Logs (T) was deleted by hand"),
        (drift("Logs", "T", "UNKNOWN", DriftStatusReason="no"), "unproven", "Logs (T) could not be compared: no"),
    ],
)  # fmt: skip
def test_what_is_gone_and_what_could_not_be_read(drifted: dict[str, Any], level: str, what: str) -> None:
    [one] = resources.findings(Detected({}, [drifted]), TEMPLATE, [])
    assert (one.level, one.what) == (level, what)


def test_a_detection_that_failed_proves_nothing() -> None:
    [one] = resources.findings(Detected({"Logs": "T"}, failed="throttled"), TEMPLATE, [])
    assert (one.level, one.what) == ("unproven", "drift detection failed: throttled")


def test_what_was_not_checked_is_counted_and_never_in_sync() -> None:
    detected = Detected(
        {"A": "T1", "B": "T1", "C": "T2", "D": "T3", "E": "T4"},
        [drift("A", "T1", "IN_SYNC"), drift("C", "T2", "DELETED"), drift("D", "T3", "NOT_CHECKED"),
         drift("E", "T4", "UNKNOWN")],
    )  # fmt: skip
    assert resources.checked(detected) == 2
    assert resources.not_checked(detected) == {"T1": 1, "T3": 1, "T4": 1}


def test_a_rule_that_another_stack_makes_is_no_drift() -> None:
    known = resources.rules([beside()])
    assert resources.findings(group({**RULE, "Description": "to the tasks"}), TEMPLATE, known) == []


@pytest.mark.parametrize(
    ("added", "known"),
    [
        (group(RULE), []),
        (group({**RULE, "FromPort": 22}), resources.rules([beside()])),
        (group(RULE, "SecurityGroupIngress"), resources.rules([beside()])),
        (group(RULE), resources.rules([beside(GroupId="sg-9")])),
        (group(RULE), resources.rules([beside("DELETED")])),
    ],
)
def test_a_rule_that_no_stack_makes_is_drift(added: Detected, known: list[resources.Rule]) -> None:
    [one] = resources.findings(added, TEMPLATE, known)
    direction = added.drifts[0]["PropertyDifferences"][0]["PropertyPath"].split("/")[1]
    assert one.what == f"Group (AWS::EC2::SecurityGroup) was changed by hand: {direction}[1]"
