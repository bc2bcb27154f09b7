"""Each mistake that is found offline, with its place; and all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops.taskdefs.documents import Document
from gitops.taskdefs.fargate import SIZES, cpu_units, fargate_problems, memory_mib
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
    ({"networkMode": "bridge"}, "networkMode: must be awsvpc on Fargate"),
    ({"requiresCompatibilities": ["EC2"]}, "requiresCompatibilities: must hold FARGATE"),
    ({"family": "app"}, "family: must be app-staging"),
    ({"cpu": "300"}, "cpu: 300 is no Fargate size (there are 256, 512, 1024, 2048, 4096, 8192, 16384)"),
    ({"memory": "99999"}, "memory: 99999 does not go with cpu 256 on Fargate (MiB: 512, 1024, 2048)"),
    (
        {"cpu": "8 vCPU", "memory": "17408"},
        "memory: 17408 does not go with cpu 8 vCPU on Fargate (MiB: 16384 to 61440 by 4096)",
    ),
    ({"taskRoleArn": ""}, "taskRoleArn: is missing"),
    ({"pidMode": "host"}, "pidMode: host is not possible on Fargate"),
    ({"placementConstraints": [{"type": "memberOf"}]}, "placementConstraints: is not possible on Fargate"),
    (
        {"volumes": [{"name": "v", "host": {"sourcePath": "/"}}]},
        "volumes[v].host.sourcePath: is not possible on Fargate",
    ),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, "volumes: v stands here twice"),
    ({"executionRoleArn": "arn:${acount}"}, "executionRoleArn: ${acount} is no variable of this environment"),
    ({"executionRoleArn": "arn:${account"}, "executionRoleArn: a ${ has no closing brace"),
    ({"taskRoleArn": "${image}"}, "taskRoleArn: ${image} may only be the whole image of a container"),
    ({"tags": [{"key": "A", "value": "1"}, {"key": "A", "value": "2"}]}, "tags: A stands here twice"),
    (
        {"containerDefinitions": [{"name": "app", "image": "${image}", "cpu": 512}]},
        "cpu: the containers ask for 512, the task has 256",
    ),
    ({"containerDefinitions": []}, "containerDefinitions: no container is named app"),
    ({"containerDefinitions": "app"}, "containerDefinitions: is str, must be list or tuple"),
]


@pytest.mark.parametrize(("change", "line"), TASK_MISTAKES)
def test_mistakes_of_a_task(document: Document, change: dict[str, Any], line: str) -> None:
    assert line in problems({**document, **change})


CONTAINER_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"memry": 1}, "memry: unknown key"),
    ({"essential": "true"}, "essential: is str, must be bool"),
    ({"stopTimeout": True}, "stopTimeout: is bool, must be int"),
    ({"environment": [{"name": "A", "value": 1}]}, "environment[A].value: is int, must be str"),
    ({"environment": [{"name": "KEY", "value": "1"}]}, "secrets: KEY is in environment too: ECS refuses both"),
    ({"environment": [{"name": "A"}, {"name": "A"}]}, "environment: A stands here twice"),
    ({"secrets": [{"name": "KEY"}]}, "secrets[KEY].valueFrom: is missing"),
    ({"image": "nginx"}, "image: must be ${image}, which the deploy fills with the commit's image"),
    ({"image": "${image}:latest"}, "image: ${image} may only be the whole image of a container"),
    ({"essential": False}, "essential: must be true: the task is this container"),
    ({"dockerLabels": {"${region}": ""}}, "dockerLabels.${region}: a variable cannot stand in a key"),
    (
        {"portMappings": [{"containerPort": 8080, "hostPort": 80}]},
        "portMappings[8080].hostPort: 80 must be the containerPort under awsvpc",
    ),
    (
        {"portMappings": [{"containerPort": 1, "protocol": "TCP"}]},
        'portMappings[1].protocol: "TCP" is none of tcp, udp',
    ),
    ({"portMappings": [{"containerPort": 1}, {"containerPort": 1}]}, "portMappings: 1/tcp stands here twice"),
    ({"privileged": True}, "privileged: is not possible on Fargate"),
    ({"links": ["a"]}, "links: is not possible on Fargate"),
    ({"stopTimeout": 121}, "stopTimeout: 121 is not within 2 to 120 seconds"),
    (
        {"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}},
        "linuxParameters.capabilities.add: NET_ADMIN is not possible on Fargate (only SYS_PTRACE)",
    ),
    ({"linuxParameters": {"sharedMemorySize": 64}}, "linuxParameters.sharedMemorySize: is not possible on Fargate"),
    ({"logConfiguration": {}}, "logConfiguration: has no logDriver: the container's output would be lost"),
    (
        {"logConfiguration": {"logDriver": "json-file"}},
        "logConfiguration.logDriver: json-file is not possible on Fargate (awslogs, splunk, awsfirelens are)",
    ),
    ({"logConfiguration": {"logDriver": "awslogs"}}, "logConfiguration.options: awslogs-group is missing"),
    ({"healthCheck": {"command": ["curl"]}}, "healthCheck.command: must start with CMD or CMD-SHELL"),
    ({"healthCheck": {"command": ["CMD", "true"], "interval": 1}}, "healthCheck.interval: 1 is not within 5 to 300"),
    ({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}, "mountPoints: v is no volume of this task"),
    ({"dependsOn": [{"containerName": "b", "condition": "START"}]}, "dependsOn: b is no container of this task"),
]


@pytest.mark.parametrize(("change", "line"), CONTAINER_MISTAKES)
def test_mistakes_of_a_container(document: Document, change: dict[str, Any], line: str) -> None:
    container = {**document["containerDefinitions"][0], **change}
    assert f"{APP}.{line}" in problems({**document, "containerDefinitions": [container]})


def test_one_volume_may_be_mounted_twice_but_not_two_at_one_path(document: Document) -> None:
    document["volumes"] = [{"name": "v"}]
    app = document["containerDefinitions"][0]
    app["mountPoints"] = [{"sourceVolume": "v", "containerPath": path} for path in ("/a", "/b")]
    assert problems(document) == []
    app["mountPoints"][1]["containerPath"] = "/a"
    assert problems(document) == [f"{APP}.mountPoints: /a stands here twice"]


def test_tcp_and_udp_may_share_a_port(document: Document) -> None:
    ports = [{"containerPort": 53}, {"containerPort": 53, "protocol": "udp"}]
    document["containerDefinitions"][0]["portMappings"] = ports
    assert problems(document) == []


def test_all_at_once_and_in_order(document: Document) -> None:
    document |= {"cpus": "1", "networkMode": "host", "family": "x"}
    assert problems(document) == [
        "cpus: unknown key",
        "family: must be app-staging",
        "networkMode: must be awsvpc on Fargate",
    ]


@pytest.mark.parametrize("broken", [{}, {"containerDefinitions": [1, None, {"environment": {"A": 1}}]}, {"volumes": 3}])
def test_nothing_that_json_holds_breaks_the_checks(broken: Document) -> None:
    assert problems(broken)


@pytest.mark.parametrize("cpu", SIZES)
def test_every_pair_that_fargate_has(document: Document, cpu: int) -> None:
    for memory in SIZES[cpu]:
        assert fargate_problems({**document, "cpu": str(cpu), "memory": str(memory)}) == []
    assert fargate_problems({**document, "cpu": str(cpu), "memory": str(SIZES[cpu][0] - 1)})


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
