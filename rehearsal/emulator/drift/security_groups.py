"""Security groups and their rules, as drift detection reads them.

Rules that stand beside the group in its own stack are not held against it. Those of another stack are:
"CloudFormation can't perform this analysis across stacks", says using-cfn-stack-drift.html, "Considerations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Properties = Mapping[str, Any]
Rule = dict[str, Any]

OF_A_RULE: Final = frozenset({
    "CidrIp", "Description", "DestinationSecurityGroupId", "FromPort", "GroupId", "IpProtocol",
    "SourceSecurityGroupId", "ToPort",
})  # fmt: skip


def group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A group with its rules."""
    from ministack.services import ec2

    kept = ec2._security_groups.get(physical_id)
    if kept is None:
        return None
    return {
        "GroupDescription": kept["Description"],
        "VpcId": kept["VpcId"],
        "SecurityGroupIngress": _inline(physical_id, kept.get("IpPermissions", []), egress=False),
        "SecurityGroupEgress": _inline(physical_id, kept.get("IpPermissionsEgress", []), egress=True),
        "Tags": ec2._tags.get(physical_id, []),
    }


def ingress(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A rule for what comes in."""
    return _rule(physical_id, properties, egress=False)


def egress(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A rule for what goes out."""
    return _rule(physical_id, properties, egress=True)


def flat(permission: Mapping[str, Any], egress: bool) -> Iterator[Rule]:
    """One of EC2's permissions as the rules that a template would write for it."""
    rule = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    end = "DestinationSecurityGroupId" if egress else "SourceSecurityGroupId"
    for entries, key, name in (
        ("IpRanges", "CidrIp", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
        ("UserIdGroupPairs", "GroupId", end),
    ):
        for entry in permission.get(entries) or []:
            described = {"Description": entry["Description"]} if entry.get("Description") else {}
            yield {**rule, name: entry[key], **described}


def _inline(group_id: str, permissions: list[Mapping[str, Any]], egress: bool) -> list[Rule]:
    beside = [_told(rule) for rule in _attached(group_id, egress)]
    every = [rule for permission in permissions for rule in flat(permission, egress)]
    return [rule for rule in every if _told(rule) not in beside]


def _told(rule: Mapping[str, Any]) -> dict[str, str]:
    """What a rule lets through, whoever it belongs to and however it is described."""
    return {key: str(value) for key, value in rule.items() if key not in ("Description", "GroupId")}


def _attached(group_id: str, egress: bool) -> Iterator[Properties]:
    """The rules beside a group in the stack that made it."""
    from ministack.services import cloudformation

    kind = "AWS::EC2::SecurityGroupEgress" if egress else "AWS::EC2::SecurityGroupIngress"
    for stack in cloudformation._stacks.values():
        made = stack.get("_resources", {}).values()
        if any(one["PhysicalResourceId"] == group_id for one in made):
            for one in made:
                properties = one.get("Properties") or {}
                if one["ResourceType"] == kind and properties.get("GroupId") == group_id:
                    yield properties


def _rule(physical_id: str, properties: Properties, egress: bool) -> dict[str, Any] | None:
    from ministack.services import ec2

    group_id = str(properties["GroupId"])
    kept = ec2._security_groups.get(group_id, {}).get("IpPermissionsEgress" if egress else "IpPermissions", [])
    for permission in kept:
        if permission.get("SecurityGroupRuleId") == physical_id:
            return {"GroupId": group_id, **next(flat(permission, egress), {})}
    return None
