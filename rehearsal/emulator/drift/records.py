"""ECS services, repositories, roles and log groups, as drift detection reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rehearsal.emulator.drift.shapes import explicit, parsed, pascal, same_document

Properties = Mapping[str, Any]

_OF_ECS: Final = frozenset({
    "AvailabilityZoneRebalancing", "DeploymentConfiguration", "DesiredCount", "EnableECSManagedTags",
    "EnableExecuteCommand", "HealthCheckGracePeriodSeconds", "LaunchType", "LoadBalancers", "NetworkConfiguration",
    "PlatformVersion", "PropagateTags", "ServiceName", "TaskDefinition",
})  # fmt: skip
OF_A_SERVICE: Final = _OF_ECS | {"Tags"}
OF_A_REPOSITORY: Final = frozenset({
    "EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability", "LifecyclePolicy", "RepositoryName",
    "RepositoryPolicyText", "Tags",
})  # fmt: skip
OF_A_ROLE: Final = frozenset({
    "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path",
    "PermissionsBoundary", "Policies", "RoleName", "Tags",
})  # fmt: skip
OF_A_LOG_GROUP: Final = frozenset({"KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags"})


def ecs_service(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A service. A family stands for every revision of it, as the type's ``propertyTransform`` says."""
    from ministack.services import ecs

    kept = ecs._services.get(physical_id.split(":service/")[-1])
    if kept is None or kept.get("status") == "INACTIVE":
        return None
    now = {name: value for name, value in pascal(kept).items() if name in _OF_ECS}
    wanted = str(properties.get("TaskDefinition", ""))
    family, _, number = str(kept.get("taskDefinition", "")).rpartition("/")[2].partition(":")
    now["TaskDefinition"] = wanted if wanted in (family, f"{family}:{number}") else kept.get("taskDefinition", "")
    tags = [{"Key": tag["key"], "Value": tag["value"]} for tag in kept.get("tags", [])]
    return {**{name: explicit(value, properties.get(name)) for name, value in now.items()}, "Tags": tags}


def ecr_repository(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A repository with its two policies. ``EmptyOnDelete`` is kept nowhere, so it cannot be read."""
    from ministack.services import ecr

    kept = ecr._repositories.get(physical_id)
    if kept is None:
        return None
    now = {
        "RepositoryName": kept["repositoryName"],
        "ImageTagMutability": kept["imageTagMutability"],
        "ImageScanningConfiguration": pascal(kept["imageScanningConfiguration"]),
        "EncryptionConfiguration": explicit(
            pascal(kept["encryptionConfiguration"]), properties.get("EncryptionConfiguration")
        ),
        "Tags": kept.get("tags", []),
    }
    policy = ecr._repo_policies.get(physical_id)
    if policy:
        now["RepositoryPolicyText"] = parsed(policy)
    lifecycle = ecr._lifecycle_policies.get(physical_id)
    if lifecycle:
        text = lifecycle["lifecyclePolicyText"] if isinstance(lifecycle, dict) else lifecycle
        wanted = (properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
        now["LifecyclePolicy"] = {"LifecyclePolicyText": same_document(text, wanted)}
    return now


def iam_role(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A role with its trust, its inline policies, what is attached to it and its boundary."""
    from ministack.services import iam

    kept = iam._roles.get(physical_id)
    if kept is None:
        return None
    boundary = kept.get("PermissionsBoundary")
    now = {
        "RoleName": kept["RoleName"],
        "Path": kept.get("Path", "/"),
        "Description": kept.get("Description", ""),
        "MaxSessionDuration": kept.get("MaxSessionDuration"),
        "AssumeRolePolicyDocument": parsed(kept.get("AssumeRolePolicyDocument")),
        "ManagedPolicyArns": kept.get("AttachedPolicies", []),
        "Policies": [
            {"PolicyName": name, "PolicyDocument": parsed(document)}
            for name, document in kept.get("InlinePolicies", {}).items()
        ],
        "PermissionsBoundary": boundary.get("PermissionsBoundaryArn") if isinstance(boundary, dict) else boundary,
        "Tags": kept.get("Tags", []),
    }
    return {name: value for name, value in now.items() if value is not None}


def log_group(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A log group; one that never expires has no retention."""
    from ministack.services import cloudwatch_logs

    kept = cloudwatch_logs._log_groups.get(physical_id)
    if kept is None:
        return None
    now = {
        "LogGroupName": physical_id,
        "RetentionInDays": kept.get("retentionInDays"),
        "KmsKeyId": kept.get("kmsKeyId"),
        "LogGroupClass": kept.get("logGroupClass"),
        "Tags": kept.get("tags", {}),
    }
    return {name: value for name, value in now.items() if value is not None}
