"""Whether what a task definition refers to exists and fits: roles, log groups, file systems, cluster, service.

Looked up before anything is registered, read-only: each failure with its fix. What cannot be looked up is no
failure: it is named, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gitops import aws
from gitops.ecs import Ecs
from gitops.ecs_answers import Balanced, Observation
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.taskdefs.render import IMAGE

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_logs.client import CloudWatchLogsClient

TASKS = "ecs-tasks.amazonaws.com"
KINDS = {"executionRoleArn": "execution role", "taskRoleArn": "task role"}
REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


@dataclass(frozen=True)
class Failure:
    """One thing that is missing or does not fit; ``coming`` where an apply may be making it at this moment."""

    problem: str
    fix: str
    coming: bool = False

    def __str__(self) -> str:
        return f"{self.problem} → {self.fix}"


@dataclass(frozen=True)
class Unverified:
    """Something that nobody could look up, in words, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"not verified: {self.what}: {self.why}"


Finding = Failure | Unverified


def refused(error: ClientError) -> Failure:
    """That the deploy role may not look at what it is there to look at; raises the error when it says another thing."""
    if aws.code(error) not in REFUSED:
        raise error
    return Failure(
        f"{error.operation_name} was refused: {aws.message(error)}",
        "allow it in the deploy role (infra/cloudformation/bootstrap-delivery-roles.yaml)",
    )


