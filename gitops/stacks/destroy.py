"""Taking an environment away: what goes and what is kept, stack by stack, and what lies outside of its stacks.

A second run finishes what an interrupted one began.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import boto3

from gitops import aws
from gitops.cloudformation import Stack, StackEvent, StackResource
from gitops.display import Display, Event
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import environment_file
from gitops.stacks.access import Access
from gitops.stacks.apply import failure, first_failure, follow
from gitops.stacks.order import REPOSITORY, Unit, dependents, group, groups, select

BUCKET = "AWS::S3::Bucket"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TABLE = "AWS::DynamoDB::Table"
# A load balancer delivers its last logs after its bucket was emptied, so the bucket is emptied again.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Scope:
    """``stacks`` in the order they go, bootstrap last; ``kept`` says why by label; ``services`` lose their
    secrets and revisions; ``whole`` when the environment must be empty afterwards but for what is kept."""

    stacks: tuple[Unit, ...]
    kept: Mapping[str, str]
    services: tuple[str, ...]
    whole: bool

    @property
    def bootstrap(self) -> tuple[Unit, ...]:
        """Those of the bootstrap stacks that go."""
        return tuple(unit for unit in self.stacks if unit.bootstraps)


def scope(
    environment: Environment,
    every: list[Unit],
    others: Mapping[str, Environment],
    chosen: Collection[str],
    keep_bootstrap: bool,
) -> Scope:
    """What to remove of an environment, everything when nothing is chosen.

    ``every`` are the stacks in the order they were made, those among them that
    no entry asks for any more. Raises GitopsError for a chosen stack that is
    none, and for a repository that another environment's service pulls from.
    """
    labels = {unit.label for unit in every}
    users = {
        name: other
        for name, other in sorted(others.items())
        if name != environment.environment and other.registry == environment.environment
    }
    kept: dict[str, str] = {}
    for label in sorted(label for label in labels if label.startswith(f"{REPOSITORY}-")):
        service = label.removeprefix(f"{REPOSITORY}-")
        pulling = [name for name, other in users.items() if service in other.services]
        if pulling and label in chosen:
            raise GitopsError(
                f"{' and '.join(pulling)} pulls its images of {service} from {environment.environment}",
                fix=f"remove {service} there first, or name another registry in {environment_file(pulling[0])}",
            )
        if users and not chosen:
            # Of a service that no file has any more, tasks may still run there.
            kept[label] = f"{' and '.join(pulling or users)} pulls its images from it"
    if not chosen and (keep_bootstrap or kept):
        why = "--keep-bootstrap" if keep_bootstrap else "its roles are needed for what is kept"
        kept |= {unit.label: why for unit in every if unit.bootstraps}
    units = select(every, chosen) if chosen else every
    stacks = tuple(unit for unit in reversed(units) if unit.label not in kept)
    return Scope(
        stacks=stacks,
        kept=kept if not chosen else {},
        services=tuple(unit.runs for unit in stacks if unit.runs),
        whole=not chosen,
    )


def require_unused(every: list[Unit], going: Collection[str], standing: Collection[str]) -> None:
    """Raise GitopsError when a stack that stays takes outputs of one that goes."""
    for label, users in dependents(every, going).items():
        stay = [user for user in users if user in standing and user not in going]
        if stay and label in standing:
            # A part of bootstrap that other parts need is called by its own name.
            needed = label if group(label) in groups(stay) else group(label)
            words = " ".join(f"--stack {user}" for user in [*stay, needed])
            raise GitopsError(f"{' and '.join(stay)} still need {needed}", fix=f"remove them too: {words}")


def remove(access: Access, unit: Unit, display: Display) -> list[str]:
    """Delete one stack and wait until it is gone; what its template told CloudFormation to retain.

    Raises GitopsError with the first failed event when it cannot be deleted.
    """
    stack = access.stack(unit)
    if stack.gone:
        return []
    if not stack.settled:
        display.show(Event(unit.label, f"waiting: {stack.status}", mood="going"))
        follow(access, stack.id, unit.label, display)
        stack = access.stack(unit)
    events: list[StackEvent] = []
    for _ in range(_ATTEMPTS):
        if stack.gone:
            break
        stack, latest = _delete(access, unit, stack, display)
        events += latest
        if not _bucket_filled_again(latest):
            break
    if not stack.gone:
        raise failure(stack, first_failure(events), fix="correct that and run the same command again")
    display.show(Event(unit.label, "gone", mood="done"))
    return [f"{one.logical_id} ({one.physical_id})" for one in events if one.status == "DELETE_SKIPPED"]


def _delete(access: Access, unit: Unit, stack: Stack, display: Display) -> tuple[Stack, list[StackEvent]]:
    if stack.protected:
        access.cloudformation.protect(stack.name, on=False)
        display.show(Event(unit.label, "termination protection turned off", mood="going"))
    for resource in access.cloudformation.resources(stack.id):
        for line in clear_the_way(access.session, resource):
            display.show(Event(unit.label, line, mood="going"))
    before = access.cloudformation.newest_event(stack.id)
    access.cloudformation.delete(stack, access.service_role(unit))
    return follow(access, stack.id, unit.label, display, before)


def _bucket_filled_again(events: list[StackEvent]) -> bool:
    return any(one.type == BUCKET and one.status == "DELETE_FAILED" for one in events)


def require_service_role(access: Access, stacks: list[Stack], bootstrap_stands: bool) -> None:
    """Raise GitopsError when stacks stand whose service role went with bootstrap."""
    left = [stack.name for stack in stacks if stack.exists]
    if left and not bootstrap_stands:
        name = access.environment.environment
        raise GitopsError(
            f"{' and '.join(left)} can only be deleted under a role of bootstrap, which is gone",
            fix=f"gitops apply {name} --stack bootstrap, then run this again",
        )


def clear_the_way(session: boto3.Session, resource: StackResource) -> list[str]:
    """Turn a resource's protection off or empty it; what was done, in words. What is gone already is passed over."""
    name = resource.physical_id
    if resource.type == BUCKET:
        return _empty_bucket(session, name)
    turned: object
    if resource.type == LOAD_BALANCER:
        turn = session.client("elbv2").modify_load_balancer_attributes
        off: Any = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        turned = aws.found(lambda: turn(LoadBalancerArn=name, Attributes=off), "LoadBalancerNotFound")
    elif resource.type == TABLE:
        turned = aws.found(lambda: _unprotect_table(session, name), "ResourceNotFoundException")
    else:
        return []
    return [f"deletion protection of {name.split('/', 1)[-1]} turned off"] if turned else []


