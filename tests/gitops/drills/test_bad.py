from __future__ import annotations

from typing import Any

import pytest

from gitops.drills.bad import COMMAND, EXIT_CODE, SAYS, doomed
from gitops.errors import GitopsError
from gitops.taskdefs.model import shape_problems

LIVE: dict[str, Any] = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-2:111111111111:task-definition/app-staging:7",
    "revision": 7,
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "x"}],
    "compatibilities": ["FARGATE"],
    "registeredBy": "arn:aws:iam::111111111111:role/deploy",
    "family": "app-staging",
    "cpu": "256",
    "memory": "512",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "executionRoleArn": "arn:aws:iam::111111111111:role/app-staging-execution",
    "containerDefinitions": [
        {"name": "app", "image": "i@sha256:1", "command": ["serve"], "entryPoint": ["sh"], "environment": []},
        {"name": "sidecar", "image": "s", "command": ["watch"]},
    ],
}
TAGS = [
    {"key": "Project", "value": "demo"},
    {"key": "Commit", "value": "c" * 40},
    {"key": "ContentHash", "value": "h"},
]


def test_it_is_the_live_one_apart_from_its_program_and_family() -> None:
    document = doomed(LIVE, TAGS, "app", "app-staging-drill")
    assert document["family"] == "app-staging-drill"
    app, sidecar = document["containerDefinitions"]
    assert app == {"name": "app", "image": "i@sha256:1", "command": list(COMMAND), "environment": []}
    assert sidecar == LIVE["containerDefinitions"][1]
    assert document["executionRoleArn"] == LIVE["executionRoleArn"]
    assert not {"revision", "status", "taskDefinitionArn", "registeredBy", "compatibilities"} & set(document)
    assert LIVE["containerDefinitions"][0]["command"] == ["serve"]


def test_it_says_that_it_is_a_drill_and_ends() -> None:
    assert SAYS in COMMAND[-1]
    assert f"exit {EXIT_CODE}" in COMMAND[-1]


def test_no_commit_made_it() -> None:
    assert doomed(LIVE, TAGS, "app", "f")["tags"] == [{"key": "Project", "value": "demo"}]


def test_ecs_takes_it() -> None:
    assert shape_problems(doomed(LIVE, TAGS, "app", "app-staging-drill")) == []


def test_without_the_container_there_is_nothing_to_break() -> None:
    with pytest.raises(GitopsError, match="no container web"):
        doomed(LIVE, TAGS, "web", "f")
