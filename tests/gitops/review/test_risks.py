"""What is said in words, and what is not worth a word."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.review.risks import task_definition_risks
from gitops.text import MASK

APP: dict[str, Any] = {
    "name": "app",
    "image": "${image}",
    "user": "10001",
    "readonlyRootFilesystem": True,
    "stopTimeout": 30,
    "secrets": [{"name": "KEY", "valueFrom": "arn:key"}],
    "environment": [{"name": "CITY", "value": "London"}],
    "portMappings": [{"containerPort": 8080}],
    "healthCheck": {"command": ["CMD", "true"], "interval": 30},
    "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
    "logConfiguration": {"logDriver": "awslogs"},
}


def task(container: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    document = {"family": "app-staging", "cpu": "512", "memory": "1024", "taskRoleArn": "a", "executionRoleArn": "b"}
    merged = {key: value for key, value in {**APP, **(container or {})}.items() if value is not None}
    return {**document, "containerDefinitions": [merged], **keys}


@pytest.mark.parametrize(
    ("after", "risks"),
    [
        (task(), []),
        (task(cpu="1024", memory="2048"), []),
        (task(taskRoleArn="c"), ["IAM: the task role changes from `a` to `c`"]),
        (task(executionRoleArn=""), ["IAM: the execution role changes from `b` to nothing"]),
        (task(cpu="0.25 vCPU"), ["cpu falls from `512` to `0.25 vCPU`"]),
        (task(memory="512"), ["memory falls from `1024` to `512`"]),
        (task(networkMode="host"), ["networkMode changes from nothing to `host`"]),
        (task(containerDefinitions=[]), ["container `app` is removed"]),
        (
            task(containerDefinitions=[APP, {"name": "agent", "image": "x/agent"}]),
            ["container `agent` is new, with image `x/agent`"],
        ),
    ],
)
def test_risks_of_a_task_definition(after: dict[str, Any], risks: list[str]) -> None:
    assert task_definition_risks(task(), after) == risks


@pytest.mark.parametrize(
    ("change", "risks"),
    [
        ({"environment": [{"name": "CITY", "value": "Paris"}]}, []),
        ({"healthCheck": {"command": ["CMD", "true"], "interval": 60}}, []),
        ({"secrets": None}, ["secret `KEY` is removed"]),
        (
            {"secrets": [], "environment": [{"name": "KEY", "value": MASK}]},
            [
                "secret `KEY` becomes a plain environment variable",
                "`environment[KEY].value` looks like a secret in plain text",
            ],
        ),
        ({"secrets": [{"name": "KEY", "valueFrom": "arn:other"}]}, ["secret `KEY` comes from `arn:other`"]),
        ({"readonlyRootFilesystem": False}, ["its root file system becomes writable"]),
        ({"user": None}, ["it runs as root, or as whoever the image says"]),
        ({"user": "0:10001"}, ["it runs as root, or as whoever the image says"]),
        ({"privileged": True}, ["it becomes privileged"]),
        (
            {"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}}},
            ["it gets the capability `SYS_PTRACE`", "it no longer drops the capability `ALL`"],
        ),
        ({"portMappings": [{"containerPort": 9000}]}, ["port `8080` is closed", "port `9000` is opened"]),
        ({"healthCheck": None}, ["its health check is gone"]),
        ({"healthCheck": {"command": ["CMD", "a"]}}, ["its health check asks something else"]),
        ({"essential": False}, ["it is no longer essential: the task goes on without it"]),
        ({"logConfiguration": None}, ["its output is lost"]),
        ({"logConfiguration": {"logDriver": "splunk"}}, ["its output goes elsewhere"]),
        ({"stopTimeout": 10}, ["the time to stop in falls from 30 s to 10 s"]),
        ({"image": "nginx"}, ["its image changes from `${image}` to `nginx`"]),
    ],
)
def test_risks_of_a_container(change: dict[str, Any], risks: list[str]) -> None:
    assert task_definition_risks(task(), task(change)) == [f"`app`: {risk}" for risk in risks]


def test_a_task_definition_that_comes_or_goes() -> None:
    assert task_definition_risks(None, task()) == []
    assert task_definition_risks(task(), None) == ["the task definition is removed"]
    leaking = task({"environment": [{"name": "TOKEN", "value": MASK}]})
    assert task_definition_risks(None, leaking) == [
        "`containerDefinitions[app].environment[TOKEN].value` looks like a secret in plain text"
    ]
