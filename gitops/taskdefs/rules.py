"""What ECS and Fargate refuse of a task definition: one table, each rule beside where AWS says so.

Its sources are pages of AWS, or ``owner/repo#number`` where the refusal itself was seen. What the service model
says (keys, types, words) ``validate`` takes from the model, and there stand the rules that are not AWS's.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from gitops.taskdefs.documents import Document, Place, Problem, Value, children, mapping, objects
from gitops.taskdefs.fargate import SIZES, cpu_units, memory_mib

GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
FARGATE = f"{GUIDE}fargate-tasks-services.html"
AWSLOGS_REQUIRED = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
# The page's gpu is one of resourceRequirements; the other kinds need Managed Instances or inferenceAccelerators.
NOT_ON_FARGATE = (
    *("disableNetworking", "dnsSearchDomains", "dnsServers", "dockerSecurityOptions"),
    *("extraHosts", "links", "privileged", "resourceRequirements"),
)
NOT_ON_WINDOWS = ("linuxParameters", "readonlyRootFilesystem", "systemControls", "ulimits", "user")
# What a deploy adds to the rendered file: at most so many tags, and bytes with them and the image's name.
DEPLOY_TAGS, DEPLOY_BYTES = 12, 4096
LARGEST = 65_536
# What is wrong with a value at a rule's place, each in words; the task definition around it is given too.
Says = Callable[[Value, Document], Iterable[str]]


class Rule(NamedTuple):
    """Where it looks (``a[].b``: at b of each element of the list a; at nothing: at the whole), and who says so."""

    at: str
    says: Says
    source: str

    def problems(self, document: Document) -> Iterator[Problem]:
        """What it refuses in a task definition, whatever JSON that is."""
        for place, value in _values(document, self.at.split(".") if self.at else [], ()):
            yield from (Problem(place, words) for words in self.says(value, document))


def api(name: str) -> str:
    """The page of AWS's API reference on one of its types or calls."""
    return f"https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_{name}.html"


def problems(document: Document) -> list[Problem]:
    """Everything that the table refuses in a task definition."""
    return [problem for rule in RULES for problem in rule.problems(document)]


def _values(value: Value, steps: list[str], place: Place) -> Iterator[tuple[Place, Value]]:
    """What stands at a rule's place, None where its last key is missing."""
    if not steps:
        yield place, value
    elif isinstance(value, dict):
        key, below = steps[0].removesuffix("[]"), value.get(steps[0].removesuffix("[]"))
        if key == steps[0]:
            yield from _values(below, steps[1:], (*place, key))
        elif isinstance(below, list):
            for step, item in children(below, key):
                yield from _values(item, steps[1:], (*place, key, step))


# The kinds of rule that many places share; the table fills in what comes before the value.


def _absent(where: str, value: Value, _: Document) -> Iterator[str]:
    if value:
        yield f"is not possible {where}: leave it out"


def _within(least: int, most: int, unit: str, value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, int) and not isinstance(value, bool) and not least <= value <= most:
        yield f"{value} is not within {least} to {most}{unit}"


def _seconds(least: int, most: int) -> Says:
    return partial(_within, least, most, " seconds")


def _at_most(number: int, beside: str, value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, list) and len(value) > number:
        yield f"has {len(value)}, and may have {number}{beside}"


def _among(words: tuple[str, ...], value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, str) and value not in words:
        yield f"{value} is not possible on Fargate (only {', '.join(words)})"


