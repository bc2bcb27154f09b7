"""One content, many spellings: what must be equal, and what must not be."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from gitops.ecs_answers import task_definition
from gitops.taskdefs.documents import Document
from gitops.taskdefs.normalize import content_hash, normalize
from gitops.taskdefs.render import with_image

IMAGE = "127.0.0.1:5300/fairweather/app:0123abc@sha256:" + "a" * 64


def changed(document: Document, **keys: Any) -> Document:
    """The same with keys of its first container set."""
    containers = copy.deepcopy(document["containerDefinitions"])
    containers[0] |= keys
    return {**document, "containerDefinitions": containers}


@pytest.mark.parametrize(
    "extra",
    [
        {"revision": 7, "status": "ACTIVE", "registeredAt": "now", "deleteRequestedAt": "later"},
        {"a-key-that-ecs-adds-next-year": {"x": 1}},
        {"taskDefinitionArn": "arn", "compatibilities": ["EC2", "FARGATE"], "requiresAttributes": [{"name": "x"}]},
        {"volumes": [], "placementConstraints": [], "pidMode": None},
        {"pidMode": "", "ipcMode": ""},
        {"cpu": "0.25 vCPU"},
        {"cpu": 256},
        {"memory": "0.5 GB"},
        {"enableFaultInjection": False},
    ],
)
def test_what_ecs_adds_to_a_task_changes_nothing(document: Document, extra: Document) -> None:
    assert content_hash({**document, **extra}) == content_hash(document)


@pytest.mark.parametrize(
    "extra",
    [
        {"cpu": 0, "essential": True, "versionConsistency": "enabled"},
        {"mountPoints": [], "volumesFrom": [], "systemControls": [], "dockerLabels": {}, "user": None},
        {"portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]},
        {"portMappings": [{"containerPort": 8080, "hostPort": 0}]},
        {"workingDirectory": ""},
        {"linuxParameters": {"devices": [], "tmpfs": []}},
    ],
)
def test_what_ecs_adds_to_a_container_changes_nothing(document: Document, extra: Document) -> None:
    assert content_hash(changed(document, **extra)) == content_hash(document)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, "environment"),
        ({"ulimits": [{"name": n, "softLimit": 1, "hardLimit": 1} for n in ("nofile", "core")]}, "ulimits"),
        ({"dependsOn": [{"containerName": n, "condition": "START"} for n in ("a", "b")]}, "dependsOn"),
        ({"mountPoints": [{"sourceVolume": n, "containerPath": n} for n in ("a", "b")]}, "mountPoints"),
        ({"portMappings": [{"containerPort": port} for port in (80, 443)]}, "portMappings"),
    ],
)
def test_the_order_of_a_set_changes_nothing(document: Document, one: Document, other: str) -> None:
    turned = {other: list(reversed(one[other]))}
    assert content_hash(changed(document, **one)) == content_hash(changed(document, **turned))


def test_the_order_of_containers_changes_nothing_even_where_ecs_fills_in_a_port(document: Document) -> None:
    app = document["containerDefinitions"][0]
    twin = {**app, "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp", "name": "a"}]}
    short = {**app, "portMappings": [{"containerPort": 8080, "name": "a"}]}
    one = {**document, "containerDefinitions": [twin, app]}
    other = {**document, "containerDefinitions": [app, short]}
    assert content_hash(one) == content_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"command": ["a", ""]}, {"command": ["a"]}),
        ({"command": ["a", "b"]}, {"command": ["b", "a"]}),
        ({"entryPoint": ["a", "b"]}, {"entryPoint": ["b", "a"]}),
        ({"environment": [{"name": "A", "value": ""}]}, {"environment": [{"name": "A"}]}),
        ({"environment": [{"name": "A", "value": ""}]}, {"environment": []}),
        (
            {"environmentFiles": [{"value": v, "type": "s3"} for v in "ab"]},
            {"environmentFiles": [{"value": v, "type": "s3"} for v in "ba"]},
        ),
        ({"essential": False}, {}),
        ({"image": IMAGE}, {"image": IMAGE.replace("5300", "5301")}),
        ({"image": IMAGE}, {"image": IMAGE.partition("@")[0]}),
        ({"healthCheck": {"command": ["CMD", "true"], "interval": 30}}, {"healthCheck": {"command": ["CMD", "a"]}}),
        ({"portMappings": [{"containerPort": 53, "protocol": "udp"}]}, {"portMappings": [{"containerPort": 53}]}),
        ({"dockerLabels": {"a": ""}}, {}),
    ],
)
def test_what_differs_differs(document: Document, one: Document, other: Document) -> None:
    assert content_hash(changed(document, **one)) != content_hash(changed(document, **other))


def test_health_check_defaults(document: Document) -> None:
    short = changed(document, healthCheck={"command": ["CMD", "true"]})
    long = changed(document, healthCheck={"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3})
    assert content_hash(short) == content_hash(long)


def test_empty_strings_survive(document: Document) -> None:
    normal = normalize(changed(document, command=["", "a"], environment=[{"name": "A", "value": ""}]))
    container = normal["containerDefinitions"][0]
    assert container["command"] == ["", "a"]
    assert container["environment"] == [{"name": "A", "value": ""}]


def test_tags_are_part_of_it_and_come_from_beside_the_description(document: Document) -> None:
    tags = [{"key": "B", "value": ""}, {"key": "A", "value": "1"}]
    response = {"taskDefinition": {**document, "revision": 3}, "tags": list(reversed(tags))}
    assert content_hash(task_definition(response).document) == content_hash({**document, "tags": tags})
    assert content_hash(task_definition({"taskDefinition": document}).document) != content_hash(
        {**document, "tags": tags}
    )


def test_the_hash_is_that_of_the_content_alone(document: Document) -> None:
    before = copy.deepcopy(document)
    digest = content_hash(document)
    assert document == before
    assert digest == content_hash(json.loads(json.dumps(document)))
    assert len(digest) == 64


def test_the_image_is_filled_in_as_it_stands_and_only_in_the_placeholder(document: Document) -> None:
    sidecar = {"name": "proxy", "image": "proxy:5000/envoy:1.2@sha256:" + "b" * 64}
    rendered = {**document, "containerDefinitions": [*document["containerDefinitions"], sidecar]}
    filled = with_image(rendered, IMAGE)
    assert [container["image"] for container in filled["containerDefinitions"]] == [IMAGE, sidecar["image"]]
    assert rendered["containerDefinitions"][0]["image"] == "${image}"