def unless_refused(what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """What a look-up finds; that it was not verified, where its role may not look or the API is not offered.

    For what lies elsewhere, or is no part of what the deploy role is granted.
    """
    try:
        return look()
    except (ClientError, BotoCoreError) as error:
        # A region that there is not has no address either.
        if isinstance(error, ClientError) and aws.code(error) not in REFUSED | aws.NOT_OFFERED:
            raise
        return [Unverified(what, aws.answered(error))]


def require(failures: Sequence[Failure], what: str) -> None:
    """Raise GitopsError with every failure on a line of its own, when there is one."""
    if not failures:
        return
    if len(failures) == 1:
        raise GitopsError(f"{what}: {failures[0].problem}", fix=failures[0].fix)
    lines = tuple(f"  {failure}" for failure in failures)
    raise GitopsError(f"{what}: {len(failures)} things are missing or do not fit", others=lines)


def roles(iam: IAMClient, document: dict[str, Any], service: str, environment: Environment) -> list[Finding]:
    """A failure for each role that is not named, does not exist, or may not be taken by tasks.

    Fargate needs the execution role to pull from ECR and to read secrets
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html).
    """
    failures = list[Finding]()
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


def log_groups(
    client: Callable[[str], CloudWatchLogsClient], document: dict[str, Any], service: str, environment: Environment
) -> list[Finding]:
    """A failure per log group that does not exist and that the log driver is not told to make.

    ``client`` gives one for a region. A task whose log group is missing does
    not start: ResourceInitializationError.
    """
    apply = f"gitops apply {environment.environment} --stack service-{service}"
    found = [
        Unverified(f"where the logs of container {container.get('name')} go", f"it uses the log driver {driver}")
        for container in document.get("containerDefinitions") or []
        if (driver := (container.get("logConfiguration") or {}).get("logDriver", "awslogs")) != "awslogs"
    ]
    findings = list[Finding](found)
    for region, group in wanted_log_groups(document, environment.region):

        def look(region: str = region, group: str = group) -> list[Finding]:
            there = _exists(client(region), group)
            return [] if there else [Failure(f"there is no log group {group} in {region}", apply, coming=True)]

        own = region == environment.region
        findings += look() if own else unless_refused(f"the log group {group} in {region}", look)
    return findings


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
    return any(group.get("logGroupName") == name for page in pages for group in page.get("logGroups", []))


def cluster(ecs: Ecs, environment: Environment) -> list[Finding]:
    """A failure unless the cluster exists and is ACTIVE."""
    apply = f"gitops apply {environment.environment} --stack platform"
    status = ecs.cluster_status()
    if status == "ACTIVE":
        return []
    if status:
        return [Failure(f"the cluster {ecs.cluster} is {status}", apply)]
    return [Failure(f"there is no cluster {ecs.cluster}", apply, coming=True)]


def file_systems(client: Any, document: dict[str, Any]) -> list[Finding]:  # noqa: ANN401 (it comes without types)
    """A failure per EFS file system or access point that does not exist; that other volumes were not looked at.

    docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html. A volume
    configured at launch is the service's to describe, which refuses a task
    definition that has one more (API_UpdateService.html, volumeConfigurations).
    """
    findings = list[Finding]()
    for volume in document.get("volumes") or []:
        efs = volume.get("efsVolumeConfiguration") or {}
        what = f"the volume {volume.get('name')}"
        if efs:
            findings += unless_refused(f"the file system of {what}", partial(_file_system, client, efs, what))
        elif volume.get("configuredAtLaunch"):
            findings.append(Unverified(what, "it is configured when the service is created or updated"))
        elif volume.get("fsxWindowsFileServerVolumeConfiguration") or volume.get("dockerVolumeConfiguration"):
            findings.append(Unverified(what, "it is neither EFS nor the task's own"))
    return findings


def _file_system(client: Any, efs: dict[str, Any], what: str) -> list[Finding]:  # noqa: ANN401 (as above)
    identity, point = efs.get("fileSystemId", ""), (efs.get("authorizationConfig") or {}).get("accessPointId")
    fix = "correct it in the task definition"
    try:
        described = client.describe_file_systems(FileSystemId=identity).get("FileSystems") or [{}]
        state = described[0].get("LifeCycleState")
        if point:
            client.describe_access_points(AccessPointId=point)
    except client.exceptions.FileSystemNotFound:
        return [Failure(f"{what}: there is no file system {identity}", fix)]
    except client.exceptions.AccessPointNotFound:
        return [Failure(f"{what}: there is no access point {point}", fix)]
    # docs.aws.amazon.com/efs/latest/ug/API_FileSystemDescription.html
    gone = state in {"deleting", "deleted", "error"}
    return [Failure(f"{what}: the file system {identity} is {state}", fix)] if gone else []


def rolled(seen: Observation | None, service: str, environment: str) -> list[Failure]:
    """A failure for each reason why the service cannot be rolled here, for which nothing may be registered.

    docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html: under another controller it changes no
    task definition (boto/boto3#1936), and one that is being deleted is DRAINING. With another strategy two revisions
    serve at once, each its share, and SUCCESSFUL says how the traffic was shifted. API_Deployment.html: behind a
    Classic Load Balancer a deployment tells no rolloutState.
    """
    if seen is None:
        return []
    status, settings = seen.status, seen.settings
    stateless = seen.primary is not None and seen.primary.state == ""
    again = f"then gitops apply {environment} --stack service-{service}"
    reasons = (
        (status not in {"ACTIVE", ""}, f"is {status}: it takes no deployment", f"wait until it is gone, {again}"),
        (
            settings.controller != "ECS",
            f"is deployed by {settings.controller}, not by ECS itself",
            "deploy it there, or make the service anew with the deployment controller ECS",
        ),
        (
            settings.strategy != "ROLLING",
            f"has the strategy {settings.strategy}, whose shares of traffic are not read here",
            "set the strategy ROLLING in its stack's DeploymentConfiguration",
        ),
        (
            stateless or any(not entry.target_group for entry in seen.balanced),
            "tells no rollout state, as behind a Classic Load Balancer",
            "put it behind an Application or a Network Load Balancer",
        ),
    )
    name = f"the ECS service {service} in {environment}"
    return [Failure(f"{name} {why}", fix) for is_so, why, fix in reasons if is_so]


def target_groups(
    seen: Observation | None,
    balancing: Callable[[], ElasticLoadBalancingv2Client],
    document: dict[str, Any],
    apply: str,
    routes: Callable[[], Collection[str]],
) -> list[Finding]:
    """Whether the service's load balancing fits; nothing before the ECS service exists, which has none yet.

    ``routes`` gives the paths that the service answers, none when they are not
    known, and ``apply`` is the command that brings its stack.
    """
    failures = list[Finding]()
    for entry in seen.balanced if seen is not None and seen.status == "ACTIVE" else ():
        failures += container_failures(entry, document)
        arn, client = entry.target_group, balancing()
        if not arn:
            continue
        try:
            groups: list[Any] = client.describe_target_groups(TargetGroupArns=[arn]).get("TargetGroups", [])
        except client.exceptions.TargetGroupNotFoundException:
            failures.append(Failure(f"the service's target group {arn} does not exist", apply))
            continue
        for group in groups:
            failures += group_failures(group, entry, document, routes(), apply)
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
    containers = document.get("containerDefinitions") or []
    failures = []
    if document.get("networkMode") == "awsvpc" and group.get("TargetType") != "ip":
        problem = (
            f"the target group {name} registers targets of type {group.get('TargetType')}, and awsvpc tasks need ip"
        )
        failures.append(Failure(problem, apply))
    # Its port is only the default: ECS registers each target with the container's
    # (docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html).
    asked = group.get("HealthCheckPort", "traffic-port")
    opened = {str(one.get("containerPort")) for each in containers for one in each.get("portMappings") or []}
    if asked != "traffic-port" and asked not in opened:
        problem = f"the target group {name} checks port {asked}, which no container opens: the balanced one is {port}"
        failures.append(Failure(problem, apply))
    path = str(group.get("HealthCheckPath", "")).partition("?")[0]
    # A proxy before the service answers for itself.
    is_ours = any(one.get("name") == entry.container and one.get("image") == IMAGE for one in containers)
    if is_ours and routes and path and path not in routes:
        problem = f"the target group {name} asks {path}, which the commit does not answer"
        failures.append(Failure(problem, f"add the route {path}, or correct HealthCheckPath and {apply}"))
    return failures
