"""What CloudFormation says was changed by hand, without what only looks so from one stack.

A rule that stands beside its security group in another stack is reported as added to the group: "CloudFormation
can't perform this analysis across stacks" (using-cfn-stack-drift.html, considerations). Here all stacks are known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.cloudformation import Detected
from gitops.drift.report import Finding, shown

_COMPARED = {"IN_SYNC", "MODIFIED", "DELETED"}
_DIRECTIONS = {
    "AWS::EC2::SecurityGroupIngress": "SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress": "SecurityGroupEgress",
}


@dataclass(frozen=True)
class Rule:
    """A rule beside its security group: the group's id, the property it would stand under, what it lets through."""

    group: str
    direction: str
    content: frozenset[tuple[str, str]]


def rules(every: Iterable[Detected]) -> list[Rule]:
    """The rules that the stacks make beside their groups."""
    found = []
    for one in every:
        for drift in one.drifts:
            direction = _DIRECTIONS.get(drift["ResourceType"])
            if direction and drift["StackResourceDriftStatus"] == "IN_SYNC":
                made = json.loads(drift["ExpectedProperties"])
                found.append(Rule(made["GroupId"], direction, _content(made)))
    return found


def checked(detected: Detected) -> int:
    """How many of a stack's resources were compared."""
    return sum(one["StackResourceDriftStatus"] in _COMPARED for one in detected.drifts)


def not_checked(detected: Detected) -> dict[str, int]:
    """How many were not, by type."""
    done = {one["LogicalResourceId"] for one in detected.drifts if one["StackResourceDriftStatus"] in _COMPARED}
    kinds = Counter(kind for name, kind in detected.resources.items() if name not in done)
    return dict(sorted(kinds.items()))


def findings(detected: Detected, template: str, known: Sequence[Rule]) -> list[Finding]:
    """What was changed or deleted by hand in one stack; ``known`` are the rules of all stacks."""
    found = [Finding("unproven", f"drift detection failed: {detected.failed}")] if detected.failed else []
    for drift in sorted(detected.drifts, key=lambda one: str(one["LogicalResourceId"])):
        name, status = f"{drift['LogicalResourceId']} ({drift['ResourceType']})", drift["StackResourceDriftStatus"]
        if status == "DELETED":
            step = (
                f"take it out of {template} and apply, put it back, and apply: a stack does not make it again by itself"
            )
            found.append(Finding("drift", f"{name} was deleted by hand", next=step))
        elif status == "UNKNOWN":
            reason = shown("", drift.get("DriftStatusReason", "no reason given"))
            found.append(Finding("unproven", f"{name} could not be compared: {reason}"))
        elif status == "MODIFIED":
            # Secrets are hidden: the report is read by more people than the account.
            found += [
                Finding(
                    "drift",
                    f"{name} was changed by hand: {_named(drift, one['PropertyPath'])}",
                    expected=_value(one["PropertyPath"], one["ExpectedValue"]),
                    actual=_value(one["PropertyPath"], one["ActualValue"]),
                    next=f"change it back by hand, or put it into {template} and apply; an apply alone leaves it",
                )
                for one in drift.get("PropertyDifferences", [])
                if not _is_known(drift, one, known)
            ]
    return found


def _named(drift: Mapping[str, Any], path: str) -> str:
    """A property's path in which an attribute or a tag goes by its key instead of its position."""
    at: Any = json.loads(drift.get("ExpectedProperties") or "{}")
    words = ""
    for step in path.strip("/").split("/"):
        at = at[int(step)] if isinstance(at, list) and step.isdigit() and int(step) < len(at) else _member(at, step)
        key = next((at[name] for name in ("Key", "PolicyName") if isinstance(at, dict) and name in at), step)
        words += f"[{key}]" if step.isdigit() else f".{step}"
    return words.lstrip(".")


def _member(at: Any, step: str) -> Any:  # noqa: ANN401 (any JSON)
    return at.get(step) if isinstance(at, dict) else None


def _value(path: str, value: str) -> str:
    # CloudFormation writes null where a side has nothing.
    return "" if value in ("null", "") else shown(path, value)


def _is_known(drift: Mapping[str, Any], difference: Mapping[str, Any], known: Sequence[Rule]) -> bool:
    if drift["ResourceType"] != "AWS::EC2::SecurityGroup" or difference["DifferenceType"] != "ADD":
        return False
    direction = difference["PropertyPath"].strip("/").split("/")[0]
    try:
        added = _content(json.loads(difference["ActualValue"]))
    except (ValueError, AttributeError):
        return False
    group = drift.get("PhysicalResourceId")
    return any(rule.group == group and rule.direction == direction and rule.content <= added for rule in known)


def _content(rule: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((key, str(value)) for key, value in rule.items() if key not in ("GroupId", "Description"))
