"""How a task starts: under its execution role, with its secrets, in a zone, in the rehearsal's runtime.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (startedBy, availabilityZone)
Zones: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html ("Amazon ECS ... spreads
tasks across Availability Zones", for Fargate as well)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final

from rehearsal.emulator.ec2 import zone
from rehearsal.emulator.ecr.access import TOKENS
from rehearsal.emulator.ecs import services
from rehearsal.emulator.ecs.sidecars import NotResolvedError, Sidecars
from rehearsal.emulator.ecs.task_definitions import from_ecr
from rehearsal.emulator.happenings import Happenings
from rehearsal.emulator.iam.sessions import Permission, assume_for_service, refusal
from rehearsal.emulator.ministack import ecs, responses, ssm
from rehearsal.emulator.seams import original
from rehearsal.runtimes import Runtime
from rehearsal.runtimes.task import StartedTask

Request = dict[str, Any]
# openreplay/openreplay#4076
TRANSIENT: Final = (
    "pull image manifest has been retried 5 time(s): failed to resolve ref {}: toomanyrequests: Rate exceeded"
)
Task = dict[str, Any]
# The access key of the execution role's session, for the task that this thread starts.
EXECUTION_SESSION: ContextVar[str] = ContextVar("execution_session", default="")


class Starting:
    """Starts tasks in the rehearsal's runtime, under their execution role; a service's also in a zone."""

    def __init__(self, runtime: Runtime, happenings: Happenings, sidecars: Sidecars) -> None:
        self.runtime = runtime
        self._sidecars = sidecars
        self._happenings = happenings
        # The ARNs of tasks that have a container which nobody declared.
        self.injected: set[str] = set()

    def get_docker(self) -> Runtime:
        """The runtime in place of a Docker client."""
        return self.runtime

    def run_task(self, data: Request) -> Any:  # noqa: ANN401 (ministack's response)
        """RunTask: ministack's; for a service one by one, each in its zone, with the tags of a service's task."""
        run = original("services.ecs", "_run_task")
        deployment = data.get("_deploymentId")
        if not deployment:
            return run(data)
        cluster = ecs._resolve_cluster_name(data["cluster"])
        service = ecs._services[f"{cluster}/{data['group'].removeprefix('service:')}"]
        tags = task_tags(service, ecs._tags.get(data["taskDefinition"], []))
        ids = []
        answer = None
        for _ in range(data.get("count", 1)):
            one = {**data, "startedBy": deployment, "tags": tags, "count": 1}
            answer = run(placed(one, service["clusterArn"]))
            for task in json.loads(answer[2])["tasks"]:
                ids.append(task["taskArn"].rsplit("/", 1)[-1])
                known = ecs._tasks[task["taskArn"]]
                known["availabilityZone"] = zone(str(known["_subnet"])) or known["availabilityZone"]
        if ids:
            shown = " ".join(f"(task {one})" for one in ids)
            services.tell(service, services.STARTED.format(count=len(ids), tasks=shown))
        return answer

    def start_task_worker(self, task: Task, td: Task, overrides: Any, _: object) -> None:  # noqa: ANN401
        """Start a task: told to fail, what its execution role may, then ministack's, with this task's client."""
        service = str(task.get("group", "")).removeprefix("service:")
        if self._happenings.happens("pull-failure", service=service):
            raise ecs._ImagePullError(TRANSIENT.format(td["containerDefinitions"][0]["image"]))
        if self._happenings.happens("injected-container", service=service):
            self.injected.add(task["taskArn"])
        role = td.get("executionRoleArn")
        # Fargate pulls, reads secrets and logs as this role (task_execution_IAM_role).
        session = assume_for_service(role, task["taskArn"].rsplit("/", 1)[-1]) if role else ""
        EXECUTION_SESSION.set(session)
        if session:
            _require(td, session, task["taskArn"])
        self._sidecars.arrange(task, td)
        started = StartedTask(task["taskArn"], td, TOKENS.issue(session) if session else "")
        client = self._sidecars.in_turn(self.runtime.for_task(started), td)
        try:
            original("services.ecs", "_start_task_worker")(task, td, overrides, client)
        except NotResolvedError as error:
            ecs._fail_task_start(task, client, f"CannotStartContainerError: {error}")


def emptiest(subnets: Sequence[str], tasks: Mapping[str, int]) -> str:
    """The subnet with the fewest tasks; the first of these where several have as few."""
    return min(subnets, key=lambda subnet: tasks.get(subnet, 0))


def placed(request: Request, cluster_arn: str) -> Request:
    """A request of RunTask for one task of a service, with the subnet it goes to named first."""
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


def task_tags(service: dict[str, Any], definition: list[dict[str, str]]) -> list[dict[str, str]]:
    """The tags that a task of a service starts with; ``definition`` are those of its task definition."""
    propagated = {"SERVICE": service.get("tags") or [], "TASK_DEFINITION": definition}
    chosen = propagated.get(service.get("propagateTags", "NONE"), [])
    # The prefix is reserved: CloudFormation's own tags stay on the service.
    tags = [tag for tag in chosen if not tag["key"].startswith("aws:")]
    if service.get("enableECSManagedTags"):
        tags.append({"key": "aws:ecs:serviceName", "value": service["serviceName"]})
        tags.append({"key": "aws:ecs:clusterName", "value": service["clusterArn"].rsplit("/", 1)[-1]})
    return tags


def resolve_container_secrets(cdef: dict[str, Any]) -> dict[str, str]:
    """The secrets of a container by name: decrypted, read by the execution role and by nobody else.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
    """
    resolved: dict[str, str] = {}
    for secret in cdef.get("secrets") or []:
        source = str(secret["valueFrom"])
        if "secretsmanager" in source:
            resolved.update(original("services.ecs", "_resolve_container_secrets")({"secrets": [secret]}))
        else:
            resolved[secret["name"]] = _parameter(source)
    return resolved


def _parameter(source: str) -> str:
    region, account = responses.get_region(), responses.get_account_id()
    arn = source if source.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter/{source.lstrip('/')}"
    session = EXECUTION_SESSION.get()
    if not session:
        raise ecs._SecretResolutionError("the task definition has secrets and no execution role")
    refused = refusal(session, "ssm:GetParameters", arn, region)
    if refused is not None:
        raise ecs._SecretResolutionError(f"unable to retrieve {source}: AccessDeniedException: {refused.message}")
    value = ssm.resolve_parameter_value(source, decrypt=True)
    if value is None:
        raise ecs._SecretResolutionError(f"invalid ssm parameters: {source}")
    return str(value)


def execution_role_needs(definition: Mapping[str, Any], task_id: str, account: str, region: str) -> list[Permission]:
    """What ECS itself does to start a task, asked of the execution role before anything is started.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    The image's layers and the secrets are asked for where they are read.
    """
    found = []
    containers = definition["containerDefinitions"]
    if any(from_ecr(container["image"]) for container in containers):
        found.append(Permission("ecr:GetAuthorizationToken", "*"))
    for container in containers:
        logging = container.get("logConfiguration") or {}
        if logging.get("logDriver") == "awslogs":
            options = logging["options"]
            stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container['name']}/{task_id}"
            group = f"log-group:{options['awslogs-group']}:log-stream:{stream}"
            arn = f"arn:aws:logs:{options.get('awslogs-region', region)}:{account}:{group}"
            found += [Permission(action, arn) for action in ("logs:CreateLogStream", "logs:PutLogEvents")]
    return found


def _require(definition: Mapping[str, Any], session: str, task_arn: str) -> None:
    """Raise ministack's error for a start that the execution role (its session's key) may not make."""
    region, account, task_id = task_arn.split(":")[3], task_arn.split(":")[4], task_arn.rsplit("/", 1)[-1]
    for one in execution_role_needs(definition, task_id, account, region):
        refused = refusal(session, one.action, one.resource, region, one.context)
        if refused is not None:
            raise ecs._SecretResolutionError(f"AccessDeniedException: {refused.message}")
