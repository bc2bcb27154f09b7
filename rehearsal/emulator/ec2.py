"""EC2: the resource types that ministack lacks, and security groups as drift detection reads them.

Rules that stand beside the group in its own stack are not held against it. Those of another stack are: "CloudFormation
can't perform this analysis across stacks", says
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html, "Considerations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import (
    Created,
    Properties,
    Reader,
    ResourceType,
    answered,
    members,
    without_tags,
)
from rehearsal.emulator.ministack import cloudformation, ec2, provisioners

Record = dict[str, Any]


class Tagged:
    """A type of which only the tags change in place; any other property replaces the resource."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Make the resource with the template's tags."""
        raise NotImplementedError

    def known(self, physical_id: str) -> tuple[str, Created] | None:
        """The id that its tags are kept by, and the resource as ``create`` answers it; None where it is gone."""
        return physical_id, (physical_id, {"Id": physical_id})

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags, or make another one."""
        found = self.known(physical_id)
        if found is None or without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        provisioners._ec2_apply_tags(found[0], new, old)
        return found[1]


class ElasticIp(Tagged):
    """Ref is the public address, ``AllocationId`` an attribute (aws-resource-ec2-eip)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Allocate an address with the template's tags."""
        response = ec2._allocate_address({"Domain": [properties.get("Domain", "vpc")]})
        allocation = answered(response, "allocationId")
        provisioners._ec2_apply_tags(allocation, properties)
        public = answered(response, "publicIp")
        return public, {"AllocationId": allocation, "PublicIp": public}

    def known(self, physical_id: str) -> tuple[str, Created] | None:
        """By its public address."""
        allocation = next((a["AllocationId"] for a in ec2._addresses.values() if a["PublicIp"] == physical_id), "")
        attributes = {"AllocationId": allocation, "PublicIp": physical_id}
        return (allocation, (physical_id, attributes)) if allocation else None

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Release the address."""
        if found := self.known(physical_id):
            ec2._release_address({"AllocationId": [found[0]]})


class NatGateway(Tagged):
    """Ref and ``NatGatewayId`` are the id (aws-resource-ec2-natgateway)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Make the gateway in its subnet, with its address."""
        parameters = _given(properties, "SubnetId", "AllocationId", "ConnectivityType")
        gateway = answered(ec2._create_nat_gateway(parameters), "natGatewayId")
        provisioners._ec2_apply_tags(gateway, properties)
        return gateway, {"NatGatewayId": gateway}

    def known(self, physical_id: str) -> tuple[str, Created] | None:
        """By its id."""
        return (physical_id, (physical_id, {"NatGatewayId": physical_id})) if physical_id in ec2._nat_gateways else None

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Forget the gateway; EC2 shows a deleted one for an hour, an empty teardown must not."""
        ec2._nat_gateways.pop(physical_id, None)
        ec2._tags.pop(physical_id, None)


class FlowLog(Tagged):
    """Ref and ``Id`` are the flow log's id (aws-resource-ec2-flowlog)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Switch the log on for one VPC, subnet or interface."""
        parameters = members("ResourceId", [str(properties["ResourceId"])])
        parameters |= _given(
            properties, "ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName"
        )
        ids = answered(ec2._create_flow_logs(parameters), "flowLogIdSet")
        flow_log = ids.removeprefix("<item>").removesuffix("</item>")
        provisioners._ec2_apply_tags(flow_log, properties)
        return flow_log, {"Id": flow_log}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Switch the log off."""
        ec2._delete_flow_logs(members("FlowLogId", [physical_id]))


def _given(properties: Properties, *names: str) -> dict[str, list[str]]:
    """The named properties that are there, as EC2's query takes them."""
    return {name: [str(properties[name])] for name in names if name in properties}


