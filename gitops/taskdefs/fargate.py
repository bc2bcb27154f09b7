"""What Fargate accepts of a task definition.

Sizes: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
The rest: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
and the documentation of each key in the ECS service model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitops.taskdefs.documents import Document, Place, Problem, Value, children

GIB = 1024
# CPU units (1024 are one vCPU) to the memory in MiB that may go with them.
SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1 * GIB, 2 * GIB),
    512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
    1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
    2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
    4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
    8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
AWSLOGS_REQUIRED = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
# Seconds; (key, least, most).
HEALTH_CHECK_LIMITS = (("interval", 5, 300), ("timeout", 2, 60), ("retries", 1, 10), ("startPeriod", 0, 300))
UNSUPPORTED_KEYS = ("dockerSecurityOptions", "links", "privileged")
UNSUPPORTED_LINUX_PARAMETERS = ("devices", "maxSwap", "sharedMemorySize", "swappiness")


def cpu_units(value: str) -> int | None:
    """CPU units of ``256``, ``0.25 vCPU``; None when it is neither."""
    return _amount(value, "vcpu")


def memory_mib(value: str) -> int | None:
    """MiB of ``512``, ``0.5 GB``; None when it is neither."""
    return _amount(value, "gb")


def _amount(value: str, unit: str) -> int | None:
    match = re.fullmatch(rf"\s*(\d+(?:\.\d+)?)\s*({unit})?\s*", value, re.IGNORECASE)
    if match is None or (match[2] is None and "." in match[1]):
        return None
    return round(float(match[1]) * 1024) if match[2] else int(match[1])


def fargate_problems(document: Document) -> list[Problem]:
    """Everything in a task definition that Fargate would refuse."""
    problems = list(_task(document))
    for step, container in children(document.get("containerDefinitions"), "containerDefinitions"):
        if isinstance(container, dict):
            problems += _container(container, ("containerDefinitions", step))
    for step, volume in children(document.get("volumes"), "volumes"):
        if isinstance(volume, dict):
            problems += _volume(volume, ("volumes", step))
    return problems


def _task(document: Document) -> Iterator[Problem]:
    if "FARGATE" not in (document.get("requiresCompatibilities") or []):
        yield Problem(("requiresCompatibilities",), "must hold FARGATE")
    if document.get("networkMode") != "awsvpc":
        yield Problem(("networkMode",), "must be awsvpc on Fargate")
    for key in ("executionRoleArn", "taskRoleArn"):
        if not document.get(key):
            yield Problem((key,), "is missing")
    if document.get("pidMode") == "host":
        yield Problem(("pidMode",), "host is not possible on Fargate")
    for key in ("placementConstraints", "inferenceAccelerators", "ipcMode"):
        if document.get(key):
            yield Problem((key,), "is not possible on Fargate")
    yield from _size(document)


def _size(document: Document) -> Iterator[Problem]:
    cpu, memory = document.get("cpu"), document.get("memory")
    units = cpu_units(cpu) if isinstance(cpu, str) else None
    mib = memory_mib(memory) if isinstance(memory, str) else None
    if units not in SIZES:
        yield Problem(("cpu",), f"{cpu} is no Fargate size (there are {', '.join(map(str, SIZES))})")
    elif mib not in SIZES[units]:
        least, most, step = SIZES[units][0], SIZES[units][-1], SIZES[units][-1] - SIZES[units][-2]
        sizes = ", ".join(map(str, SIZES[units])) if len(SIZES[units]) < 10 else f"{least} to {most} by {step}"
        yield Problem(("memory",), f"{memory} does not go with cpu {cpu} on Fargate (MiB: {sizes})")
    containers = [item for _, item in children(document.get("containerDefinitions"), "") if isinstance(item, dict)]
    for key, total in (("cpu", units), ("memory", mib)):
        wanted = sum(item[key] for item in containers if isinstance(item.get(key), int))
        if total is not None and wanted > total:
            yield Problem((key,), f"the containers ask for {wanted}, the task has {total}")


def _container(container: Document, place: Place) -> Iterator[Problem]:
    for key in UNSUPPORTED_KEYS:
        if container.get(key):
            yield Problem((*place, key), "is not possible on Fargate")
    stop = container.get("stopTimeout")
    if isinstance(stop, int) and not 2 <= stop <= 120:
        yield Problem((*place, "stopTimeout"), f"{stop} is not within 2 to 120 seconds")
    for step, mapping in children(container.get("portMappings"), "portMappings"):
        host = mapping.get("hostPort") if isinstance(mapping, dict) else None
        if host and host != mapping.get("containerPort"):
            yield Problem((*place, "portMappings", step, "hostPort"), f"{host} must be the containerPort under awsvpc")
    yield from _linux(container.get("linuxParameters"), (*place, "linuxParameters"))
    yield from _logs(container.get("logConfiguration"), (*place, "logConfiguration"))
    yield from _health(container.get("healthCheck"), (*place, "healthCheck"))


def _linux(linux: Value, place: Place) -> Iterator[Problem]:
    if not isinstance(linux, dict):
        return
    for key in UNSUPPORTED_LINUX_PARAMETERS:
        if linux.get(key):
            yield Problem((*place, key), "is not possible on Fargate")
    capabilities = linux.get("capabilities")
    added = capabilities.get("add") if isinstance(capabilities, dict) else None
    for name in added if isinstance(added, list) else []:
        if name != "SYS_PTRACE":
            yield Problem((*place, "capabilities", "add"), f"{name} is not possible on Fargate (only SYS_PTRACE)")


def _logs(logs: Value, place: Place) -> Iterator[Problem]:
    driver = logs.get("logDriver") if isinstance(logs, dict) else None
    if driver is None:
        yield Problem(place, "has no logDriver: the container's output would be lost")
    elif driver not in LOG_DRIVERS:
        yield Problem((*place, "logDriver"), f"{driver} is not possible on Fargate ({', '.join(LOG_DRIVERS)} are)")
    elif driver == "awslogs":
        options = logs.get("options")
        for key in AWSLOGS_REQUIRED:
            if not isinstance(options, dict) or not options.get(key):
                yield Problem((*place, "options"), f"{key} is missing")


def _health(check: Value, place: Place) -> Iterator[Problem]:
    if not isinstance(check, dict):
        return
    command = check.get("command")
    if isinstance(command, list) and command[:1] not in (["CMD"], ["CMD-SHELL"]):
        yield Problem((*place, "command"), "must start with CMD or CMD-SHELL")
    for key, least, most in HEALTH_CHECK_LIMITS:
        value = check.get(key)
        if isinstance(value, int) and not least <= value <= most:
            yield Problem((*place, key), f"{value} is not within {least} to {most}")


def _volume(volume: Document, place: Place) -> Iterator[Problem]:
    host = volume.get("host")
    if isinstance(host, dict) and host.get("sourcePath"):
        yield Problem((*place, "host", "sourcePath"), "is not possible on Fargate")
    for key in ("dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"):
        if volume.get(key):
            yield Problem((*place, key), "is not possible on Fargate")
