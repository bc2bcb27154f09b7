"""AWS::ECS::Service: the properties that ministack leaves out of a request, and an end that is awaited.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from rehearsal.emulator.resources.typed import typed
from rehearsal.emulator.scheduler.stopping import all_stopped

Request = dict[str, Any]
# CloudFormation waits until the tasks are gone; stopTimeout is at most 120 s.
END = 180.0
# Property → the request's name for it.
LEFT_OUT = {
    "AvailabilityZoneRebalancing": "availabilityZoneRebalancing",
    "EnableECSManagedTags": "enableECSManagedTags",
    "EnableExecuteCommand": "enableExecuteCommand",
    "HealthCheckGracePeriodSeconds": "healthCheckGracePeriodSeconds",
    "PlatformVersion": "platformVersion",
    "PropagateTags": "propagateTags",
}
# What the handler that runs in this thread has left out.
_REST: ContextVar[Request | None] = ContextVar("left_out", default=None)


def install() -> None:
    """Wrap ministack's handler, and let it block without blocking the server."""
    from ministack.services import ecs
    from ministack.services.cloudformation import provisioners, stacks

    handler = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]
    create_service, update_service, on_worker = ecs._create_service, ecs._update_service, stacks._runs_on_worker_thread

    def created(logical_id: str, props: Request, stack_name: str) -> Any:  # noqa: ANN401
        token = _REST.set(rest(props))
        try:
            return create(logical_id, props, stack_name)
        finally:
            _REST.reset(token)

    def updated(physical_id: str, old_props: Request, new_props: Request, stack_name: str) -> Any:  # noqa: ANN401
        token = _REST.set(rest(new_props))
        try:
            return update(physical_id, old_props, new_props, stack_name)
        finally:
            _REST.reset(token)

    def deleted(physical_id: str, props: Request) -> None:
        delete(physical_id, props)
        name = physical_id.rsplit("/", 1)[-1]
        if not all_stopped(f"service:{name}", END):
            raise ValueError(f"tasks of {name} still run after {END:.0f} s")

    def whole_create(data: Request) -> Any:  # noqa: ANN401
        return create_service(typed("ecs", "CreateService", {**data, **(_REST.get() or {})}))

    def whole_update(data: Request) -> Any:  # noqa: ANN401
        return update_service(typed("ecs", "UpdateService", {**data, **(_REST.get() or {})}))

    handler["create"], handler["update"], handler["delete"] = created, updated, deleted
    ecs._create_service = ecs._ACTION_MAP["CreateService"] = whole_create
    ecs._update_service = ecs._ACTION_MAP["UpdateService"] = whole_update
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::ECS::Service" or on_worker(kind)


def rest(properties: Request) -> Request:
    """What ministack's handler leaves out, as the request names it."""
    return {name: properties[key] for key, name in LEFT_OUT.items() if key in properties}
