"""Each mistake that is found offline, with its place; and all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gitops.review.risks import task_definition_risks
from gitops.taskdefs.documents import Document
from gitops.taskdefs.fargate import cpu_units, memory_mib
from gitops.taskdefs.validate import validate

APP = "containerDefinitions[app]"


def problems(document: Document) -> list[str]:
    return [str(problem) for problem in validate(document, "app-staging", "app")]


def test_a_good_one_has_none(document: Document) -> None:
    assert problems(document) == []


TASK_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"cpus": "256"}, "cpus: unknown key"),
    ({"cpu": 256}, "cpu: is int, must be str"),
    ({"memory": None}, "memory: is null: leave the key out"),
    ({"networkMode": "awsvpcc"}, 'networkMode: "awsvpcc" is none of bridge, host, awsvpc, none'),
    ({"family": "app"}, "family: must be app-staging"),
    ({"taskRoleArn": ""}, "taskRoleArn: is missing"),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, "volumes: v stands here twice"),
    (
        {"executionRoleArn": "arn:${acount}"},
        "executionRoleArn: ${acount} is no variable of this environment (a literal is written ${!acount})",
    ),
    ({"executionRoleArn": "arn:${account"}, "executionRoleArn: a ${ has no closing brace"),
    ({"taskRoleArn": "${image}"}, "taskRoleArn: ${image} may only be the whole image of a container"),
    ({"tags": [{"key": "A", "value": "1"}, {"key": "A", "value": "2"}]}, "tags: A stands here twice"),
    ({"containerDefinitions": []}, "containerDefinitions: no container is named app"),
    ({"containerDefinitions": "app"}, "containerDefinitions: is str, must be list or tuple"),
    # What AWS says, in the words and at the place that a person reads; test_rules.py has them all.
    ({"cpu": "300"}, "cpu: 300 is no Fargate size (there are 256, 512, 1024, 2048, 4096, 8192, 16384)"),
    ({"memory": "99999"}, "memory: 99999 does not go with cpu 256 on Fargate (MiB: 512, 1024, 2048)"),
    (
        {"cpu": "8 vCPU", "memory": "17408"},
        "memory: 17408 does not go with cpu 8 vCPU on Fargate (MiB: 16384 to 61440 by 4096)",
    ),
    (
        {"containerDefinitions": [{"name": "app", "image": "${image}", "cpu": 512}]},
        "cpu: the containers ask for 512, the task has 256",
    ),
    (
        {"volumes": [{"name": "v", "host": {"sourcePath": "/"}}]},
        "volumes[v].host.sourcePath: is not possible on Fargate: leave it out",
    ),
    (
        {"containerDefinitions": [{"name": name, "portMappings": [{"containerPort": 80}]} for name in ("app", "b")]},
        "containerDefinitions: 80 may be open in one of app and b",
    ),
    (
        {
            "containerDefinitions": [
                {"name": "app", "dependsOn": [{"containerName": "b", "condition": "START"}]},
                {"name": "b", "dependsOn": [{"containerName": "app", "condition": "START"}]},
            ]
        },
        "containerDefinitions: app waits for b waits for app in dependsOn: none of them could start",
    ),
]


@pytest.mark.parametrize(("change", "line"), TASK_MISTAKES)
def test_mistakes_of_a_task(document: Document, change: dict[str, Any], line: str) -> None:
    assert line in problems({**document, **change})


CONTAINER_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"memry": 1}, ".memry: unknown key"),
    ({"essential": "true"}, ".essential: is str, must be bool"),
    ({"stopTimeout": True}, ".stopTimeout: is bool, must be int"),
    ({"environment": [{"name": "A", "value": 1}]}, ".environment[A].value: is int, must be str"),
    ({"environment": [{"name": "A"}, {"name": "A"}]}, ".environment: A stands here twice"),
    ({"secrets": [{"name": "KEY"}]}, ".secrets[KEY].valueFrom: is missing"),
    ({"image": "nginx"}, ".image: must be ${image}, which the deploy fills with the commit's image"),
    ({"image": "${image}:latest"}, ".image: ${image} may only be the whole image of a container"),
    ({"essential": False}, ".essential: must be true: the task is this container"),
    ({"dockerLabels": {"${region}": ""}}, ".dockerLabels.${region}: a variable cannot stand in a key"),
    (
        {"portMappings": [{"containerPort": 1, "protocol": "TCP"}]},
        '.portMappings[1].protocol: "TCP" is none of tcp, udp',
    ),
    # What AWS says.
    ({"environment": [{"name": "KEY", "value": "1"}]}, ": KEY is in environment and in secrets: keep one"),
    ({"privileged": True}, ".privileged: is not possible on Fargate: leave it out"),
    ({"stopTimeout": 121}, ".stopTimeout: 121 is not within 2 to 120 seconds"),
    (
        {"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}},
        ".linuxParameters.capabilities.add[0]: NET_ADMIN is not possible on Fargate (only SYS_PTRACE)",
    ),
    (
        {"logConfiguration": {"logDriver": "json-file"}},
        ".logConfiguration.logDriver: json-file is not possible on Fargate (only awslogs, splunk, awsfirelens)",
    ),
    ({"logConfiguration": {"logDriver": "awslogs"}}, ".logConfiguration: options: awslogs-group is missing"),
    (
        {"portMappings": [{"containerPortRange": "80-90"}, {"containerPortRange": "85-95"}]},
        ".portMappings: 85, 86, 87 … mapped more than once: keep one mapping",
    ),
]


@pytest.mark.parametrize(("change", "line"), CONTAINER_MISTAKES)
def test_mistakes_of_a_container(document: Document, change: dict[str, Any], line: str) -> None:
    container = {**document["containerDefinitions"][0], **change}
    assert f"{APP}{line}" in problems({**document, "containerDefinitions": [container]})


def test_one_volume_may_be_mounted_twice_but_not_two_at_one_path(document: Document) -> None:
    document["volumes"] = [{"name": "v"}]
    app = document["containerDefinitions"][0]
    app["mountPoints"] = [{"sourceVolume": "v", "containerPath": path} for path in ("/a", "/b")]
    assert problems(document) == []
    app["mountPoints"][1]["containerPath"] = "/a"
    assert problems(document) == [f"{APP}.mountPoints: /a stands here twice"]


def test_all_at_once_and_in_order(document: Document) -> None:
    document |= {"cpus": "1", "networkMode": "host", "family": "x"}
    assert problems(document) == [
        "cpus: unknown key",
        "family: must be app-staging",
        "networkMode: must be awsvpc on Fargate",
    ]


def replaced(value: Any, new: Any) -> Iterator[Any]:
    """The value with each thing in it replaced, one at a time."""
    yield new
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from ({**value, key: one} for one in replaced(item, new))
    for number, item in enumerate(value) if isinstance(value, list) else ():
        yield from ([*value[:number], one, *value[number + 1 :]] for one in replaced(item, new))


@pytest.mark.parametrize("new", [None, True, -1, 1.5, "", "1-2", [], [[1]], [{"name": {}}], {}, {"name": ["x"]}])
def test_nothing_that_json_holds_breaks_the_checks_or_the_review(document: Document, new: Any) -> None:
    document["containerDefinitions"][0] |= {
        "dependsOn": [{"containerName": "a", "condition": "HEALTHY"}],
        "environmentFiles": [{"type": "s3", "value": "x"}],
        "healthCheck": {"command": ["CMD"], "interval": 30},
        "linuxParameters": {"capabilities": {"add": ["x"], "drop": ["ALL"]}},
        "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
        "volumesFrom": [{"sourceContainer": "a"}],
    }
    document |= {"tags": [{"key": "a"}], "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}
    for broken in replaced(document, new):
        if isinstance(broken, dict):
            assert problems(broken)
            task_definition_risks(document, broken)
            task_definition_risks(broken, document)


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (cpu_units, {"256": 256, "0.25 vCPU": 256, "1vcpu": 1024, "16 vCPU": 16384}),
        (cpu_units, dict.fromkeys((".25 vCPU", "0.5", "x"))),
        (memory_mib, {"512": 512, "0.5 GB": 512, "1GB": 1024, "120 gb": 122880, "": None}),
    ],
)
def test_sizes_are_read_in_both_units(read: Callable[[str], int | None], texts: dict[str, int | None]) -> None:
    assert {text: read(text) for text in texts} == texts