def _form(pattern: str, words: str, value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield f'"{value}" is not {words}'


def _tag_text(longest: int, value: Value, _: Document) -> Iterator[str]:
    text = value if isinstance(value, str) else ""
    if len(text) > longest:
        yield f"has {len(text)} characters, and may have {longest}"
    if text.lower().startswith("aws:"):
        yield "may not begin with aws:, which is AWS's own"
    # Letters, numbers and spaces are what Unicode sorts as such.
    strange = {one for one in text if one not in "_.:/=+-@" and unicodedata.category(one)[0] not in "LNZ"}
    if strange:
        yield f"may not hold {' '.join(sorted(strange))}"


def _holds(key: str, read: Callable[[object], int | None], value: Value, document: Document) -> Iterator[str]:
    total = read(value)
    asked = (one.get(key) for one in _containers(document))
    wanted = sum(one for one in asked if isinstance(one, int))
    if total is not None and wanted > total:
        yield f"the containers ask for {wanted}, the task has {total}"


# The rest are of one place each.


def _for_fargate(value: Value, _: Document) -> Iterator[str]:
    if not isinstance(value, list) or "FARGATE" not in value:
        yield "must hold FARGATE"


def _awsvpc(value: Value, _: Document) -> Iterator[str]:
    if value != "awsvpc":
        yield "must be awsvpc on Fargate"


def _given(value: Value, _: Document) -> Iterator[str]:
    if value in (None, ""):
        yield "is missing"


def _size(value: Value, _: Document) -> Iterator[str]:
    if cpu_units(value) not in SIZES:
        yield f"{value} is no Fargate size (there are {', '.join(map(str, SIZES))})"


def _memory_of_the_size(value: Value, document: Document) -> Iterator[str]:
    known = SIZES.get(cpu_units(document.get("cpu")) or 0)
    if known and memory_mib(value) not in known:
        few = ", ".join(map(str, known))
        named = few if len(known) < 10 else f"{known[0]} to {known[-1]} by {known[-1] - known[-2]}"
        yield f"{value} does not go with cpu {document.get('cpu')} on Fargate (MiB: {named})"


def _is_windows(document: Document) -> bool:
    return str(mapping(document.get("runtimePlatform")).get("operatingSystemFamily")).startswith("WINDOWS")


def _windows(value: Value, document: Document) -> Iterator[str]:
    if _is_windows(document):
        if (cpu_units(document.get("cpu")) or 0) < 1024:
            yield f"Windows needs cpu 1024 or more on Fargate, not {document.get('cpu')}"
        if mapping(value).get("cpuArchitecture", "X86_64") != "X86_64":
            yield "Windows runs on X86_64 alone"


def _linux_alone(value: Value, document: Document) -> Iterator[str]:
    for key in NOT_ON_WINDOWS if _is_windows(document) else ():
        if mapping(value).get(key):
            yield f"Windows has no {key}: leave it out"


def _small_enough(value: Value, _: Document) -> Iterator[str]:
    """The whole in bytes, as compact as JSON can be, with room for what a deploy adds."""
    length = len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"))
    if length > LARGEST - DEPLOY_BYTES:
        yield f"has {length} bytes, and may have {LARGEST}, of which a deploy needs {DEPLOY_BYTES}"


def _containers(document: Document) -> list[Document]:
    return objects(document.get("containerDefinitions"))


def _named(document: Document, name: Value) -> Document | None:
    return next((one for one in _containers(document) if one.get("name") == name), None)


def _names_of_their_own(value: Value, _: Document) -> Iterator[str]:
    counted = Counter(str(one["name"]) for one in objects(value) if "name" in one)
    yield from (
        f"{number} containers are named {name}: give each its own" for name, number in counted.items() if number > 1
    )


def _an_essential_one(value: Value, _: Document) -> Iterator[str]:
    """The task ends with its essential containers, so it has one; a container is essential unless it says not."""
    if objects(value) and all(one.get("essential") is False for one in objects(value)):
        yield "no container is essential: leave essential out of the service's"


def _no_circle(value: Value, _: Document) -> Iterator[str]:
    """Containers that wait for each other, or one for itself, never start."""
    waits = {
        str(one.get("name")): [str(other.get("containerName")) for other in objects(one.get("dependsOn"))]
        for one in objects(value)
    }
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        yield f"{' waits for '.join(reversed(error.args[1]))} in dependsOn: none of them could start"


def _a_known_container(value: Value, document: Document) -> Iterator[str]:
    name = mapping(value).get("containerName", mapping(value).get("sourceContainer"))
    if name is not None and _named(document, name) is None:
        yield f"{name} is no container of this task"


def _an_end_that_may_come(value: Value, document: Document) -> Iterator[str]:
    """With an essential container the task ends, so nothing may wait for that."""
    name, condition = (mapping(value).get(key) for key in ("containerName", "condition"))
    found = _named(document, name)
    if condition in ("COMPLETE", "SUCCESS") and found is not None and found.get("essential") is not False:
        yield f"{name} is essential, so nothing may wait for its {condition}: write essential: false there, or START"


def _a_health_that_is_known(value: Value, document: Document) -> Iterator[str]:
    """Who waits for health asks for a health check; the image's own does not count."""
    name = mapping(value).get("containerName")
    found = _named(document, name)
    if mapping(value).get("condition") == "HEALTHY" and found is not None and not found.get("healthCheck"):
        yield f"{name} has no healthCheck to be HEALTHY by: add one there, or wait for START"


def _ports(value: Value) -> range:
    """The ports of one mapping: one, or those of its range."""
    said = str(mapping(value).get("containerPortRange") or mapping(value).get("containerPort"))
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", said)
    return range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)


