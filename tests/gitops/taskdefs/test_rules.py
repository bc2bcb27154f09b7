"""Each rule of AWS's with what it accepts and what it refuses: a rule without examples fails."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from gitops.deploy.revisions import KEYS
from gitops.taskdefs import rules
from gitops.taskdefs.documents import Document
from gitops.taskdefs.fargate import SIZES
from gitops.taskdefs.rules import RULES, Rule
from gitops.taskdefs.validate import register_input

CHECK = {"command": ["CMD", "true"]}
AGENT = {"name": "agent", "image": "agent:1", "logConfiguration": {"logDriver": "splunk"}}


def task(*others: dict[str, Any], **keys: Any) -> Document:
    """Containers beside the service's own, which has some keys set."""
    return {"containerDefinitions": [keys, *({**AGENT, **one} for one in others)]}


def waits(condition: str, name: str = "agent") -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition}]


EFS, S3FILES = "efsVolumeConfiguration", "s3filesVolumeConfiguration"
POINT = {"accessPointArn": "arn:x", "authorizationConfig": {"accessPointId": "fsap-1"}}


def efs(**way: Any) -> Document:
    return {"volumes": [{"name": "v", EFS: {"fileSystemId": "fs-1", **way}}]}


def ports(*numbers: int) -> dict[str, Any]:
    return {"portMappings": [{"containerPort": number} for number in numbers]}


def logs(**options: str) -> Document:
    return task(logConfiguration={"logDriver": "awslogs", "options": options})


