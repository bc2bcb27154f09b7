"""Task definitions: what ECS refuses of one and ministack takes, and the revision that a family means.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
"""

from __future__ import annotations

import copy
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
FILLED: Final = ("environment", "mountPoints", "portMappings", "systemControls", "volumesFrom")
NOT_OF_A_CONTAINER: Final = (
    "disableNetworking", "dnsSearchDomains", "dnsServers", "dockerSecurityOptions", "extraHosts", "links", "privileged",
)  # fmt: skip
NOT_OF_LINUX: Final = ("devices", "maxSwap", "sharedMemorySize", "swappiness")
# "Containers per task definition": https://docs.aws.amazon.com/general/latest/gr/ecs-service.html
MOST_CONTAINERS: Final = 10
# "256", "0.25 vCPU", "0.5 GB": "it's converted to an integer" of CPU units or MiB when it is registered.
SIZE: Final = re.compile(r"\s*(?:(?P<units>\d+)|(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>vcpu|gb))\s*", re.IGNORECASE)


def register_task_definition(data: Data) -> Any:  # noqa: ANN401 (ministack's response)
    """RegisterTaskDefinition: refused, or registered by ministack."""
    problem = unregistrable(data)
    return refused(problem) if problem else original("services.ecs", "_register_task_definition")(filled(data))


def filled(data: Data) -> Data:
    """A request with what ECS fills in and describes from then on.

    The lists: https://docs.aws.amazon.com/cli/latest/reference/ecs/register-task-definition.html (examples); a volume's
    root directory: aws-cloudformation/cloudformation-coverage-roadmap#1283; the rest: API_PortMapping, API_HealthCheck.
    """
    found = copy.deepcopy(data)
    for container in found.get("containerDefinitions") or []:
        for name in FILLED:
            container.setdefault(name, [])
        for port in container["portMappings"]:
            port.setdefault("protocol", "tcp")
            if data.get("networkMode") == "awsvpc" and "containerPort" in port:
                port.setdefault("hostPort", port["containerPort"])
        if container.get("healthCheck"):
            container["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3} | container["healthCheck"]
    for volume in found.get("volumes") or []:
        if "efsVolumeConfiguration" in volume:
            volume["efsVolumeConfiguration"].setdefault("rootDirectory", "/")
    return found


def unregistrable(data: Data) -> str | None:
    """Why ECS refuses a task definition, in its words; None where it takes it."""
    checks = (_network, _size, _unsupported, _execution_role, _secrets, _containers)
    return next((problem for check in checks for problem in check(data)), None)


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


def _unsupported(data: Data) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html, in AWS's words.

    For a task: cn-terraform/terraform-aws-ecs-fargate#2, aws/aws-cdk#29619.
    """
    if not _on_fargate(data):
        return
    if data.get("ipcMode"):
        yield "Tasks using the Fargate launch type do not support ipcMode."
    if data.get("pidMode") not in (None, "", "task"):
        yield (
            f"Tasks using the Fargate launch type do not support pidMode '{data['pidMode']}'. "
            "The supported value for pidMode is 'task'."
        )
    used = {"constraints": data.get("placementConstraints")}
    for volume in data.get("volumes") or []:
        used |= {"sourcePath": (volume.get("host") or {}).get("sourcePath")}
        used |= {"dockerVolumeConfiguration": volume.get("dockerVolumeConfiguration")}
    for container in data.get("containerDefinitions") or []:
        linux = container.get("linuxParameters") or {}
        used |= {name: linux.get(name) for name in NOT_OF_LINUX if linux.get(name)}
        used |= {name: container.get(name) for name in NOT_OF_A_CONTAINER if container.get(name)}
    yield from (f"Fargate compatible task definitions do not support {name}" for name, value in used.items() if value)


def _containers(data: Data) -> Iterator[str]:
    """In words of our own, by the rules of API_ContainerDefinition, API_ContainerDependency and the quota of ten.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html, boto/boto3#2436
    """
    every = {one.get("name"): one for one in data.get("containerDefinitions") or []}
    if len(every) > MOST_CONTAINERS:
        yield f"A task definition has {MOST_CONTAINERS} containers at most."
    if every and not any(one.get("essential", True) for one in every.values()):
        yield "A task definition has at least one essential container."
    for name, container in every.items():
        for needed in container.get("dependsOn") or []:
            on, condition = every.get(needed["containerName"]), needed["condition"]
            if on is None or on is container:
                yield f"Container {name} cannot depend on {needed['containerName']}."
            elif condition == "HEALTHY" and not on.get("healthCheck"):
                yield f"Container {name} waits for a health check that {on['name']} does not have."
            elif condition in ("SUCCESS", "COMPLETE") and on.get("essential", True):
                yield f"Container {name} waits for the end of {on['name']}, which is essential."


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