@dataclass(frozen=True)
class Rule:
    """One rule of a group; Ref and ``Id`` are the rule's id (aws-resource-ec2-securitygroupingress)."""

    egress: bool

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Add the rule to its group; ValueError when there is no such group."""
        group = str(properties["GroupId"])
        if group not in ec2._security_groups:
            raise ValueError(f"The security group '{group}' does not exist")
        [permission] = provisioners._ec2_sg_permissions([dict(properties)])
        rule_id = str(ec2._sg_rule_id(group, self.egress, permission))
        permission["SecurityGroupRuleId"] = rule_id
        rules = self._rules(group)
        if any(ec2._rules_match(permission, rule) for rule in rules):
            raise ValueError("the specified rule already exists (InvalidPermission.Duplicate)")
        rules.append(permission)
        return rule_id, {"Id": rule_id}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Replace the rule; only a new description keeps its id."""
        self.delete(physical_id, old)
        return self.create("", new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Take the rule out of its group; the group may be gone."""
        group = str(properties["GroupId"])
        if group not in ec2._security_groups:
            return
        [permission] = provisioners._ec2_sg_permissions([dict(properties)])
        rules = self._rules(group)
        rules[:] = [rule for rule in rules if not ec2._rules_match(permission, rule)]
        ec2._tags.pop(physical_id, None)

    def _rules(self, group: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = ec2._security_groups[group].setdefault(
            "IpPermissionsEgress" if self.egress else "IpPermissions", []
        )
        return rules


OF_A_RULE: Final = frozenset({
    "CidrIp", "Description", "DestinationSecurityGroupId", "FromPort", "GroupId", "IpProtocol",
    "SourceSecurityGroupId", "ToPort",
})  # fmt: skip


def read_group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A group with its rules."""
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


def flat(permission: Mapping[str, Any], egress: bool) -> Iterator[Record]:
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


def _inline(group_id: str, permissions: list[Mapping[str, Any]], egress: bool) -> list[Record]:
    beside = [_told(rule) for rule in _attached(group_id, egress)]
    every = [rule for permission in permissions for rule in flat(permission, egress)]
    return [rule for rule in every if _told(rule) not in beside]


def _told(rule: Mapping[str, Any]) -> dict[str, str]:
    """What a rule lets through, whoever it belongs to and however it is described."""
    return {key: str(value) for key, value in rule.items() if key not in ("Description", "GroupId")}


def _attached(group_id: str, egress: bool) -> Iterator[Properties]:
    """The rules beside a group in the stack that made it."""
    kind = "AWS::EC2::SecurityGroupEgress" if egress else "AWS::EC2::SecurityGroupIngress"
    for stack in cloudformation._stacks.values():
        made = stack.get("_resources", {}).values()
        if any(one["PhysicalResourceId"] == group_id for one in made):
            for one in made:
                properties = one.get("Properties") or {}
                if one["ResourceType"] == kind and properties.get("GroupId") == group_id:
                    yield properties


def read_rule(physical_id: str, properties: Properties, *, egress: bool) -> dict[str, Any] | None:
    """A rule beside its group."""
    group_id = str(properties["GroupId"])
    kept = ec2._security_groups.get(group_id, {}).get("IpPermissionsEgress" if egress else "IpPermissions", [])
    for permission in kept:
        if permission.get("SecurityGroupRuleId") == physical_id:
            return {"GroupId": group_id, **next(flat(permission, egress), {})}
    return None


def zone(subnet: str) -> str | None:
    """The Availability Zone of a subnet; None where the account has no such subnet."""
    found: str | None = (ec2._subnets.get(subnet) or {}).get("AvailabilityZone")
    return found


TYPES: Final[dict[str, ResourceType]] = {
    "AWS::EC2::EIP": ElasticIp(),
    "AWS::EC2::NatGateway": NatGateway(),
    "AWS::EC2::SecurityGroupIngress": Rule(egress=False),
    "AWS::EC2::SecurityGroupEgress": Rule(egress=True),
    "AWS::EC2::FlowLog": FlowLog(),
}
READERS: Final[dict[str, Reader]] = {
    "AWS::EC2::SecurityGroup": (
        read_group,
        frozenset({"GroupDescription", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"}),
    ),
    "AWS::EC2::SecurityGroupIngress": (partial(read_rule, egress=False), OF_A_RULE),
    "AWS::EC2::SecurityGroupEgress": (partial(read_rule, egress=True), OF_A_RULE),
}
