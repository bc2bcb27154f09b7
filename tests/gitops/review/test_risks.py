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


SECRET = {"secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:eu-west-2:1:parameter/app/staging/TOKEN"}]}
NEW_SECRET = "secret `TOKEN` is new: before the merge, `gitops secret put app staging TOKEN`"


def file(name: str) -> dict[str, str]:
    return {"type": "s3", "value": f"arn:aws:s3:::b/{name}.env"}


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
            ["container `agent` is new, with image `x/agent`; the task ends when it does"],
        ),
        (
            task(containerDefinitions=[APP, {"name": "app2", "image": "${image}", "essential": False, **SECRET}]),
            [f"`app2`: {NEW_SECRET}", "container `app2` is new, with image `${image}`"],
        ),
        (
            task(ephemeralStorage={"sizeInGiB": 50}),
            ["ephemeral storage rises from 20 to 50 GiB, and what is beyond 20 is paid for"],
        ),
        (task(volumes=[{"name": "v"}]), ["volume `v` is new: an empty one that ends with the task"]),
        (
            task(volumes=[{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]),
            ["volume `v` is new: efsVolumeConfiguration"],
        ),
    ],
)
def test_risks_of_a_task_definition(after: dict[str, Any], risks: list[str]) -> None:
    assert task_definition_risks(task(), after) == risks


@pytest.mark.parametrize(
    ("change", "risks"),
    [
        ({"environment": [{"name": "CITY", "value": "Paris"}]}, []),
        (
            {"healthCheck": {"command": ["CMD", "true"], "interval": 60}},
            ["its health check's interval changes from `30` to `60`"],
        ),
        ({"secrets": None}, ["secret `KEY` is removed"]),
        (
            {"secrets": [], "environment": [{"name": "KEY", "value": MASK}]},
            [
                "secret `KEY` becomes a plain environment variable",
                "`environment[KEY].value` looks like a secret in plain text",
            ],
        ),
        (
            {"secrets": [{"name": "KEY", "valueFrom": "arn:other"}]},
            ["secret `KEY` comes from `arn:other`: before the merge, see that `arn:other` is there"],
        ),
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
        (
            {"healthCheck": {"command": ["CMD", "a"]}},
            ["its health check asks something else", "its health check's interval changes from `30` to nothing"],
        ),
        ({"essential": False}, ["it is no longer essential: the task goes on without it"]),
        ({"logConfiguration": None}, ["its output is lost"]),
        ({"logConfiguration": {"logDriver": "splunk"}}, ["its output goes elsewhere"]),
        ({"stopTimeout": 10}, ["the time to stop in falls from 30 s to 10 s"]),
        ({"secrets": [*APP["secrets"], *SECRET["secrets"]]}, [NEW_SECRET]),
        (
            {"environmentFiles": [file("a")]},
            ["the file `arn:aws:s3:::b/a.env` sets its environment, whoever writes that"],
        ),
        ({"command": ["sh", "-c", "a b"]}, ["its command changes from the image's own to `sh -c 'a b'`"]),
        ({"entryPoint": ["x"]}, ["its entry point changes from the image's own to `x`"]),
        ({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}, ["`v` is mounted at `/v`"]),
        ({"dependsOn": [{"containerName": "b", "condition": "START"}]}, ["it starts only when `b` reaches `START`"]),
        ({"image": "nginx"}, ["its image changes from `${image}` to `nginx`"]),
    ],
)
def test_risks_of_a_container(change: dict[str, Any], risks: list[str]) -> None:
    assert task_definition_risks(task(), task(change)) == [f"`app`: {risk}" for risk in risks]


WAITS = {"dependsOn": [{"containerName": "b", "condition": "START"}]}
MOUNTS = {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": True}]}
VOLUMES = [{"name": "v", "host": {}}]


@pytest.mark.parametrize(
    ("before", "after", "risks"),
    [
        (task({"command": ["a"]}), task(), ["`app`: its command changes from `a` to the image's own"]),
        (task({"healthCheck": None}), task(), ["`app`: it has a health check now: a task that fails it is replaced"]),
        (task(WAITS), task(), ["`app`: it no longer waits for `b`"]),
        (
            task(WAITS),
            task({"dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]}),
            ["`app`: it starts only when `b` reaches `HEALTHY`"],
        ),
        (task(MOUNTS), task(), ["`app`: nothing is mounted at `/v` any more"]),
        (
            task(MOUNTS),
            task({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}),
            ["`app`: it may write to `/v`"],
        ),
        (
            task({"environmentFiles": [file("a"), file("b")]}),
            task({"environmentFiles": [file("b"), file("a")]}),
            ["`app`: its environment files are read in another order, and of a variable in two the first counts"],
        ),
        (
            task({"environmentFiles": [file("a")]}),
            task(),
            ["`app`: the file `arn:aws:s3:::b/a.env` no longer sets its environment"],
        ),
        (task(ephemeralStorage={"sizeInGiB": 50}), task(), ["ephemeral storage falls from 50 to 20 GiB"]),
        (task(volumes=VOLUMES), task(), ["volume `v` is removed"]),
        (
            task(volumes=VOLUMES),
            task(volumes=[{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]),
            ["volume `v` is another: what it holds may be too"],
        ),
    ],
)
def test_risks_of_what_was_there(before: dict[str, Any], after: dict[str, Any], risks: list[str]) -> None:
    assert task_definition_risks(before, after) == risks


def test_a_task_definition_that_comes_or_goes() -> None:
    assert task_definition_risks(None, task({"secrets": None})) == []
    assert task_definition_risks(None, task(SECRET)) == [f"`app`: {NEW_SECRET}"]
    assert task_definition_risks(None, task(SECRET), here=True) == []
    assert task_definition_risks(task(), None) == ["the task definition is removed"]
    leaking = task({"secrets": None, "environment": [{"name": "TOKEN", "value": MASK}]})
    assert task_definition_risks(None, leaking) == [
        "`containerDefinitions[app].environment[TOKEN].value` looks like a secret in plain text"
    ]
