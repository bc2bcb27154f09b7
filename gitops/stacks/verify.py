"""Proof that nothing of an environment is left: asked of AWS, not concluded from what was deleted."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gitops import aws, registry
from gitops.stacks.access import Access
from gitops.stacks.destroy import Leftovers, Scope
from gitops.stacks.order import BOOTSTRAP, REPOSITORY, Unit, group

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi.type_defs import ResourceTagMappingTypeDef

# The tagging API's index is behind by up to a minute or two.
_INDEX_LAG = 120.0
STACK_TAG = "aws:cloudformation:stack-name"


def left(access: Access, every: list[Unit], scope: Scope) -> list[str]:
    """Everything of the scope that is still there, one line each; empty when it is gone.

    For a whole environment every resource with its Project and Environment
    tags counts, apart from those of stacks that are kept.
    """
    found = [
        f"stack {unit.stack_name} ({stack.status})" for unit in scope.stacks if not (stack := access.stack(unit)).gone
    ]
    leftovers = Leftovers(access, scope.services)
    found += [f"parameter {name}" for name in leftovers.parameters()]
    found += [f"task definition {arn.rsplit('/', 1)[-1]}" for arn in leftovers.revisions()]
    found += [f"log group {name}" for name in leftovers.log_groups(whole=scope.whole)]
    if not scope.whole:
        return found
    found += _repositories(access, scope)
    return found + _tagged_until_gone(access, every, scope, leftovers)


def _repositories(access: Access, scope: Scope) -> list[str]:
    here = access.environment
    services = (unit.label.partition("-")[2] for unit in scope.stacks if unit.label.startswith(f"{REPOSITORY}-"))
    found = (registry.find(access.session, here, service) for service in services)
    return [f"image repository {repository.name}" for repository in found if repository]


def _tagged_until_gone(access: Access, every: list[Unit], scope: Scope, leftovers: Leftovers) -> list[str]:
    kept = [unit for unit in every if unit.label in scope.kept]
    owned = {resource.physical_id for unit in kept for resource in access.cloudformation.resources(unit.stack_name)}
    names = {unit.stack_name for unit in kept}
    found: list[str] = []
    told = False
    for _ in access.clock.ticks(limit=_INDEX_LAG):
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
    client = access.session.client("resourcegroupstaggingapi")
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
        # Services and tasks cannot outlive their cluster, which stays listed as INACTIVE for a while.
        is_revision = resource.startswith("task-definition/")
        return arn in revisions if is_revision else access.ecs.cluster_status() not in {"", "INACTIVE"}
    if service == "kms" and resource.startswith("key/"):
        return _key_stands(access, arn)
    if service == "ec2" and resource.startswith("natgateway/"):
        return _gateway_stands(access, resource.removeprefix("natgateway/"))
    return True


def _key_stands(access: Access, arn: str) -> bool:
    client = access.session.client("kms")
    key = aws.found(lambda: client.describe_key(KeyId=arn)["KeyMetadata"], "NotFoundException")
    # AWS deletes a key 7 to 30 days after it was told to; nothing more can be done, and it costs nothing.
    return key is not None and key.get("KeyState", "") not in {"PendingDeletion", "PendingReplicaDeletion"}


def _gateway_stands(access: Access, gateway: str) -> bool:
    client = access.session.client("ec2")
    found = aws.found(
        lambda: client.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"], "NatGatewayNotFound"
    )
    return any(one.get("State") != "deleted" for one in found or ())


def kept_lines(scope: Scope, environment: str) -> list[str]:
    """What is kept and why, one line each."""
    kept = {group(label): reason for label, reason in scope.kept.items()}
    return [
        f"{name} is kept: {reason}"
        + (f" (gitops destroy {environment} removes it)" if name == BOOTSTRAP and "--keep" in reason else "")
        for name, reason in kept.items()
    ]
