"""Task definitions: what ECS refuses of one and ministack takes, and the revision that a family means.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from rehearsal.emulator.ministack import ecs, responses
from rehearsal.emulator.seams import original

Data = dict[str, Any]

GB: Final = 1024
# CPU units (1024 are a vCPU) → MiB of memory that go with them, from the table "valid CPU and memory combinations" of
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
# Not taken from what is judged here: a test holds both against each other, and that page decides.
FARGATE: Final[dict[int, tuple[int, ...]]] = {
    256: (512, 1 * GB, 2 * GB),
    512: (1 * GB, 2 * GB, 3 * GB, 4 * GB),
    1024: (2 * GB, 3 * GB, 4 * GB, 5 * GB, 6 * GB, 7 * GB, 8 * GB),
    # "Between 4 GB and 16 GB in 1 GB increments", and so on.
    2048: tuple(gb * GB for gb in range(4, 17)),
    4096: tuple(gb * GB for gb in range(8, 31)),
    8192: tuple(gb * GB for gb in range(16, 61, 4)),
    16384: tuple(gb * GB for gb in range(32, 121, 8)),
}
# "256", "0.25 vCPU", "0.5 GB": "it's converted to an integer" of CPU units or MiB when it is registered.
SIZE: Final = re.compile(r"\s*(?:(?P<units>\d+)|(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>vcpu|gb))\s*", re.IGNORECASE)


def register_task_definition(data: Data) -> Any:  # noqa: ANN401 (ministack's response)
    """RegisterTaskDefinition: refused, or registered by ministack."""
    problem = unregistrable(data)
    return refused(problem) if problem else original("services.ecs", "_register_task_definition")(data)


def unregistrable(data: Data) -> str | None:
    """Why ECS refuses a task definition, in its words; None where it takes it."""
    problems = [problem for check in (_network, _size, _execution_role, _secrets) for problem in check(data)]
    return problems[0] if problems else None


def _on_fargate(data: Data) -> bool:
    return "FARGATE" in (data.get("requiresCompatibilities") or [])


def _network(data: Data) -> Iterator[str]:
    """aws/amazon-ecs-cli#1145; where none is named it is ``bridge`` (API_RegisterTaskDefinition, networkMode)."""
    if _on_fargate(data) and data.get("networkMode") != "awsvpc":
        yield "Fargate only supports network mode \u2018awsvpc\u2019."


def _size(data: Data) -> Iterator[str]:
    """The page of ``FARGATE``; the message is the one that it quotes from Terraform, which passes on the API's."""
    if not _on_fargate(data):
        return
    cpu, memory = str(data.get("cpu") or ""), str(data.get("memory") or "")
    if not cpu or not memory:
        yield "Fargate requires that 'cpu' and 'memory' be defined at the task level."
        return
    units, mib = converted(cpu, "vcpu"), converted(memory, "gb")
    if mib not in FARGATE.get(units or 0, ()):
        yield (
            f"No Fargate configuration exists for given values: {units or cpu} CPU, {mib or memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )


def converted(value: str, unit: str) -> int | None:
    """CPU units of ``256`` or ``0.25 vCPU``, MiB of ``512`` or ``0.5 GB``; None when it is neither."""
    match = SIZE.fullmatch(value)
    if match is None or (match["unit"] and match["unit"].lower() != unit):
        return None
    return int(match["units"]) if match["units"] else round(float(match["amount"]) * 1024)


def _execution_role(data: Data) -> Iterator[str]:
    """virtual-kubelet/virtual-kubelet#193 and nathanpeck/aws-cloudformation-fargate#1."""
    if data.get("executionRoleArn") or not _on_fargate(data):
        return
    for container in data.get("containerDefinitions") or []:
        if from_ecr(str(container.get("image", ""))):
            yield "Fargate requires task definition to have execution role ARN to support ECR images."
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            yield "Fargate requires task definition to have execution role ARN to support log driver awslogs."


def _secrets(data: Data) -> Iterator[str]:
    """dagster-io/dagster#11622."""
    for container in data.get("containerDefinitions") or []:
        taken = {one.get("name") for one in container.get("environment") or []}
        for secret in container.get("secrets") or []:
            if secret.get("name") in taken:
                yield (
                    "The secret name must be unique and not shared with any new or existing environment variables "
                    f"set on the container, such as '{secret['name']}'."
                )
            taken.add(secret.get("name"))


def from_ecr(image: str) -> bool:
    """Whether an image is in a registry of ECR: the emulator's is on loopback, AWS's named by account and region."""
    return image.startswith("127.0.0.1:") or ".dkr.ecr." in image


def resolve_td_key(ref: str) -> Any:  # noqa: ANN401 (ministack's key)
    """A family means its newest ACTIVE revision, not the newest number."""
    key = original("services.ecs", "_resolve_td_key")(ref)
    family, _, revision = str(key or "").partition(":")
    if not revision or str(ref).endswith(f":{revision}"):
        return key
    active = [d["revision"] for d in list(ecs._task_defs.values()) if d["family"] == family and d["status"] == "ACTIVE"]
    return f"{family}:{max(active)}" if active else key


def missing_revision(reference: str) -> str | None:
    """Why a service cannot use this task definition; None where it can."""
    definition = ecs._task_defs.get(ecs._resolve_td_key(reference) or "")
    if definition is None:
        return "TaskDefinition not found."
    return None if definition["status"] == "ACTIVE" else "TaskDefinition is inactive"


def containers_of(reference: str) -> list[Data]:
    """The container definitions of a revision; none where there is no such revision."""
    definition = ecs._task_defs.get(ecs._resolve_td_key(reference) or "") or {}
    return list(definition.get("containerDefinitions") or [])


def refused(message: str, code: str = "ClientException") -> Any:  # noqa: ANN401 (ministack's response)
    """The answer that refuses a request for what is wrong with it."""
    return responses.error_response_json(code, message, 400)
