"""Settings of a service that ministack drops: tags handed on to tasks, and rebalancing of zones.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

from __future__ import annotations

from typing import Any

Tags = list[dict[str, str]]
KEPT = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")


def install() -> None:
    """Keep them on the service, from CreateService and from UpdateService."""
    from ministack.services import ecs

    create, update = ecs._create_service, ecs._update_service

    def create_service(data: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
        # "For create service requests, when no value is specified ..., Amazon ECS defaults the value to ENABLED"
        return _kept(create(data), {"availabilityZoneRebalancing": "ENABLED", **data}, str(data.get("serviceName")))

    def update_service(data: dict[str, Any]) -> Any:  # noqa: ANN401
        return _kept(update(data), data, str(data.get("service")))

    ecs._create_service = ecs._ACTION_MAP["CreateService"] = create_service
    ecs._update_service = ecs._ACTION_MAP["UpdateService"] = update_service


def _kept(answer: Any, data: dict[str, Any], reference: str) -> Any:  # noqa: ANN401
    from ministack.core.responses import json_response
    from ministack.services import ecs

    if answer[0] >= 400:
        return answer
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    service = ecs._services[f"{cluster}/{ecs._resolve_service_ref(reference)[0]}"]
    service.update({key: data[key] for key in KEPT if key in data})
    return json_response({"service": ecs._sanitize(service)})


def task_tags(service: dict[str, Any], definition: Tags) -> Tags:
    """The tags that a task of a service starts with; ``definition`` are those of its task definition."""
    propagated = {"SERVICE": service.get("tags") or [], "TASK_DEFINITION": definition}
    chosen = propagated.get(service.get("propagateTags", "NONE"), [])
    # The prefix is reserved: CloudFormation's own tags stay on the service.
    tags = [tag for tag in chosen if not tag["key"].startswith("aws:")]
    if service.get("enableECSManagedTags"):
        tags.append({"key": "aws:ecs:serviceName", "value": service["serviceName"]})
        tags.append({"key": "aws:ecs:clusterName", "value": service["clusterArn"].rsplit("/", 1)[-1]})
    return tags
