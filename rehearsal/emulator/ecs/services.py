"""A service of ECS: its calls in their order, as a stack makes it, its events, and the form of every answer.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import (
    Created,
    NotStabilisedError,
    Properties,
    Reader,
    explicit,
    pascal,
    typed,
)
from rehearsal.emulator.ecs.task_definitions import missing_revision, refused
from rehearsal.emulator.ministack import ecs, responses
from rehearsal.emulator.seams import HANDLERS, original, original_entry

Request = dict[str, Any]
# What ministack drops of a service: tags handed on to tasks, and rebalancing of zones.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
KEPT: Final = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html (default values)
PERCENTAGES: Final = {"maximumPercent": 200, "minimumHealthyPercent": 100}
# "The event stream for your service. A maximum of 100 of the latest events are displayed."
MOST_EVENTS: Final = 100
OURS: Final = "_ours"
# CloudFormation waits until the tasks are gone; stopTimeout is at most 120 s.
END = 180.0
LEFT_OUT: Final = (
    "AvailabilityZoneRebalancing", "EnableECSManagedTags", "EnableExecuteCommand", "HealthCheckGracePeriodSeconds",
    "PlatformVersion", "PropagateTags",
)  # fmt: skip
# CloudFormation waits for a steady service, for up to three hours where no circuit breaker ends it before.
STABILISES = 3 * 3600.0
# https://repost.aws/articles/ARQJJetqfbSGq8hUxlBV9O8Q/ecs-deployment-circuit-breaker-was-triggered
BROKEN: Final = (
    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was "
    "triggered'.\" (RequestToken: {token}, HandlerErrorCode: GeneralServiceException)"
)
NOT_STEADY: Final = "{arn} did not become steady in time"
# What the handler that runs in this thread has left out.
_LEFT_OUT: ContextVar[Request | None] = ContextVar("left_out", default=None)
# Keys that AWS leaves out where they have no value; ministack answers "" for them.
OPTIONAL: Final = frozenset({
    "executionRoleArn", "group", "ipcMode", "pidMode", "platformFamily", "platformVersion", "roleArn", "startedBy",
    "stopCode", "stoppedReason", "taskRoleArn",
})  # fmt: skip
_OF_ECS: Final = frozenset({
    "AvailabilityZoneRebalancing", "DeploymentConfiguration", "DesiredCount", "EnableECSManagedTags",
    "EnableExecuteCommand", "HealthCheckGracePeriodSeconds", "LaunchType", "LoadBalancers", "NetworkConfiguration",
    "PlatformVersion", "PropagateTags", "ServiceName", "TaskDefinition",
})  # fmt: skip
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
IN_PROGRESS: Final = "ECS deployment {} in progress."
OF_A_SERVICE: Final = _OF_ECS | {"Tags"}


def create_service(data: Request) -> Any:  # noqa: ANN401 (ministack's response)
    """CreateService, in this order: the request whole and typed, refused, made by ministack, its settings kept."""
    data = typed("ecs", "CreateService", {**data, **(_LEFT_OUT.get() or {})})
    data["deploymentConfiguration"] = PERCENTAGES | (data.get("deploymentConfiguration") or {})
    if problem := missing_revision(data.get("taskDefinition", "")):
        return refused(problem)
    answer = original("services.ecs", "_create_service")(data)
    # "For create service requests, when no value is specified ..., Amazon ECS defaults the value to ENABLED"
    return _kept(answer, {"availabilityZoneRebalancing": "ENABLED", **data}, str(data.get("serviceName")))


def update_service(data: Request) -> Any:  # noqa: ANN401 (ministack's response)
    """UpdateService, in this order: the request whole and typed, refused, done by ministack, its settings kept, told.

    ministack makes a deployment of it and reconciles: see ``deployments``.
    """
    data = typed("ecs", "UpdateService", {**data, **(_LEFT_OUT.get() or {})})
    problem = missing_revision(data["taskDefinition"]) if data.get("taskDefinition") else None
    if problem:
        return refused(problem)
    answer = original("services.ecs", "_update_service")(data)
    answer = _kept(answer, data, str(data.get("service")))
    _only_told()
    return answer


def _kept(answer: Any, data: dict[str, Any], reference: str) -> Any:  # noqa: ANN401
    if answer[0] >= 400:
        return answer
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    service = ecs._services[f"{cluster}/{ecs._resolve_service_ref(reference)[0]}"]
    service.update({key: data[key] for key in KEPT if key in data})
    for deployment in service["deployments"]:
        # ministack says nothing of one that UpdateService makes.
        deployment["rolloutStateReason"] = deployment["rolloutStateReason"] or IN_PROGRESS.format(deployment["id"])
    return responses.json_response({"service": ecs._sanitize(service)})


def _only_told() -> None:
    """Take out what ministack says of every update: that a task drains, which is told when one does."""
    for service in list(ecs._services.values()):
        service["events"] = [e for e in service["events"] if OURS in e or "draining" not in e["message"]]


# AWS::ECS::Service: what ministack's handler leaves out of a request, and an end that is awaited.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
def _create_of_stack(logical_id: str, props: Request, stack_name: str) -> Any:  # noqa: ANN401
    with _left_out(props):
        made = original_entry(HANDLERS, "AWS::ECS::Service")["create"](logical_id, props, stack_name)
    require_steady(made)
    return made


def _update_of_stack(physical_id: str, old_props: Request, new_props: Request, stack_name: str) -> Any:  # noqa: ANN401
    before = _deployment(physical_id)
    with _left_out(new_props, _rolls_to(physical_id, new_props)):
        changed = original_entry(HANDLERS, "AWS::ECS::Service")["update"](physical_id, old_props, new_props, stack_name)
    if _deployment(changed[0]) != before:
        require_steady(changed)
    return changed


def _rolls_to(physical_id: str, properties: Request) -> Request:
    """What a change of whatever property rolls the service to: a family means its newest revision (decision 3)."""
    service = ecs._services.get(physical_id.rpartition(":service/")[2]) or {}
    meant = ecs._task_defs.get(ecs._resolve_td_key(properties.get("TaskDefinition", "")))
    arn = meant and meant["taskDefinitionArn"]
    return {"taskDefinition": arn} if arn and arn != service.get("taskDefinition") else {}


def _deployment(physical_id: str) -> str:
    service = ecs._services.get(physical_id.rpartition(":service/")[2])
    return str((ecs._primary_deployment(service) or {}).get("id", "")) if service else ""


def require_steady(made: Created) -> None:
    """Wait as CloudFormation does until a service that it made or changed is steady; ``made`` is id and attributes.

    Raises NotStabilisedError, in CloudFormation's words (aws/copilot-cli#5296), when ECS gives the deployment up.
    """
    key, ours = made[0].rpartition(":service/")[2], _deployment(made[0])
    began = epoch((ecs._primary_deployment(ecs._services[key]) or {})["createdAt"])
    end = time.monotonic() + STABILISES
    while (service := ecs._services.get(key)) and service["status"] == "ACTIVE" and time.monotonic() < end:
        primary = ecs._primary_deployment(service) or {}
        mine = next((one for one in service["deployments"] if one["id"] == ours), primary)
        # While ECS goes back, a deployment from before it is the primary one; a later one is waited for instead.
        if mine["rolloutState"] == "FAILED" or epoch(primary["createdAt"]) < began:
            raise NotStabilisedError(BROKEN.format(token=uuid.uuid4()), made)
        if primary.get("rolloutState") == "COMPLETED":
            return
        time.sleep(0.05)
    raise NotStabilisedError(NOT_STEADY.format(arn=made[0]), made)


def _delete_of_stack(physical_id: str, props: Request) -> None:
    original_entry(HANDLERS, "AWS::ECS::Service")["delete"](physical_id, props)
    key = physical_id.rpartition(":service/")[2]
    if not all_stopped(key, END):
        raise ValueError(f"tasks of {key} still run after {END:.0f} s")


@contextmanager
def _left_out(properties: Request, more: Request | None = None) -> Iterator[None]:
    """Have the request of ministack's handler in this thread completed by what it leaves out, and by ``more``."""
    left_out = {key[0].lower() + key[1:]: properties[key] for key in LEFT_OUT if key in properties}
    token = _LEFT_OUT.set({**left_out, **(more or {})})
    try:
        yield
    finally:
        _LEFT_OUT.reset(token)