def _unprotect_table(session: boto3.Session, name: str) -> bool:
    client = session.client("dynamodb")
    if not client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        return False
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    return True


def _empty_bucket(session: boto3.Session, name: str) -> list[str]:
    """Delete every version and delete marker: a bucket counts as empty only without them."""
    client = session.client("s3")

    def emptied() -> int:
        number = 0
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            # A page holds at most 1,000 of both together, which is what one DeleteObjects takes.
            objects = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if objects:
                client.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
                number += len(objects)
        return number

    number = aws.found(emptied, "NoSuchBucket")
    return [f"{number} object versions deleted from {name}"] if number else []


class Leftovers:
    """What an environment has outside of its stacks: secrets, task definition revisions, log groups of services."""

    def __init__(self, access: Access, services: Collection[str]) -> None:
        self._environment = access.environment
        self._services = services
        self._ssm = access.session.client("ssm")
        self._ecs = access.ecs
        self._logs = access.session.client("logs")

    def parameters(self) -> list[str]:
        """Names of the parameters under /<service>/<environment>/; their values are not read."""
        pages = self._ssm.get_paginator("describe_parameters")
        return sorted(
            parameter["Name"]
            for service in self._services
            for page in pages.paginate(
                ParameterFilters=[
                    {
                        "Key": "Path",
                        "Option": "Recursive",
                        "Values": [f"/{service}/{self._environment.environment}"],
                    }
                ]
            )
            for parameter in page["Parameters"]
        )

    def revisions(self, *statuses: Literal["ACTIVE", "INACTIVE"]) -> list[str]:
        """ARNs of the families' revisions, those deregistered but not deleted included unless a status is given."""
        return [
            revision
            for status in statuses or ("ACTIVE", "INACTIVE")
            for service in self._services
            for revision in self._ecs.revisions(self._environment.family(service), status)
        ]

    def log_groups(self, *, whole: bool) -> list[str]:
        """Log groups that a late line made again after their stack was deleted.

        Names are exact, since the name of another environment may begin with this one's.
        """
        here = self._environment
        names = {f"{service}-{here.environment}-logs" for service in self._services}
        insights = f"/aws/ecs/containerinsights/{here.cluster}/"
        prefixes = [*sorted(names)]
        if whole:
            names.add(f"{here.cluster}-flow-log")
            prefixes += [f"{here.cluster}-flow-log", insights]
        pages = self._logs.get_paginator("describe_log_groups")
        return sorted(
            group["logGroupName"]
            for prefix in prefixes
            for page in pages.paginate(logGroupNamePrefix=prefix)
            for group in page["logGroups"]
            if group["logGroupName"] in names or (whole and group["logGroupName"].startswith(insights))
        )

    def delete(self, *, whole: bool) -> list[str]:
        """Delete all of it; what was done, in words."""
        done = []
        parameters = self.parameters()
        for name in parameters:
            self._ssm.delete_parameter(Name=name)
        if parameters:
            done.append(f"{len(parameters)} parameters deleted")
        revisions = self.revisions()
        for arn in self.revisions("ACTIVE"):
            self._ecs.deregister(arn)
        kept = self._ecs.delete(revisions)
        if deleted := len(revisions) - len(kept):
            done.append(f"{deleted} task definition revisions deleted")
        names = self.log_groups(whole=whole)
        for name in names:
            self._logs.delete_log_group(logGroupName=name)
        if names:
            done.append(f"{len(names)} log groups deleted")
        return done
