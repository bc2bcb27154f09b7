"""The events of a service, in ECS's words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# "The event stream for your service. A maximum of 100 of the latest events are displayed."
MOST_EVENTS = 100
OURS = "_ours"


def install() -> None:
    """Take out what ministack says of every update: that a task drains, which is told when one does."""
    from ministack.services import ecs

    update = ecs._update_service

    def update_service(data: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
        answer = update(data)
        for service in list(ecs._services.values()):
            service["events"] = [e for e in service["events"] if OURS in e or "draining" not in e["message"]]
        return answer

    ecs._update_service = ecs._ACTION_MAP["UpdateService"] = update_service


def tell(service: dict[str, Any], message: str) -> None:
    """Put an event before the others; ``message`` is what follows ``(service name)``."""
    from ministack.core.responses import new_uuid
    from ministack.services import ecs

    event = {
        "id": new_uuid(),
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