def all_stopped(svc_key: str, timeout: float) -> bool:
    """Wait until no task of the service ``cluster/name`` is stopping any more; false after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while any(key_of(t) == svc_key and t.get("lastStatus") != "STOPPED" for t in list(ecs._tasks.values())):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def key_of(task: Mapping[str, Any]) -> str:
    """``cluster/name`` of the service that a task belongs to, if any."""
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    return f"{cluster}/{str(task.get('group', '')).removeprefix('service:')}"


def of_task(task: Mapping[str, Any]) -> dict[str, Any] | None:
    """The service that a task belongs to."""
    found: dict[str, Any] | None = ecs._services.get(key_of(task))
    return found


def tell(service: dict[str, Any], message: str) -> None:
    """Put an event before the others; ``message`` is what follows ``(service name)``."""
    event = {
        "id": responses.new_uuid(),
        "createdAt": ecs._iso(),
        "message": f"(service {service['serviceName']}) {message}",
        # Not shown: what begins with an underline stays inside.
        OURS: True,
    }
    service["events"] = [event, *service["events"]][:MOST_EVENTS]


# The first three: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html; the
# others stand on no page, and are as people have posted them from their accounts.
STEADY: Final = "has reached a steady state."
THROTTLED: Final = "is unable to consistently start tasks successfully."
UNHEALTHY_TARGET: Final = "(task {task}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason})."
STARTED: Final = "has started {count} tasks: {tasks}."
STOPPED: Final = "has stopped 1 running tasks: (task {task})."
STOPPED_PENDING: Final = "stopped 1 pending tasks."
DRAINING: Final = "has begun draining connections on 1 tasks."
REGISTERED: Final = "registered 1 targets in (target-group {group})"
DEREGISTERED: Final = "deregistered 1 targets in (target-group {group})"
UNHEALTHY_CONTAINER: Final = "(task {task}) failed container health checks."
DEPLOYED: Final = "(deployment {deployment}) deployment completed."
FAILED: Final = "(deployment {deployment}) deployment failed: tasks failed to start."
ROLLING_BACK: Final = "rolling back to deployment {deployment}."


def task_id(task: Mapping[str, Any]) -> str:
    """The last part of a task's ARN."""
    return str(task["taskArn"]).rsplit("/", 1)[-1]