def _a_port_once(value: Value, _: Document) -> Iterator[str]:
    """A container opens a port in one mapping, for one protocol."""
    counted = Counter(port for one in objects(value) for port in _ports(one))
    twice = [port for port, number in counted.items() if number > 1]
    yield from _listed(twice, "mapped more than once: keep one mapping")


def _listed(ports: list[int], words: str) -> Iterator[str]:
    """One line, for two ranges may share thousands."""
    if ports:
        yield f"{', '.join(map(str, ports[:3]))}{' …' if len(ports) > 3 else ''} {words}"


def _a_port_of_one_container(value: Value, _: Document) -> Iterator[str]:
    """The containers of a task share its network interface."""
    owners: dict[tuple[int, str], list[str]] = {}
    for one in objects(value):
        opened = {
            (port, str(item.get("protocol", "tcp")))
            for item in objects(one.get("portMappings"))
            for port in _ports(item)
        }
        for port in sorted(opened):
            owners.setdefault(port, []).append(str(one.get("name")))
    for names in sorted({tuple(names) for names in owners.values() if len(names) > 1}):
        shared = [port for (port, _), opening in owners.items() if tuple(opening) == names]
        yield from _listed(shared, f"may be open in one of {' and '.join(names)}")


def _the_same_port_outside(value: Value, _: Document) -> Iterator[str]:
    host = mapping(value).get("hostPort")
    if host and host != mapping(value).get("containerPort"):
        yield f"hostPort {host} must be the containerPort under awsvpc, or left out"


def _a_range_of_ports(value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, str):
        ports = _ports({"containerPortRange": value})
        if len(ports) < 2 or ports[0] < 1 or ports[-1] > 65_535:
            yield f"{value} is no range of ports, such as 8000-8010"


def _one_variable_once(value: Value, _: Document) -> Iterator[str]:
    names = [{str(one.get("name")) for one in objects(mapping(value).get(key))} for key in ("environment", "secrets")]
    yield from (f"{name} is in environment and in secrets: keep one" for name in sorted(names[0] & names[1]))


def _reservation(value: Value, _: Document) -> Iterator[str]:
    hard, soft = (mapping(value).get(key) for key in ("memory", "memoryReservation"))
    if isinstance(hard, int) and isinstance(soft, int) and hard < soft:
        yield f"memory {hard} may not be less than memoryReservation {soft}"


def _a_log(value: Value, _: Document) -> Iterator[str]:
    """Fargate has no driver that a container gets without asking."""
    if mapping(value).get("logDriver") is None:
        yield "has no logDriver: the container's output would be lost"


def _awslogs(value: Value, _: Document) -> Iterator[str]:
    options = mapping(mapping(value).get("options"))
    if mapping(value).get("logDriver") == "awslogs":
        yield from (f"options: {key} is missing" for key in AWSLOGS_REQUIRED if not options.get(key))
        if {"awslogs-datetime-format", "awslogs-multiline-pattern"} <= options.keys():
            yield "options: awslogs-datetime-format and awslogs-multiline-pattern do not go together: keep one"


def _firelens(value: Value, _: Document) -> Iterator[str]:
    if mapping(value).get("config-file-type") not in (None, "file"):
        yield "config-file-type must be file on Fargate"


def _health_command(value: Value, _: Document) -> Iterator[str]:
    if isinstance(value, list) and value[:1] not in (["CMD"], ["CMD-SHELL"]):
        yield "must start with CMD or CMD-SHELL"


def _a_known_volume(value: Value, document: Document) -> Iterator[str]:
    name = mapping(value).get("sourceVolume")
    if name is not None and name not in [one.get("name") for one in objects(document.get("volumes"))]:
        yield f"{name} is no volume of this task"


def _one_kind(value: Value, _: Document) -> Iterator[str]:
    kinds = sorted(key for key, said in mapping(value).items() if key != "name" and said)
    if len(kinds) > 1:
        yield f"is {' and '.join(kinds)}: keep one"


def _one_at_launch(value: Value, _: Document) -> Iterator[str]:
    names = [str(one.get("name")) for one in objects(value) if one.get("configuredAtLaunch")]
    if len(names) > 1:
        yield f"{' and '.join(names)} are configuredAtLaunch, and one volume may be"


def _the_folder_of_the_access_point(value: Value, _: Document) -> Iterator[str]:
    volume, way = mapping(value), mapping(mapping(value).get("authorizationConfig"))
    if (volume.get("accessPointArn") or way.get("accessPointId")) and volume.get("rootDirectory", "/") != "/":
        yield "rootDirectory must be / where there is an access point, or left out"


