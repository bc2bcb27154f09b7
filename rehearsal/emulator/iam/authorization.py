"""What a call must be allowed: the resource it is authorised against, and what it takes beside its own action.

ministack takes the cluster for all of ECS, so that a policy on one service or one task would never match, and nothing
for a list of repositories or parameters. Source: "Actions, resources, and condition keys for Amazon Elastic Container
Service", https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
and likewise list_amazonelasticcontainerregistry.html and list_awssystemsmanager.html

Beside its own action, a call needs
- to hand over a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html and
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
- to tag: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
- to look up parameters whose type is something of AWS, which CloudFormation does on the caller's behalf:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import yaml

from rehearsal.emulator.iam.sessions import Permission, first_refusal
from rehearsal.emulator.seams import original, replace

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
TO_TASKS: Final = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
TO_CLOUDFORMATION: Final = {"iam:PassedToService": "cloudformation.amazonaws.com"}
# A template's parameter type → what looks it up.
LOOKED_UP: Final = {
    "AWS::EC2::SecurityGroup::Id": "ec2:DescribeSecurityGroups",
    "AWS::EC2::Subnet::Id": "ec2:DescribeSubnets",
    "AWS::EC2::VPC::Id": "ec2:DescribeVpcs",
}


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


def ecs_needs(action: str, request: Mapping[str, Any], region: str, account: str) -> list[Permission]:
    """The further permissions of an ECS call; ``action`` is its name without ``ecs:``."""
    found = [Permission(f"ecs:{action}", one) for one in resources(action, request, region, account)[1:]]
    if action == "RegisterTaskDefinition":
        roles = (request.get("executionRoleArn"), request.get("taskRoleArn"))
        found += [Permission("iam:PassRole", role, TO_TASKS) for role in roles if role]
    if action in ("RegisterTaskDefinition", "CreateService") and request.get("tags"):
        found.append(
            Permission("ecs:TagResource", resource(action, request, region, account), {"ecs:CreateAction": action})
        )
    return found


def cloudformation_needs(request: Mapping[str, str], region: str, account: str) -> list[Permission]:
    """The further permissions of a CloudFormation call; ``request`` is its form, flat."""
    found = []
    if role := request.get("RoleARN"):
        found.append(Permission("iam:PassRole", role, TO_CLOUDFORMATION))
    if any(name.startswith("Tags.") for name in request):
        name = request.get("StackName", "")
        stack = name if name.startswith("arn:") else f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"
        by = {"cloudformation:CreateAction": request.get("Action", "")}
        found.append(Permission("cloudformation:TagResource", stack, by))
    if template := request.get("TemplateBody"):
        found += [Permission(looks_up, "*") for looks_up in _looked_up(template)]
    return found


def _looked_up(template: str) -> list[str]:
    from ministack.services.cloudformation import engine

    try:
        parameters = engine._parse_template(template).get("Parameters") or {}
        types = {str(one["Type"]).removeprefix("List<").removesuffix(">") for one in parameters.values()}
    except (ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError):
        # CloudFormation itself will say what is wrong with it.
        return []
    return sorted(LOOKED_UP[one] for one in types if one in LOOKED_UP)


def ecs_refusal(caller: str, headers: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401 (ministack's response)
    """The answer that refuses a call of ECS whose own action is allowed; None lets it through."""
    from ministack.core.responses import error_response_json, get_account_id, get_region

    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    if not action:
        return None
    refused = first_refusal(caller, ecs_needs(action, request_of(body), get_region(), get_account_id()))
    return refused and error_response_json("AccessDeniedException", refused.message, 400)


def cloudformation_refusal(caller: str, request: Mapping[str, str]) -> Any:  # noqa: ANN401 (ministack's response)
    """The answer that refuses a call of CloudFormation whose own action is allowed; None lets it through."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.cloudformation import helpers

    refused = first_refusal(caller, cloudformation_needs(request, get_region(), get_account_id()))
    return refused and helpers._error("AccessDenied", refused.message, 403)


def form_of(body: bytes) -> dict[str, str]:
    """The form that a call carries, flat."""
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", errors="replace")).items()}


def request_of(body: bytes) -> dict[str, Any]:
    """The JSON object that a call carries; an empty one where it carries something else."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def install() -> None:
    """Authorise calls of ECS, ECR and Parameter Store as AWS does."""
    replace("core.iam_actions", "extract_resource_arn", _extract_resource_arn)
    replace("core.iam_actions", "request_tag_context", _request_tag_context)
    replace("core.iam_evaluator", "_resolve_condition_key", _resolve_condition_key)


def _extract_resource_arn(
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
    if service == "cloudformation" and (named := query_params.get("ChangeSetName")):
        # Only DescribeEvents takes it without the stack's name.
        change_set = named[0] if isinstance(named, list) else named
        if change_set.startswith("arn:") and "StackName" not in query_params:
            return str(change_set)
    extract = original("core.iam_actions", "extract_resource_arn")
    return str(extract(service, method, path, headers, body, query_params, region, account_id))


def _request_tag_context(service: str, action: str, body: bytes, query_params: dict[str, Any]) -> dict[str, Any]:
    from ministack.core.responses import get_account_id, get_region

    tag_context = original("core.iam_actions", "request_tag_context")
    found: dict[str, Any] = tag_context(service, action, body, query_params)
    if service == "ecs":
        found = {**found, **condition_keys(request_of(body), get_region(), get_account_id())}
    return found


def _resolve_condition_key(key: str, ctx: Any) -> Any:  # noqa: ANN401 (any type that a condition compares)
    # Loopback stands for TLS here: a policy that refuses plain HTTP means the network, and there is none.
    if key.lower() == "aws:securetransport":
        return "true"
    return original("core.iam_evaluator", "_resolve_condition_key")(key, ctx)
