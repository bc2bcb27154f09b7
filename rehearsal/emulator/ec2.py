"""EC2: the resource types that ministack lacks, and security groups as drift detection reads them.

Rules that stand beside the group in its own stack are not held against it. Those of another stack are: "CloudFormation
can't perform this analysis across stacks", says
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html, "Considerations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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

Record = dict[str, Any]


class ElasticIp:
    """Ref is the public address, ``AllocationId`` an attribute (aws-resource-ec2-eip)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Allocate an address with the template's tags."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        response = ec2._allocate_address({"Domain": [properties.get("Domain", "vpc")]})
        allocation = answered(response, "allocationId")
        provisioners._ec2_apply_tags(allocation, properties)
        public = answered(response, "publicIp")
        return public, {"AllocationId": allocation, "PublicIp": public}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the address."""
        from ministack.services.cloudformation import provisioners

        record = _address(physical_id)
        if record is None or without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        allocation = str(record["AllocationId"])
        provisioners._ec2_apply_tags(allocation, new, old)
        return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Release the address."""
        from ministack.services import ec2

        record = _address(physical_id)
        if record is not None:
            ec2._release_address({"AllocationId": [record["AllocationId"]]})


def _address(public_ip: str) -> dict[str, Any] | None:
    from ministack.services import ec2

    return next((a for a in ec2._addresses.values() if a["PublicIp"] == public_ip), None)


class NatGateway:
    """Ref and ``NatGatewayId`` are the id (aws-resource-ec2-natgateway)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Make the gateway in its subnet, with its address."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        parameters = {
            name: [str(properties[name])]
            for name in ("SubnetId", "AllocationId", "ConnectivityType")
            if name in properties
        }
        gateway = answered(ec2._create_nat_gateway(parameters), "natGatewayId")
        provisioners._ec2_apply_tags(gateway, properties)
        return gateway, {"NatGatewayId": gateway}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the gateway."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        if physical_id not in ec2._nat_gateways or without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {"NatGatewayId": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Forget the gateway; EC2 shows a deleted one for an hour, an empty teardown must not."""
        from ministack.services import ec2

        ec2._nat_gateways.pop(physical_id, None)
        ec2._tags.pop(physical_id, None)


class FlowLog:
    """Ref and ``Id`` are the flow log's id (aws-resource-ec2-flowlog)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Switch the log on for one VPC, subnet or interface."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        parameters = members("ResourceId", [str(properties["ResourceId"])])
        for name in ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName"):
            if name in properties:
                parameters[name] = [str(properties[name])]
        ids = answered(ec2._create_flow_logs(parameters), "flowLogIdSet")
        flow_log = ids.removeprefix("<item>").removesuffix("</item>")
        provisioners._ec2_apply_tags(flow_log, properties)
        return flow_log, {"Id": flow_log}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the log."""
        from ministack.services.cloudformation import provisioners

        if without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Switch the log off."""
        from ministack.services import ec2

        ec2._delete_flow_logs(members("FlowLogId", [physical_id]))


@dataclass(frozen=True)
class Rule:
    """One rule of a group; Ref and ``Id`` are the rule's id (aws-resource-ec2-securitygroupingress)."""

    egress: bool

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Add the rule to its group; ValueError when there is no such group."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

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
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        group = str(properties["GroupId"])
        if group not in ec2._security_groups:
            return
        [permission] = provisioners._ec2_sg_permissions([dict(properties)])
        rules = self._rules(group)
        rules[:] = [rule for rule in rules if not ec2._rules_match(permission, rule)]
        ec2._tags.pop(physical_id, None)

    def _rules(self, group: str) -> list[dict[str, Any]]:
        from ministack.services import ec2

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


def read_ingress(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A rule for what comes in."""
    return _read_rule(physical_id, properties, egress=False)


def read_egress(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A rule for what goes out."""
    return _read_rule(physical_id, properties, egress=True)


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
    from ministack.services import cloudformation

    kind = "AWS::EC2::SecurityGroupEgress" if egress else "AWS::EC2::SecurityGroupIngress"
    for stack in cloudformation._stacks.values():
        made = stack.get("_resources", {}).values()
        if any(one["PhysicalResourceId"] == group_id for one in made):
            for one in made:
                properties = one.get("Properties") or {}
                if one["ResourceType"] == kind and properties.get("GroupId") == group_id:
                    yield properties


def _read_rule(physical_id: str, properties: Properties, egress: bool) -> dict[str, Any] | None:
    from ministack.services import ec2

    group_id = str(properties["GroupId"])
    kept = ec2._security_groups.get(group_id, {}).get("IpPermissionsEgress" if egress else "IpPermissions", [])
    for permission in kept:
        if permission.get("SecurityGroupRuleId") == physical_id:
            return {"GroupId": group_id, **next(flat(permission, egress), {})}
    return None


def zone(subnet: str) -> str | None:
    """The Availability Zone of a subnet; None where the account has no such subnet."""
    from ministack.services import ec2

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
    "AWS::EC2::SecurityGroupIngress": (read_ingress, OF_A_RULE),
    "AWS::EC2::SecurityGroupEgress": (read_egress, OF_A_RULE),
}
