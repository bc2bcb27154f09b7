"""Whether the service's load balancing fits the container that is to be deployed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from gitops.environments import Environment
from gitops.rollout.verify.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client


def target_groups(
    ecs: ECSClient,
    balancing: ElasticLoadBalancingv2Client,
    document: dict[str, Any],
    service: str,
    environment: Environment,
    routes: Collection[str],
) -> list[Failure]:
    """What does not fit; nothing before the ECS service exists, for then there is no load balancing yet.

    ``routes`` are the paths that the service answers, empty when they are not known.
    """
    described = ecs.describe_services(cluster=environment.cluster, services=[service])["services"]
    failures = []
    for one in described:
        for entry in one.get("loadBalancers", []) if one.get("status") == "ACTIVE" else []:
            failures += container_failures(entry, document)
            arn = entry.get("targetGroupArn", "")
            try:
                groups: list[Any] = balancing.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
            except balancing.exceptions.TargetGroupNotFoundException:
                failures.append(
                    Failure(f"the service's target group {arn} does not exist", _apply(service, environment))
                )
                continue
            for group in groups:
                failures += group_failures(group, entry, document, routes, _apply(service, environment))
    return failures


def container_failures(entry: Mapping[str, Any], document: dict[str, Any]) -> list[Failure]:
    """Whether the task definition has the container and port that the service balances (UpdateService refuses it)."""
    name, port = entry.get("containerName", ""), _port(entry)
    containers = {one["name"]: one for one in document.get("containerDefinitions") or []}
    if name not in containers:
        has = ", ".join(containers) or "none"
        return [
            Failure(f"the service balances a container {name}, and the task definition has {has}", f"name it {name}")
        ]
    ports = [mapping.get("containerPort") for mapping in containers[name].get("portMappings") or []]
    if port not in ports:
        shown = ", ".join(str(one) for one in ports) or "none"
        return [Failure(f"the service balances port {port} of {name}, which opens {shown}", f"map port {port}")]
    return []


def group_failures(
    group: Mapping[str, Any],
    entry: Mapping[str, Any],
    document: dict[str, Any],
    routes: Collection[str],
    apply: str,
) -> list[Failure]:
    """What of a described target group does not fit the container behind it."""
    name, port = group.get("TargetGroupName", ""), _port(entry)
    failures = []
    if document.get("networkMode") == "awsvpc" and group.get("TargetType") != "ip":
        problem = (
            f"the target group {name} registers targets of type {group.get('TargetType')}, and awsvpc tasks need ip"
        )
        failures.append(Failure(problem, apply))
    if group.get("Port") != port:
        failures.append(
            Failure(f"the target group {name} is for port {group.get('Port')}, the container's is {port}", apply)
        )
    asked = group.get("HealthCheckPort", "traffic-port")
    if asked not in {"traffic-port", str(port)}:
        problem = f"the target group {name} checks port {asked}, the container's is {port}"
        failures.append(Failure(problem, apply))
    path = str(group.get("HealthCheckPath", "")).partition("?")[0]
    if routes and path and path not in routes:
        problem = f"the target group {name} asks {path}, which the commit does not answer"
        failures.append(Failure(problem, f"add the route {path}, or correct HealthCheckPath and {apply}"))
    return failures


def _port(entry: Mapping[str, Any]) -> int:
    # A template's parameter may have come through as text.
    return int(entry.get("containerPort", 0))


def _apply(service: str, environment: Environment) -> str:
    return f"gitops apply {environment.environment} --stack service-{service}"
