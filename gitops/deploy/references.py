"""Whether what a task definition refers to exists and fits: roles, secrets, log groups, cluster, load balancing.

Looked up before anything is registered, read-only: each failure with its fix.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Balanced
from gitops.environments import Environment
from gitops.errors import GitopsError

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_ssm.client import SSMClient

TASKS = "ecs-tasks.amazonaws.com"
KINDS = {"executionRoleArn": "execution role", "taskRoleArn": "task role"}
# The most names that one GetParameters call takes.
_NAMES_PER_CALL = 10


@dataclass(frozen=True)
class Failure:
    """One thing that is missing or does not fit; ``coming`` where an apply may be making it at this moment."""

    problem: str
    fix: str
    coming: bool = False


def require(failures: Sequence[Failure], what: str) -> None:
    """Raise GitopsError with every failure on a line of its own, when there is one."""
    if not failures:
        return
    if len(failures) == 1:
        raise GitopsError(f"{what}: {failures[0].problem}", fix=failures[0].fix)
    lines = tuple(f"  {failure.problem} → {failure.fix}" for failure in failures)
    raise GitopsError(f"{what}: {len(failures)} things are missing or do not fit", others=lines)


def roles(iam: IAMClient, document: dict[str, Any], service: str, environment: Environment) -> list[Failure]:
    """A failure for each role that is not named, does not exist, or may not be taken by tasks.

    Fargate needs the execution role to pull from ECR and to read secrets
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html).
    """
    failures = []
    apply = f"gitops apply {environment.environment} --stack service-{service}"
    for key, kind in KINDS.items():
        arn = document.get(key)
        if not arn:
            if key == "executionRoleArn":
                failures.append(Failure("the task definition names no execution role", f"set {key} in its base"))
            continue
        # A path may stand before the name, which alone is what GetRole takes.
        name = arn.rpartition("/")[2]
        try:
            found = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            failures.append(Failure(f"the {kind} {name} does not exist", apply, coming=True))
            continue
        if found["Arn"] != arn:
            failures.append(Failure(f"the {kind} {arn} does not exist: {name} is {found['Arn']}", f"correct {key}"))
        # boto3 has decoded the policy, which its stubs know as text.
        policy: Any = found.get("AssumeRolePolicyDocument") or {}
        if not trusts(policy, TASKS):
            failures.append(Failure(f"the {kind} {name} does not trust {TASKS}", apply))
    return failures


def trusts(policy: dict[str, Any], principal: str) -> bool:
    """Whether a trust policy lets an AWS service assume the role; conditions are AWS's to decide."""
    return any(
        statement.get("Effect") == "Allow"
        and principal in _listed((statement.get("Principal") or {}), "Service")
        and {"sts:AssumeRole", "sts:*", "*"}.intersection(_listed(statement, "Action"))
        for statement in _as_list(policy.get("Statement"))
    )


def _listed(mapping: Any, key: str) -> list[Any]:  # noqa: ANN401 (a policy's principal may be "*" instead)
    return _as_list(mapping.get(key)) if isinstance(mapping, dict) else []


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 (IAM takes one of a thing where it takes several)
    return value if isinstance(value, list) else [] if value is None else [value]


@dataclass(frozen=True)
class SecretReference:
    """A variable of a container and where its value comes from: ``value_from`` as the task definition has it."""

    container: str
    variable: str
    value_from: str

    @property
    def parameter(self) -> str | None:
        """The name in Parameter Store; None when it is a Secrets Manager secret."""
        return parameter_name(self.value_from)


def secrets(document: dict[str, Any]) -> list[SecretReference]:
    """Every secret that the containers of a task definition are given, those of their log drivers included."""
    return [
        SecretReference(container["name"], secret["name"], secret["valueFrom"])
        for container in document.get("containerDefinitions") or []
        for secret in [
            *(container.get("secrets") or []),
            *((container.get("logConfiguration") or {}).get("secretOptions") or []),
        ]
    ]


def parameters(
    ssm: SSMClient, wanted: Iterable[SecretReference], service: str, environment: Environment
) -> list[Failure]:
    """A failure per variable whose parameter does not exist.

    GetParameters names a missing one in InvalidParameters and raises nothing;
    values stay encrypted and are not looked at.
    """
    named = [(reference, reference.parameter) for reference in wanted if reference.parameter is not None]
    names = sorted({name for _, name in named if name})
    missing: set[str] = set()
    for first in range(0, len(names), _NAMES_PER_CALL):
        answer = ssm.get_parameters(Names=names[first : first + _NAMES_PER_CALL], WithDecryption=False)
        missing.update(answer["InvalidParameters"])
    return [
        Failure(
            f"{one.variable} of container {one.container}: there is no parameter {name}",
            _put(str(name), service, environment),
        )
        for one, name in named
        if name in missing
    ]


