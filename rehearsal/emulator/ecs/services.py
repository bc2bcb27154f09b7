"""A service of ECS: its calls in their order, as a stack makes it, its events, and the form of every answer.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from rehearsal.emulator.cloudformation.resource_types import Properties, Reader, explicit, pascal, typed
from rehearsal.emulator.ecs.task_definitions import missing_revision, refused
from rehearsal.emulator.ministack import ecs, responses
from rehearsal.emulator.seams import HANDLERS, original, original_entry

Request = dict[str, Any]
# What ministack drops of a service: tags handed on to tasks, and rebalancing of zones.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
KEPT: Final = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")
# "The event stream for your service. A maximum of 100 of the latest events are displayed."
MOST_EVENTS: Final = 100
OURS: Final = "_ours"
# CloudFormation waits until the tasks are gone; stopTimeout is at most 120 s.
END = 180.0
LEFT_OUT: Final = (
    "AvailabilityZoneRebalancing", "EnableECSManagedTags", "EnableExecuteCommand", "HealthCheckGracePeriodSeconds",
    "PlatformVersion", "PropagateTags",
)  # fmt: skip
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
OF_A_SERVICE: Final = _OF_ECS | {"Tags"}


def create_service(data: Request) -> Any:  # noqa: ANN401 (ministack's response)
    """CreateService, in this order: the request whole and typed, refused, made by ministack, its settings kept."""
    data = typed("ecs", "CreateService", {**data, **(_LEFT_OUT.get() or {})})
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
    return responses.json_response({"service": ecs._sanitize(service)})


def _only_told() -> None:
    """Take out what ministack says of every update: that a task drains, which is told when one does."""
    for service in list(ecs._services.values()):
        service["events"] = [e for e in service["events"] if OURS in e or "draining" not in e["message"]]


# AWS::ECS::Service: what ministack's handler leaves out of a request, and an end that is awaited.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
def _create_of_stack(logical_id: str, props: Request, stack_name: str) -> Any:  # noqa: ANN401
    with _left_out(props):
        return original_entry(HANDLERS, "AWS::ECS::Service")["create"](logical_id, props, stack_name)


def _update_of_stack(physical_id: str, old_props: Request, new_props: Request, stack_name: str) -> Any:  # noqa: ANN401
    with _left_out(new_props):
        return original_entry(HANDLERS, "AWS::ECS::Service")["update"](physical_id, old_props, new_props, stack_name)


def _delete_of_stack(physical_id: str, props: Request) -> None:
    original_entry(HANDLERS, "AWS::ECS::Service")["delete"](physical_id, props)
    key = physical_id.rpartition(":service/")[2]
    if not all_stopped(key, END):
        raise ValueError(f"tasks of {key} still run after {END:.0f} s")


@contextmanager
def _left_out(properties: Request) -> Iterator[None]:
    """Have the request that ministack's handler makes in this thread completed by what it leaves out."""
    token = _LEFT_OUT.set({key[0].lower() + key[1:]: properties[key] for key in LEFT_OUT if key in properties})
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


def started(tasks: Sequence[str]) -> str:
    """The message that tasks, by their ids, have been started."""
    return f"has started {len(tasks)} tasks: {' '.join(f'(task {task})' for task in tasks)}."


def unhealthy(task: str, port: int, group: str, reason: str) -> str:
    """The message that a target has failed its health checks."""
    return f"(task {task}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason})."


def draining(tasks: int) -> str:
    """The message that tasks leave their target groups."""
    return f"has begun draining connections on {tasks} tasks."


STEADY = "has reached a steady state."


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
        return {
            name: without_empty(value)
            for name, value in payload.items()
            if not (name in OPTIONAL and value in ("", None))
        }
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
