"""What drift detection reads of each resource type, where ministack reads too little, and what the caller needs for it.

ministack detects drift itself, for types that have a reader. A type without one is not checked, as on AWS.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.emulator.drift import load_balancing, permissions, records, security_groups

Properties = Mapping[str, Any]
# A physical id and the template's own properties → what is there now, in the template's shape; None when it is gone.
Reader = Callable[[str, Properties], dict[str, Any] | None]

READERS: Final[dict[str, tuple[Reader, frozenset[str]]]] = {
    "AWS::EC2::SecurityGroup": (
        security_groups.group,
        frozenset({"GroupDescription", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags"}),
    ),
    "AWS::EC2::SecurityGroupIngress": (security_groups.ingress, security_groups.OF_A_RULE),
    "AWS::EC2::SecurityGroupEgress": (security_groups.egress, security_groups.OF_A_RULE),
    "AWS::ECR::Repository": (records.ecr_repository, records.OF_A_REPOSITORY),
    "AWS::ECS::Service": (records.ecs_service, records.OF_A_SERVICE),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (load_balancing.load_balancer, load_balancing.OF_A_LOAD_BALANCER),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (load_balancing.target_group, load_balancing.OF_A_TARGET_GROUP),
    "AWS::IAM::Role": (records.iam_role, records.OF_A_ROLE),
    "AWS::Logs::LogGroup": (records.log_group, records.OF_A_LOG_GROUP),
}


def install() -> None:
    """Put the readers into ministack's table, each behind the permissions that its type takes."""
    from ministack.services.cloudformation import drift

    drift._DRIFT_READERS.update(READERS)
    for kind in permissions.TAKES:
        reader, properties = drift._DRIFT_READERS[kind]
        drift._DRIFT_READERS[kind] = (permissions.held(kind, reader), properties)
    permissions.install()