def stored_secrets(client: Any, wanted: Iterable[SecretReference]) -> list[Failure]:  # noqa: ANN401 (it comes without types)
    """A failure per variable whose Secrets Manager secret does not exist or is about to be deleted."""
    failures = []
    for one in wanted:
        if one.parameter is not None:
            continue
        name = secret_id(one.value_from)
        who = f"{one.variable} of container {one.container}"
        try:
            described = client.describe_secret(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            failures.append(Failure(f"{who}: there is no secret {name}", "create it in Secrets Manager"))
            continue
        if "DeletedDate" in described:
            failures.append(Failure(f"{who}: the secret {name} is about to be deleted", "restore it"))
    return failures


def parameter_name(value_from: str) -> str | None:
    """The Parameter Store name that ``valueFrom`` means; None when it is a Secrets Manager secret."""
    if not value_from.startswith("arn:"):
        return value_from
    resource = value_from.split(":", 5)[5]
    if not resource.startswith("parameter/"):
        return None
    name = resource.removeprefix("parameter")
    # A parameter outside of any path has no slash in its name, and none is left in its ARN to tell.
    return name if "/" in name[1:] else name[1:]


def secret_id(value_from: str) -> str:
    """A secret's ARN without the key, stage and version that ECS lets stand behind it.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    return ":".join(value_from.split(":")[:7])


def _put(parameter: str, service: str, environment: Environment) -> str:
    prefix = f"/{service}/{environment.environment}/"
    if parameter.startswith(prefix):
        return f"gitops secret put {service} {environment.environment} {parameter.removeprefix(prefix)}"
    return f"create it, or refer to one below {prefix}"


def log_groups(
    client: Callable[[str], CloudWatchLogsClient], document: dict[str, Any], service: str, environment: Environment
) -> list[Failure]:
    """A failure per log group that does not exist and that the log driver is not told to make.

    ``client`` gives one for a region. A task whose log group is missing does
    not start: ResourceInitializationError.
    """
    apply = f"gitops apply {environment.environment} --stack service-{service}"
    return [
        Failure(f"there is no log group {group} in {region}", apply, coming=True)
        for region, group in wanted_log_groups(document, environment.region)
        if not _exists(client(region), group)
    ]


def wanted_log_groups(document: dict[str, Any], region: str) -> list[tuple[str, str]]:
    """Region and name of each log group that has to be there; ``region`` where a container names none."""
    found = set()
    for container in document.get("containerDefinitions") or []:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        makes_it = options.get("awslogs-create-group") == "true"
        if configuration.get("logDriver") == "awslogs" and "awslogs-group" in options and not makes_it:
            found.add((options.get("awslogs-region", region), options["awslogs-group"]))
    return sorted(found)


def _exists(client: CloudWatchLogsClient, name: str) -> bool:
    pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return any(group.get("logGroupName") == name for page in pages for group in page["logGroups"])


def cluster(ecs: Ecs, environment: Environment) -> list[Failure]:
    """A failure unless the cluster exists and is ACTIVE."""
    apply = f"gitops apply {environment.environment} --stack platform"
    status = ecs.cluster_status()
    if status == "ACTIVE":
        return []
    if status:
        return [Failure(f"the cluster {ecs.cluster} is {status}", apply)]
    return [Failure(f"there is no cluster {ecs.cluster}", apply, coming=True)]


def target_groups(
    service: Service,
    balancing: ElasticLoadBalancingv2Client,
    document: dict[str, Any],
    environment: Environment,
    routes: Collection[str],
) -> list[Failure]:
    """Whether the service's load balancing fits; nothing before the ECS service exists, which has none yet.

    ``routes`` are the paths that the service answers, empty when they are not known.
    """
    seen, failures = service.look(), list[Failure]()
    apply = f"gitops apply {environment.environment} --stack service-{service.name}"
    for entry in seen.balanced if seen is not None and seen.status == "ACTIVE" else ():
        failures += container_failures(entry, document)
        arn = entry.target_group
        try:
            groups: list[Any] = balancing.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        except balancing.exceptions.TargetGroupNotFoundException:
            failures.append(Failure(f"the service's target group {arn} does not exist", apply))
            continue
        for group in groups:
            failures += group_failures(group, entry, document, routes, apply)
    return failures


def container_failures(entry: Balanced, document: dict[str, Any]) -> list[Failure]:
    """Whether the task definition has the container and port that the service balances (UpdateService refuses it)."""
    name, port = entry.container, entry.port
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
    entry: Balanced,
    document: dict[str, Any],
    routes: Collection[str],
    apply: str,
) -> list[Failure]:
    """What of a described target group does not fit the container behind it."""
    name, port = group.get("TargetGroupName", ""), entry.port
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