LOGS = {"awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}
ENVIRONMENT = [{"name": "A", "value": "1"}]
NO_LOG: list[Document | None] = [None, {}]
WINDOWS = "WINDOWS_SERVER_2022_CORE"
# Of a rule by its function's name: what is set in a good task definition, accepted and refused.
EXAMPLES: dict[str, tuple[list[Document], list[Document]]] = {
    "_for_fargate": (
        [{"requiresCompatibilities": ["EC2", "FARGATE"]}],
        [{"requiresCompatibilities": None}, {"requiresCompatibilities": ["EC2"]}],
    ),
    "_awsvpc": ([{}], [{"networkMode": one} for one in (None, "bridge", "host")]),
    "_size": ([{"cpu": "1 vCPU", "memory": "2 GB"}], [{"cpu": one} for one in (None, "300", ".25 vCPU", 256)]),
    "_memory_of_the_size": (
        [{"cpu": str(cpu), "memory": str(memory)} for cpu, every in SIZES.items() for memory in every],
        [{"cpu": str(cpu), "memory": str(every[0] - 1)} for cpu, every in SIZES.items()]
        + [{"memory": "99999"}, {"cpu": "8 vCPU", "memory": "17408"}],
    ),
    "_holds": (
        [task({"cpu": 128, "memory": 256}, cpu=128, memory=256)],
        [task({"cpu": 129, "memory": 257}, cpu=128, memory=256)],
    ),
    "_windows": (
        [{"cpu": "1024", "memory": "2048", "runtimePlatform": {"operatingSystemFamily": WINDOWS}}],
        [
            {"runtimePlatform": {"operatingSystemFamily": WINDOWS}},
            {"cpu": "1024", "runtimePlatform": {"operatingSystemFamily": WINDOWS, "cpuArchitecture": "ARM64"}},
        ],
    ),
    "_linux_alone": (
        [task(user="1", readonlyRootFilesystem=True)],
        [{**task(user="1"), "runtimePlatform": {"operatingSystemFamily": WINDOWS}}],
    ),
    "_small_enough": ([task(command=["x" * 60_000])], [task(command=["x" * 61_000]), task(command=["é" * 31_000])]),
    "_names_of_their_own": ([task({})], [task({}, {}), task({"name": "app"})]),
    "_an_essential_one": ([task({"essential": False})], [task({"essential": False}, essential=False)]),
    "_a_port_of_one_container": (
        [task(ports(9000)), task({"portMappings": [{"containerPort": 8080, "protocol": "udp"}]})],
        [task(ports(9000), ports(9000)), task({"portMappings": [{"containerPortRange": "8000-8100"}]})],
    ),
    "_no_circle": (
        [task({}, dependsOn=waits("START"))],
        [task({"dependsOn": waits("START", "app")}, dependsOn=waits("START")), task(dependsOn=waits("START", "app"))],
    ),
    "_a_known_container": (
        [task({"volumesFrom": [{"sourceContainer": "app"}]}, dependsOn=waits("START"))],
        [task(dependsOn=waits("START"), volumesFrom=[{"sourceContainer": "agent"}])],
    ),
    "_an_end_that_may_come": (
        [task({"essential": False}, dependsOn=waits(one)) for one in ("COMPLETE", "SUCCESS")],
        [task({}, dependsOn=waits("COMPLETE")), task({"essential": True}, dependsOn=waits("SUCCESS"))],
    ),
    "_a_health_that_is_known": (
        [task({"healthCheck": CHECK}, dependsOn=waits("HEALTHY"))],
        [task({}, dependsOn=waits("HEALTHY"))],
    ),
    "_one_variable_once": ([task(environment=ENVIRONMENT)], [task(environment=[{"name": "KEY", "value": "1"}])]),
    "_reservation": (
        [task(memory=256, memoryReservation=256), task(memoryReservation=256)],
        [task(memory=255, memoryReservation=256)],
    ),
    "_a_log": ([task()], [task(logConfiguration=one) for one in NO_LOG]),
    "_awslogs": (
        [logs(**LOGS), task(logConfiguration={"logDriver": "splunk"})],
        [logs(**{**LOGS, key: ""}) for key in LOGS]
        + [logs(**LOGS, **{"awslogs-datetime-format": "a", "awslogs-multiline-pattern": "b"})],
    ),
    "_firelens": (
        [task(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "file"}})],
        [task(firelensConfiguration={"type": "fluentbit", "options": {"config-file-type": "s3"}})],
    ),
    "_health_command": (
        [task(healthCheck={"command": [one, "true"]}) for one in ("CMD", "CMD-SHELL")],
        [task(healthCheck={"command": ["curl"]})],
    ),
    "_a_port_once": (
        [task(**ports(80, 443))],
        [
            task(**ports(80, 80)),
            # For one protocol: seen as terraform-aws-modules/terraform-aws-ecs#89.
            task(portMappings=[{"containerPort": 53, "protocol": one} for one in ("tcp", "udp")]),
            task(portMappings=[{"containerPort": 80}, {"containerPortRange": "70-90"}]),
        ],
    ),
    "_the_same_port_outside": (
        [task(portMappings=[{"containerPort": 80, "hostPort": one}]) for one in (None, 0, 80)],
        [task(portMappings=[{"containerPort": 8080, "hostPort": 80}])],
    ),
    "_a_range_of_ports": (
        [task(portMappings=[{"containerPortRange": "1-65535"}])],
        [
            task(portMappings=[{"containerPortRange": one}])
            for one in ("80", "90-80", "80-80", "0-9", "65535-65536", "a-b", "1-9999999999")
        ],
    ),
    "_a_known_volume": (
        [{**task(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}]), "volumes": [{"name": "v"}]}],
        [task(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])],
    ),
    "_one_kind": (
        [efs(), {"volumes": [{"name": "v"}, {"name": "w", "host": {}}, {"name": "x", "configuredAtLaunch": True}]}],
        [{"volumes": [{"name": "v", "configuredAtLaunch": True, "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}],
    ),
    "_one_at_launch": (
        [{"volumes": [{"name": "v", "configuredAtLaunch": True}]}],
        [{"volumes": [{"name": name, "configuredAtLaunch": True} for name in "vw"]}],
    ),
    "_the_folder_of_the_access_point": (
        [efs(rootDirectory="/x"), efs(transitEncryption="ENABLED", authorizationConfig={"accessPointId": "fsap-1"})],
        [
            {"volumes": [{"name": "v", kind: {"rootDirectory": "/x", **POINT}} for kind in (EFS, S3FILES)]},
        ],
    ),
    "_asked_over_tls": (
        [efs(transitEncryption="ENABLED", authorizationConfig={"iam": "ENABLED"})],
        [efs(authorizationConfig=one) for one in ({"iam": "ENABLED"}, {"accessPointId": "fsap-1"})],
    ),
}
FORMS = {
    "family": (["app-staging_1", "a" * 255], ["", "a b", "a" * 256]),
    "containerDefinitions[].name": (["app"], ["", "a.b"]),
    "containerDefinitions[].environmentFiles[].value": (
        ["arn:aws:s3:::bucket/folder/a.env", "arn:aws-cn:s3:::bucket/a.env"],
        ["s3://bucket/a.env", "arn:aws:s3:::bucket/a.txt"],
    ),
    "containerDefinitions[].systemControls[].namespace": (
        ["net.core.somaxconn", "kernel.shmmax", "fs.mqueue.msg_max"],
        ["vm.swappiness", "kernel.panic"],
    ),
    "containerDefinitions[].portMappings[].name": (["http", "a_1-b", "a" * 64], ["HTTP", "-a", "a" * 65]),
    "volumes[].name": (["data-1"], ["data 1"]),
}


def put(value: Any, steps: list[str], new: Any) -> Any:
    """A document with a value at a rule's place, in the first element of each list on the way."""
    if not steps:
        return new
    key, held = steps[0].removesuffix("[]"), value if isinstance(value, dict) else {}
    if steps[0] == key:
        return {**held, key: put(held.get(key), steps[1:], new)}
    first, *rest = held.get(key) or [{}]
    return {**held, key: [put(first, steps[1:], new), *rest]}


def examples(rule: Rule, document: Document) -> tuple[list[Document], list[Document]]:
    """Task definitions that a rule accepts and refuses: by its kind, else from the tables above."""
    accepted: list[Any]
    refused: list[Any]
    name, given = (rule.says.func.__name__, rule.says.args) if isinstance(rule.says, partial) else (function(rule), ())
    match name, given:
        case "_given", _:
            accepted, refused = ["x"], [None, ""]
        case "_absent", _:
            accepted, refused = [None, False, [], {}, 0], [True, ["x"], {"x": 1}, 64, "x"]
        case "_within", (int(least), int(most), _):
            accepted, refused = [None, least, most], [least - 1, most + 1]
        case "_at_most", (int(number), _):
            accepted, refused = [None, [{}] * number], [[{}] * (number + 1)]
        case "_among", (tuple(words),):
            accepted, refused = list(words), ["other"]
        case "_tag_text", (int(longest),):
            accepted, refused = ["a" * longest, "Größe 1 _.:/=+-@", "laws:x"], ["a" * (longest + 1), "AWS:x", "a*b"]
        case "_form", _:
            accepted, refused = FORMS[rule.at]
        case _:
            accepted, refused = EXAMPLES[name]
            return [changed(document, one) for one in accepted], [changed(document, one) for one in refused]
    steps = rule.at.split(".")
    return [put(document, steps, one) for one in accepted], [put(document, steps, one) for one in refused]


def function(rule: Rule) -> str:
    return str(getattr(rule.says, "__name__", ""))


def changed(document: Document, change: Document) -> Document:
    """The document with a change; the first of the containers that it names is the service's with some keys set."""
    containers = change.get("containerDefinitions")
    if containers is None:
        return {**document, **change}
    first = {**document["containerDefinitions"][0], **containers[0]}
    return {**document, **change, "containerDefinitions": [first, *containers[1:]]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.at)
def test_a_rule_accepts_and_refuses_its_examples(document: Document, rule: Rule) -> None:
    accepted, refused = examples(rule, document)
    assert [list(rule.problems(one)) for one in accepted] == [[]] * len(accepted)
    keys = [step.removesuffix("[]") for step in rule.at.split(".") if step]
    for one in refused:
        found = list(rule.problems(one))
        assert found, one
        assert [step for step in found[0].place if not step.startswith("[")] == keys
    assert accepted
    assert refused


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_rule_accepts_the_others_do_too(document: Document, name: str) -> None:
    accepted, _ = EXAMPLES[name]
    assert [rules.problems(changed(document, one)) for one in accepted] == [[]] * len(accepted)


def bounds(rule: Rule) -> tuple[Any, ...]:
    """The numbers or words that a rule allows; none of another kind of rule."""
    name, given = (rule.says.func.__name__, rule.says.args) if isinstance(rule.says, partial) else ("", ())
    return given[:2] if name == "_within" else given[0] if name == "_among" else ()


# Of a port AWS says it beside a range of them, and the most memory is that of the largest task.
ELSEWHERE = {
    "containerDefinitions[].portMappings[].containerPort": {1, 65_535},
    "containerDefinitions[].memory": {122_880},
}


@pytest.mark.parametrize("rule", [one for one in RULES if bounds(one)], ids=lambda rule: rule.at)
def test_the_bounds_are_those_in_the_words_of_the_service_model(rule: Rule) -> None:
    shape: Any = register_input()
    for step in rule.at.split("."):
        shape = shape.members[step.removesuffix("[]")]
        said, shape = shape.documentation, shape.member if step.endswith("[]") else shape
    unsaid = {one for one in bounds(rule) if not re.search(rf"\b{one}\b", said)}
    assert unsaid == ELSEWHERE.get(rule.at, set())


def test_every_rule_has_a_source() -> None:
    page = r"https://docs\.aws\.amazon\.com/AmazonECS/latest/(developerguide/[\w-]+|APIReference/API_\w+)\.html"
    assert [one for one in RULES if not re.fullmatch(rf"{page}|[\w.-]+/[\w.-]+#\d+", one.source)] == []


def test_there_is_room_for_what_the_deploy_adds() -> None:
    assert len(KEYS) <= rules.DEPLOY_TAGS
