"""AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress: rules beside their group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rehearsal.emulator.resources.handler import Created, Properties


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
