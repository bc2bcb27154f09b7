"""Proof that nothing of an environment is left: asked of AWS, not concluded from what was deleted."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gitops import aws
from gitops.stacks import emptying, live, states
from gitops.stacks.access import Access
from gitops.stacks.leftovers import Leftovers
from gitops.stacks.order import BOOTSTRAP, REGISTRY, Unit
from gitops.stacks.scope import Scope
from gitops.stacks.waiting import Clock

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi.type_defs import ResourceTagMappingTypeDef

# The tagging API's index is behind by up to a minute or two.
_INDEX_LAG = 120.0
STACK_TAG = "aws:cloudformation:stack-name"


def left(access: Access, every: list[Unit], scope: Scope, clock: Clock) -> list[str]:
    """Everything of the scope that is still there, one line each; empty when it is gone.

    For a whole environment every resource with its Project and Environment
    tags counts, apart from those of stacks that are kept.
    """
    found = [
        f"stack {unit.stack_name} ({status})"
        for unit in scope.stacks
        if (status := live.find(access.cloudformation, unit.stack_name).status) not in states.GONE
    ]
    leftovers = Leftovers(access.session, access.environment, scope.services)
    found += [f"parameter {name}" for name in leftovers.parameters()]
    found += [f"task definition {arn.rsplit('/', 1)[-1]}" for arn in leftovers.revisions()]
    found += [f"log group {name}" for name in leftovers.log_groups(whole=scope.whole)]
    if not scope.whole:
        return found
    found += _repositories(access, scope)
    return found + _tagged_until_gone(access, every, scope, leftovers, clock)


def _repositories(access: Access, scope: Scope) -> list[str]:
    here = access.environment
    if REGISTRY in scope.kept or here.registry != here.environment:
        return []
    client = access.session.client("ecr", config=aws.CLIENT_CONFIG)
    found = []
    for service in here.services:
        try:
            client.describe_repositories(repositoryNames=[here.repository(service)])
        except client.exceptions.RepositoryNotFoundException:
            continue
        found.append(f"image repository {here.repository(service)}")
    return found


def _tagged_until_gone(
    access: Access, every: list[Unit], scope: Scope, leftovers: Leftovers, clock: Clock
) -> list[str]:
    kept = [unit for unit in every if unit.label in scope.kept]
    owned = {
        resource.physical_id for unit in kept for resource in emptying.resources(access.cloudformation, unit.stack_name)
    }
    names = {unit.stack_name for unit in kept}
    found: list[str] = []
    told = False
    for _ in clock.ticks(limit=_INDEX_LAG):
        revisions = set(leftovers.revisions())
        found = [
            resource["ResourceARN"]
            for resource in _tagged(access)
            if not _is_kept(resource, names, owned) and _stands(access, resource["ResourceARN"], revisions)
        ]
        if not found:
            return []
        if not told:
            told = True
            print(f"AWS still lists {len(found)} by tag; its index may be {_INDEX_LAG:.0f} s behind", flush=True)
    return [f"resource {arn}" for arn in sorted(found)]


def _tagged(access: Access) -> list[ResourceTagMappingTypeDef]:
    here = access.environment
    client = access.session.client("resourcegroupstaggingapi", config=aws.CLIENT_CONFIG)
    pages = client.get_paginator("get_resources").paginate(
        TagFilters=[
            {"Key": "Project", "Values": [here.project]},
            {"Key": "Environment", "Values": [here.environment]},
        ]
    )
    return [resource for page in pages for resource in page["ResourceTagMappingList"]]


def _is_kept(resource: ResourceTagMappingTypeDef, stacks: Collection[str], owned: Collection[str]) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
    arn = resource["ResourceARN"]
    return tags.get(STACK_TAG) in stacks or any(arn == name or arn.endswith((f"/{name}", f":{name}")) for name in owned)


def _stands(access: Access, arn: str, revisions: Collection[str]) -> bool:
    """Whether a tagged resource really is there: some are listed for days after they were deleted."""
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    if service == "ecs":
        return arn in revisions if resource.startswith("task-definition/") else _cluster_stands(access)
    if service == "kms" and resource.startswith("key/"):
        return _key_stands(access, arn)
    if service == "ec2" and resource.startswith("natgateway/"):
        return _gateway_stands(access, resource.removeprefix("natgateway/"))
    return True


def _cluster_stands(access: Access) -> bool:
    # Services and tasks cannot outlive their cluster, which stays listed as INACTIVE for a while.
    found = access.ecs.describe_clusters(clusters=[access.environment.cluster])["clusters"]
    return any(cluster.get("status") != "INACTIVE" for cluster in found)


def _key_stands(access: Access, arn: str) -> bool:
    client = access.session.client("kms", config=aws.CLIENT_CONFIG)
    try:
        state = client.describe_key(KeyId=arn)["KeyMetadata"].get("KeyState", "")
    except client.exceptions.NotFoundException:
        return False
    # AWS deletes a key 7 to 30 days after it was told to; nothing more can be done, and it costs nothing.
    return state not in {"PendingDeletion", "PendingReplicaDeletion"}


def _gateway_stands(access: Access, gateway: str) -> bool:
    client = access.session.client("ec2", config=aws.CLIENT_CONFIG)
    try:
        found = client.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    except ClientError as error:
        if error.response["Error"].get("Code") == "NatGatewayNotFound":
            return False
        raise
    return any(one.get("State") != "deleted" for one in found)


def kept_lines(scope: Scope, environment: str) -> list[str]:
    """What is kept and why, one line each."""
    return [
        f"{label} is kept: {reason}"
        + (f" (gitops destroy {environment} removes it)" if label == BOOTSTRAP and "--keep" in reason else "")
        for label, reason in scope.kept.items()
    ]
