"""Which resource a call of ECS, ECR or Parameter Store is authorised against.

ministack takes the cluster for all of ECS, so that a policy on one service or
one task would never match, and nothing for a list of repositories or parameters. Source:
"Actions, resources, and condition keys for Amazon Elastic Container Service",
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
and likewise list_amazonelasticcontainerregistry.html and list_awssystemsmanager.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

# action → (resource type, the request's field that names it)
NAMED: Final[dict[str, tuple[str, str]]] = {
    "CreateService": ("service", "serviceName"),
    "DeleteService": ("service", "service"),
    "DescribeServices": ("service", "services"),
    "ListServiceDeployments": ("service", "service"),
    "UpdateService": ("service", "service"),
    "DescribeServiceDeployments": ("service-deployment", "serviceDeploymentArns"),
    "StopServiceDeployment": ("service-deployment", "serviceDeploymentArn"),
    "DescribeServiceRevisions": ("service-revision", "serviceRevisionArns"),
    "DescribeTasks": ("task", "tasks"),
    "StopTask": ("task", "task"),
    "DescribeClusters": ("cluster", "clusters"),
    "DeleteCluster": ("cluster", "cluster"),
    "RegisterTaskDefinition": ("task-definition", "family"),
    "DeleteTaskDefinitions": ("task-definition", "taskDefinitions"),
    "TagResource": ("", "resourceArn"),
    "UntagResource": ("", "resourceArn"),
    "ListTagsForResource": ("", "resourceArn"),
}
IN_CLUSTER: Final = {"service", "task"}


def repository(request: Mapping[str, Any], region: str, account: str) -> str:
    """The ARN of the first repository that an ECR call names; ``*`` where it names none."""
    names = [request.get("repositoryName"), *(request.get("repositoryNames") or [])]
    name = next((name for name in names if name), None)
    return f"arn:aws:ecr:{region}:{request.get('registryId', account)}:repository/{name}" if name else "*"


def parameters(names: Sequence[str], region: str, account: str) -> str:
    """The ARN of the first parameter that GetParameters names; a leading slash is not doubled."""
    if not names:
        return "*"
    name = names[0]
    return name if name.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}"


def resource(action: str, request: Mapping[str, Any], region: str, account: str) -> str:
    """The ARN that a policy must name for this call; ``*`` for an action without a resource type."""
    return resources(action, request, region, account)[0]


def resources(action: str, request: Mapping[str, Any], region: str, account: str) -> list[str]:
    """The ARN of everything that an ECS call names, at least one: each must be allowed."""
    kind, field = NAMED.get(action, ("", ""))
    named = request.get(field)
    names = [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)]
    prefix = f"arn:aws:ecs:{region}:{account}:{kind}"
    if kind in IN_CLUSTER:
        prefix = f"{prefix}/{short_name(request.get('cluster'))}"
    # A family is given a revision when it is registered.
    revision = ":*" if action == "RegisterTaskDefinition" else ""
    return [name if name.startswith("arn:") else f"{prefix}/{name}{revision}" for name in names] or ["*"]


def condition_keys(request: Mapping[str, Any], region: str, account: str) -> dict[str, str]:
    """``ecs:cluster``, which narrows the calls that have no resource type."""
    cluster = request.get("cluster")
    if not isinstance(cluster, str):
        return {}
    return {"ecs:cluster": f"arn:aws:ecs:{region}:{account}:cluster/{short_name(cluster)}"}


def short_name(cluster: object) -> str:
    """A cluster's name from its name or ARN; ECS calls the unnamed one ``default``."""
    return cluster.rsplit("/", 1)[-1] if isinstance(cluster, str) else "default"


def install() -> None:
    """Authorise calls of ECS, ECR and Parameter Store as AWS does."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.core.responses import get_account_id, get_region

    extract = iam_actions.extract_resource_arn
    tag_context, condition_key = iam_actions.request_tag_context, iam_evaluator._resolve_condition_key

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> str:
        target = headers.get("x-amz-target", "")
        if service == "ecs" and target:
            return resource(target.rsplit(".", 1)[-1], request_of(body), region, account_id)
        if service == "ecr" and target:
            return repository(request_of(body), region, account_id)
        if service == "ssm" and target.endswith(".GetParameters"):
            return parameters(request_of(body).get("Names", []), region, account_id)
        return str(extract(service, method, path, headers, body, query_params, region, account_id))

    def request_tag_context(service: str, action: str, body: bytes, query_params: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = tag_context(service, action, body, query_params)
        if service == "ecs":
            found = {**found, **condition_keys(request_of(body), get_region(), get_account_id())}
        return found

    def resolve_condition_key(key: str, ctx: Any) -> Any:  # noqa: ANN401 (any type that a condition compares)
        # Loopback stands for TLS here: a policy that refuses plain HTTP means the network, and there is none.
        return "true" if key.lower() == "aws:securetransport" else condition_key(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_condition_key
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.request_tag_context = request_tag_context


def request_of(body: bytes) -> dict[str, Any]:
    """The JSON object that a call carries; an empty one where it carries something else."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
