"""Drift detection reads with the caller's own credentials: it fails for a resource that the caller may not read.

What a type takes is its schema's ``handlers.read.permissions``, which cfn-lint carries; a test compares both.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from rehearsal.emulator.guard import before
from rehearsal.emulator.sessions import refusal

Read = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]

# Type → the actions that reading it takes, and the resource that they are authorised against:
# ``{id}`` is the physical id, ``{account}`` and ``{region}`` are the caller's. EC2's and ELB's have none to name.
TAKES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "AWS::EC2::SecurityGroup": ("*", ("ec2:DescribeSecurityGroups",)),
    "AWS::EC2::SecurityGroupIngress": ("*", ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules")),
    "AWS::EC2::SecurityGroupEgress": ("*", ("ec2:DescribeSecurityGroupRules",)),
    "AWS::ECR::Repository": (
        "arn:aws:ecr:{region}:{account}:repository/{id}",
        ("ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource"),
    ),
    "AWS::ECS::Service": ("{id}", ("ecs:DescribeServices",)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "*",
        (
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeCapacityReservation",
            "elasticloadbalancing:DescribeTags",
        ),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "*",
        (
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTags",
        ),
    ),
    "AWS::IAM::Role": (
        "arn:aws:iam::{account}:role/{id}",
        ("iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"),
    ),
    "AWS::Logs::LogGroup": (
        "arn:aws:logs:{region}:{account}:log-group:{id}:*",
        (
            "logs:DescribeLogGroups",
            "logs:ListTagsForResource",
            "logs:GetDataProtectionPolicy",
            "logs:DescribeIndexPolicies",
            "logs:DescribeResourcePolicies",
        ),
    ),
    "AWS::S3::Bucket": (
        "arn:aws:s3:::{id}",
        (
            "s3:GetAccelerateConfiguration",
            "s3:GetAnalyticsConfiguration",
            "s3:GetBucketAbac",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketMetadataTableConfiguration",
            "s3:GetBucketNotification",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetIntelligentTieringConfiguration",
            "s3:GetInventoryConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetMetricsConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:ListBucket",
            "s3:ListTagsForResource",
        ),
    ),
}
_CALLER: ContextVar[str] = ContextVar("caller", default="")


def held(kind: str, read: Read) -> Read:
    """A reader that raises PermissionError, in IAM's words, unless the caller holds what the type takes."""

    def checked(physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
        from ministack.core.responses import get_account_id, get_region

        written, actions = TAKES[kind]
        resource = written.format(id=physical_id, account=get_account_id(), region=get_region())
        for action in actions:
            refused = refusal(_CALLER.get(), action, resource, get_region())
            if refused is not None:
                raise PermissionError(refused.message)
        return read(physical_id, properties)

    return checked


def install() -> None:
    """Remember who calls CloudFormation while it answers."""
    from ministack.services import cloudformation

    def remember(caller: str, headers: Mapping[str, str], body: bytes) -> None:
        _CALLER.set(caller)

    before(cloudformation, remember)
