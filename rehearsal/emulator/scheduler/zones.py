"""Which subnet, and so which Availability Zone, each task of a service gets.

"Amazon ECS ... spreads tasks across Availability Zones" for Fargate as well:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Request = dict[str, Any]


def emptiest(subnets: Sequence[str], tasks: Mapping[str, int]) -> str:
    """The subnet with the fewest tasks; the first of these where several have as few."""
    return min(subnets, key=lambda subnet: tasks.get(subnet, 0))


def placed(request: Request, cluster_arn: str) -> Request:
    """A request of RunTask for one task of a service, with the subnet it goes to named first."""
    from ministack.services import ecs

    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    subnets = network.get("subnets") or []
    if not subnets:
        return request
    here = Counter(
        str(task.get("_subnet"))
        for arn, task in list(ecs._tasks.items())
        if task.get("group") == request.get("group")
        and task.get("clusterArn") == cluster_arn
        and ecs._task_is_active(arn, task)
    )
    chosen = emptiest(subnets, here)
    rest = [subnet for subnet in subnets if subnet != chosen]
    return {**request, "networkConfiguration": {"awsvpcConfiguration": {**network, "subnets": [chosen, *rest]}}}


def zone(subnet: str) -> str | None:
    """The Availability Zone of a subnet; None where the account has no such subnet."""
    from ministack.services import ec2

    found: str | None = (ec2._subnets.get(subnet) or {}).get("AvailabilityZone")
    return found