def target_groups(service: Mapping[str, Any]) -> list[str]:
    """The ARNs of a service's target groups."""
    return [one["targetGroupArn"] for one in service.get("loadBalancers") or [] if one.get("targetGroupArn")]


def tell_stop(service: dict[str, Any], task: Mapping[str, Any], was: str) -> None:
    """Tell that a task which ``was`` RUNNING or starting is being stopped, and leaves its target groups."""
    for group in target_groups(service) if was == "RUNNING" else []:
        tell(service, DEREGISTERED.format(group=group))
        tell(service, DRAINING)
    tell(service, STOPPED.format(task=task_id(task)) if was == "RUNNING" else STOPPED_PENDING)


def normalize_ecs_timestamps(payload: Any, field_name: str | None = None) -> Any:  # noqa: ANN401 (any JSON)
    """An answer on its way out: ministack's times, then no key without a value."""
    return without_empty(original("services.ecs", "_normalize_ecs_timestamps")(payload, field_name))


def epoch(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Seconds since 1970 of a time as text; anything else as it is. ministack drops the fraction."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        return value


def without_empty(payload: Any) -> Any:  # noqa: ANN401 (any JSON)
    """The answer without the keys that AWS would leave out."""
    if isinstance(payload, dict):
        kept = {name: value for name, value in payload.items() if value is not None}
        return {name: without_empty(value) for name, value in kept.items() if value != "" or name not in OPTIONAL}
    return [without_empty(item) for item in payload] if isinstance(payload, list) else payload


def read_service(physical_id: str, properties: Properties) -> dict[str, Any] | None:
    """A service. A family stands for every revision of it, as the type's ``propertyTransform`` says."""
    kept = ecs._services.get(physical_id.split(":service/")[-1])
    if kept is None or kept.get("status") == "INACTIVE":
        return None
    now = {name: value for name, value in pascal(kept).items() if name in _OF_ECS}
    wanted = str(properties.get("TaskDefinition", ""))
    family, _, number = str(kept.get("taskDefinition", "")).rpartition("/")[2].partition(":")
    now["TaskDefinition"] = wanted if wanted in (family, f"{family}:{number}") else kept.get("taskDefinition", "")
    tags = [{"Key": tag["key"], "Value": tag["value"]} for tag in kept.get("tags", [])]
    return {**{name: explicit(value, properties.get(name)) for name, value in now.items()}, "Tags": tags}


STACK: Final[dict[str, Callable[..., Any]]] = {
    "create": _create_of_stack,
    "update": _update_of_stack,
    "delete": _delete_of_stack,
}
READERS: Final[dict[str, Reader]] = {"AWS::ECS::Service": (read_service, OF_A_SERVICE)}
