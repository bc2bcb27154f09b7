"""What ECS refuses and ministack takes: sizes Fargate lacks, revisions that do not exist.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""

from __future__ import annotations

from typing import Any

from gitops.taskdefs.fargate import SIZES, cpu_units, memory_mib

Data = dict[str, Any]


def install() -> None:
    """Refuse before ministack registers, creates or updates."""
    from ministack.services import ecs

    register, create, update = ecs._register_task_definition, ecs._create_service, ecs._update_service
    resolve = ecs._resolve_td_key

    def register_task_definition(data: Data) -> Any:  # noqa: ANN401
        problem = unknown_size(data)
        return _refused(problem) if problem else register(data)

    def create_service(data: Data) -> Any:  # noqa: ANN401
        problem = missing_revision(data.get("taskDefinition", ""))
        return _refused(problem) if problem else create(data)

    def update_service(data: Data) -> Any:  # noqa: ANN401
        problem = missing_revision(data["taskDefinition"]) if data.get("taskDefinition") else None
        return _refused(problem) if problem else update(data)

    def newest_active(ref: str) -> Any:  # noqa: ANN401
        """A family means its newest ACTIVE revision, not the newest number."""
        key = resolve(ref)
        family, _, revision = str(key or "").partition(":")
        if not revision or str(ref).endswith(f":{revision}"):
            return key
        active = [
            d["revision"] for d in list(ecs._task_defs.values()) if d["family"] == family and d["status"] == "ACTIVE"
        ]
        return f"{family}:{max(active)}" if active else key

    ecs._resolve_td_key = newest_active
    ecs._register_task_definition = ecs._ACTION_MAP["RegisterTaskDefinition"] = register_task_definition
    ecs._create_service = ecs._ACTION_MAP["CreateService"] = create_service
    ecs._update_service = ecs._ACTION_MAP["UpdateService"] = update_service


def unknown_size(data: Data) -> str | None:
    """Why Fargate has no such task; None where it has, or where Fargate is not asked for."""
    if "FARGATE" not in (data.get("requiresCompatibilities") or []):
        return None
    cpu, memory = str(data.get("cpu", "")), str(data.get("memory", ""))
    if not cpu or not memory:
        return "Fargate requires that 'cpu' and 'memory' be defined at the task level."
    units, mib = cpu_units(cpu), memory_mib(memory)
    if units in SIZES and mib in SIZES[units]:
        return None
    return (
        f"No Fargate configuration exists for given values: {units or cpu} CPU, {mib or memory} memory. "
        "See the Amazon ECS documentation for the valid values."
    )


def missing_revision(reference: str) -> str | None:
    """Why a service cannot use this task definition; None where it can."""
    from ministack.services import ecs

    definition = ecs._task_defs.get(ecs._resolve_td_key(reference) or "")
    if definition is None:
        return "TaskDefinition not found."
    return None if definition["status"] == "ACTIVE" else "TaskDefinition is inactive"


def _refused(message: str) -> Any:  # noqa: ANN401
    from ministack.core.responses import error_response_json

    return error_response_json("ClientException", message, 400)
