"""CloudFormation resource types that ministack lacks, by the family they belong to."""

from __future__ import annotations

from typing import Final

from rehearsal.emulator.resources import (
    addresses,
    ecs_service,
    flow_logs,
    iam_role,
    oidc_provider,
    scaling,
    security_group_rules,
)
from rehearsal.emulator.resources.handler import ResourceType

TYPES: Final[dict[str, ResourceType]] = {
    "AWS::EC2::EIP": addresses.ElasticIp(),
    "AWS::EC2::NatGateway": addresses.NatGateway(),
    "AWS::EC2::SecurityGroupIngress": security_group_rules.Rule(egress=False),
    "AWS::EC2::SecurityGroupEgress": security_group_rules.Rule(egress=True),
    "AWS::EC2::FlowLog": flow_logs.FlowLog(),
    "AWS::IAM::OIDCProvider": oidc_provider.OidcProvider(),
    "AWS::ApplicationAutoScaling::ScalableTarget": scaling.ScalableTarget(),
    "AWS::ApplicationAutoScaling::ScalingPolicy": scaling.ScalingPolicy(),
}
# CloudFormation hands the stack's tags on to these.
TAGGED: Final = ("AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::FlowLog", "AWS::IAM::OIDCProvider")


def register() -> None:
    """Put every type into ministack's tables, before it serves and after the scheduler is in place."""
    from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS, _STACK_TAG_PROPERTY

    for name, resource in TYPES.items():
        _RESOURCE_HANDLERS[name] = {
            "create": resource.create,
            "update": resource.update,
            "delete": resource.delete,
        }
    for name in TAGGED:
        _STACK_TAG_PROPERTY[name] = ("Tags", "list")
    ecs_service.install()
    iam_role.install()