def _asked_over_tls(value: Value, _: Document) -> Iterator[str]:
    way = mapping(mapping(value).get("authorizationConfig"))
    asks = way.get("accessPointId") or way.get("iam") == "ENABLED"
    if asks and mapping(value).get("transitEncryption") != "ENABLED":
        yield "transitEncryption must be ENABLED with an accessPointId or iam"


_NOT_ON_FARGATE = partial(_absent, "on Fargate")
_NAME = partial(_form, r"[A-Za-z0-9_-]{1,255}", "1 to 255 letters, digits, underscores and hyphens")
_ENV_FILE = partial(_form, r"arn:[^:]+:s3:::.+\.env", "the ARN of an .env file in S3")
# Namespaced kernel parameters: of the container's network, or of what its processes exchange.
_SYSCTL = partial(
    _form,
    r"net\..+|fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)",
    "a kernel parameter of the container's own: net.*, fs.mqueue.* or one of kernel.msg*, kernel.sem, kernel.shm*",
)
_C = "containerDefinitions[]"
_LINUX = f"{_C}.linuxParameters"
_PORT = f"{_C}.portMappings[]"

RULES = (
    # The task.
    Rule("requiresCompatibilities", _for_fargate, f"{GUIDE}task_definition_parameters.html"),
    Rule("networkMode", _awsvpc, api("RegisterTaskDefinition")),
    Rule("family", _NAME, api("RegisterTaskDefinition")),
    # To pull from ECR, to read secrets and to write to CloudWatch Logs.
    Rule("executionRoleArn", _given, f"{GUIDE}task_execution_IAM_role.html"),
    Rule("cpu", _size, f"{GUIDE}task-cpu-memory-error.html"),
    Rule("memory", _memory_of_the_size, f"{GUIDE}task-cpu-memory-error.html"),
    Rule("cpu", partial(_holds, "cpu", cpu_units), api("ContainerDefinition")),
    Rule("memory", partial(_holds, "memory", memory_mib), api("ContainerDefinition")),
    Rule("runtimePlatform", _windows, FARGATE),
    Rule("pidMode", partial(_among, ("task",)), api("RegisterTaskDefinition")),
    Rule("ipcMode", _NOT_ON_FARGATE, FARGATE),
    Rule("placementConstraints", _NOT_ON_FARGATE, FARGATE),
    Rule("inferenceAccelerators", _NOT_ON_FARGATE, "aws/aws-cdk#13950"),
    Rule("ephemeralStorage.sizeInGiB", partial(_within, 21, 200, " GiB"), api("EphemeralStorage")),
    Rule("tags", partial(_at_most, 50 - DEPLOY_TAGS, f" beside the deploy's {DEPLOY_TAGS}"), api("Tag")),
    Rule("tags[].key", partial(_tag_text, 128), api("Tag")),
    Rule("tags[].value", partial(_tag_text, 256), api("Tag")),
    Rule("", _small_enough, "awsdocs/amazon-ecs-developer-guide#149"),
    # Its containers together.
    Rule("containerDefinitions", partial(_at_most, 10, ""), f"{GUIDE}service-quotas.html"),
    Rule("containerDefinitions", _names_of_their_own, "Shippable/support#2946"),
    Rule("containerDefinitions", _an_essential_one, api("ContainerDefinition")),
    Rule("containerDefinitions", _a_port_of_one_container, "aws/amazon-ecs-agent#1220"),
    Rule("containerDefinitions", _no_circle, "aws/copilot-cli#2421"),
    Rule(f"{_C}.dependsOn[]", _a_known_container, "eagletmt/hako#99"),
    Rule(f"{_C}.dependsOn[]", _an_end_that_may_come, "boto/boto3#2436"),
    Rule(f"{_C}.dependsOn[]", _a_health_that_is_known, api("ContainerDependency")),
    # Each container.
    Rule(f"{_C}.name", _given, "awsdocs/aws-cloudformation-user-guide#612"),
    Rule(f"{_C}.name", _NAME, api("ContainerDefinition")),
    Rule(f"{_C}.image", _given, "prefect-archive/prefect-aws#159"),
    Rule(_C, _linux_alone, api("ContainerDefinition")),
    Rule(_C, _one_variable_once, "dagster-io/dagster#11622"),
    Rule(_C, _reservation, "awsdocs/amazon-ecs-developer-guide#242"),
    Rule(f"{_C}.memory", partial(_within, 6, SIZES[16384][-1], " MiB"), api("ContainerDefinition")),
    *(Rule(f"{_C}.{key}", _NOT_ON_FARGATE, FARGATE) for key in NOT_ON_FARGATE),
    Rule(f"{_C}.hostname", partial(_absent, "under awsvpc"), api("ContainerDefinition")),
    Rule(f"{_C}.credentialSpecs", partial(_at_most, 1, ""), api("ContainerDefinition")),
    Rule(f"{_C}.startTimeout", _seconds(2, 120), api("ContainerDefinition")),
    Rule(f"{_C}.stopTimeout", _seconds(2, 120), api("ContainerDefinition")),
    Rule(f"{_C}.restartPolicy.restartAttemptPeriod", _seconds(60, 1800), api("ContainerRestartPolicy")),
    Rule(f"{_C}.restartPolicy.ignoredExitCodes", partial(_at_most, 50, ""), api("ContainerRestartPolicy")),
    Rule(f"{_C}.environmentFiles", partial(_at_most, 10, ""), api("EnvironmentFile")),
    Rule(f"{_C}.environmentFiles[].value", _ENV_FILE, api("EnvironmentFile")),
    Rule(f"{_C}.healthCheck.command", _health_command, api("HealthCheck")),
    Rule(f"{_C}.healthCheck.interval", _seconds(5, 300), api("HealthCheck")),
    Rule(f"{_C}.healthCheck.timeout", _seconds(2, 60), api("HealthCheck")),
    Rule(f"{_C}.healthCheck.retries", partial(_within, 1, 10, ""), api("HealthCheck")),
    Rule(f"{_C}.healthCheck.startPeriod", _seconds(0, 300), api("HealthCheck")),
    Rule(f"{_C}.logConfiguration", _a_log, api("LogConfiguration")),
    Rule(f"{_C}.logConfiguration.logDriver", partial(_among, LOG_DRIVERS), api("LogConfiguration")),
    Rule(f"{_C}.logConfiguration", _awslogs, api("LogConfiguration")),
    Rule(f"{_C}.firelensConfiguration.options", _firelens, api("FirelensConfiguration")),
    Rule(f"{_C}.systemControls[].namespace", _SYSCTL, api("SystemControl")),
    # FARGATE names tmpfs among these still; it is possible since January 2026 (aws/containers-roadmap#736).
    Rule(f"{_LINUX}.devices", _NOT_ON_FARGATE, api("LinuxParameters")),
    Rule(f"{_LINUX}.maxSwap", _NOT_ON_FARGATE, FARGATE),
    Rule(f"{_LINUX}.swappiness", _NOT_ON_FARGATE, FARGATE),
    Rule(f"{_LINUX}.sharedMemorySize", _NOT_ON_FARGATE, api("LinuxParameters")),
    Rule(f"{_LINUX}.capabilities.add[]", partial(_among, ("SYS_PTRACE",)), api("KernelCapabilities")),
    # Ports.
    Rule(f"{_C}.portMappings", _a_port_once, api("PortMapping")),
    Rule(_PORT, _the_same_port_outside, api("PortMapping")),
    Rule(f"{_PORT}.containerPort", partial(_within, 1, 65_535, ""), api("PortMapping")),
    Rule(f"{_PORT}.containerPortRange", _a_range_of_ports, api("PortMapping")),
    Rule(
        f"{_PORT}.name",
        partial(_form, r"[a-z0-9_][a-z0-9_-]{0,63}", "1 to 64 lowercase letters, digits, _ and -, and no - first"),
        api("PortMapping"),
    ),
    # Volumes.
    Rule("volumes[].name", _NAME, api("Volume")),
    Rule("volumes[]", _one_kind, api("Volume")),
    Rule("volumes", _one_at_launch, api("Volume")),
    Rule("volumes[].host.sourcePath", _NOT_ON_FARGATE, api("HostVolumeProperties")),
    Rule("volumes[].dockerVolumeConfiguration", _NOT_ON_FARGATE, FARGATE),
    Rule("volumes[].fsxWindowsFileServerVolumeConfiguration", _NOT_ON_FARGATE, "aws/containers-roadmap#1654"),
    Rule("volumes[].efsVolumeConfiguration", _the_folder_of_the_access_point, api("EFSAuthorizationConfig")),
    Rule("volumes[].efsVolumeConfiguration", _asked_over_tls, api("EFSAuthorizationConfig")),
    Rule("volumes[].s3filesVolumeConfiguration", _the_folder_of_the_access_point, api("S3FilesVolumeConfiguration")),
    Rule(f"{_C}.mountPoints[]", _a_known_volume, api("MountPoint")),
    Rule(f"{_C}.volumesFrom[]", _a_known_container, api("VolumeFrom")),
)
