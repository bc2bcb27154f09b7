"""Containers beside one another in a task: which of them run, in which order, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.ecs.sidecars import ordered
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import Service, lay

ELSEWHERE = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.1"


def says(word: str, seconds: float = 600, code: int = 0) -> list[str]:
    """A command that says something and when, sleeps and ends."""
    said = f"import sys, time; print({word!r}, time.time(), flush=True); time.sleep({seconds}); sys.exit({code})"
    return ["python", "-c", said]


def register(service: Service, *sidecars: dict[str, Any], **web: Any) -> str:
    """A revision whose service's container comes last; a sidecar has the commit's own image unless it names another."""
    described = service.ecs.describe_task_definition(taskDefinition=service.register("one"))["taskDefinition"]
    (container,) = described["containerDefinitions"]
    shared = {"image": container["image"], "logConfiguration": container["logConfiguration"]}
    kept = ("family", "cpu", "memory", "networkMode", "requiresCompatibilities", "executionRoleArn")
    answer = service.ecs.register_task_definition(
        **{name: described[name] for name in kept},
        containerDefinitions=[*({**shared, **one} for one in sidecars), {**container, **web}],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def log(service: Service, task: Any, container: str) -> list[str]:
    stream = f"ecs/{container}/{task['taskArn'].rsplit('/', 1)[1]}"
    events = service.client("logs").get_log_events(logGroupName=service.name, logStreamName=stream)["events"]
    return [event["message"] for event in events]


def described(task: Any) -> dict[str, Any]:
    return {one["name"]: one for one in task["containers"]}


def test_what_can_run_beside_the_service_does_and_what_cannot_is_left_out_and_said(account: Account) -> None:
    service = lay(account, "beside")
    # Both sort before the service's container, and are before it in the definition.
    worker = {"name": "a-worker", "command": says("busy")}
    collector = {"name": "collector", "image": ELSEWHERE, "essential": False}
    web = {"dependsOn": [{"containerName": "collector", "condition": "START"}]}
    service.create(register(service, worker, collector, **web), count=2)
    for task in service.tasks():
        containers = described(task)
        assert (containers["a-worker"]["lastStatus"], containers["web"]["lastStatus"]) == ("RUNNING", "RUNNING")
        assert containers["collector"]["reason"].startswith("its image is from elsewhere")
        assert "exitCode" not in containers["collector"]
        assert eventually(lambda task=task: bool(log(service, task, "a-worker")))  # type: ignore[misc]
        assert log(service, task, "a-worker")[0].startswith("busy ")
        assert service.log(task) == ["starting one"]
    events = [event["message"] for event in service.described()["events"]]
    assert len([one for one in events if "(service beside) left the container collector out of (task " in one]) == 2
    assert service.page()[1].startswith("one ")
    service.delete()


def test_an_essential_one_from_elsewhere_is_refused_with_the_way_out(account: Account) -> None:
    service = lay(account, "refused")
    with pytest.raises(ClientError) as refused:
        register(service, {"name": "collector", "image": ELSEWHERE})
    said = refused.value.response["Error"]
    assert said["Code"] == "ClientException"
    assert "Container 'collector' is essential and cannot be run in this rehearsal" in said["Message"]
    for way_out in ("RUNTIME=containers", "make it non-essential in the overlay"):
        assert way_out in said["Message"]


def test_one_that_has_to_succeed_or_be_healthy_first_has_done_so(account: Account) -> None:
    service = lay(account, "in-turn")
    migrate = {"name": "migrate", "essential": False, "command": says("migrated", 1)}
    check = {"command": ["CMD", "python", "-c", "pass"], "interval": 5, "retries": 2}
    proxy = {"name": "proxy", "command": says("proxy"), "healthCheck": check}
    conditions = {"migrate": "SUCCESS", "proxy": "HEALTHY"}
    web = {"dependsOn": [{"containerName": name, "condition": one} for name, one in conditions.items()]}
    service.create(register(service, migrate, proxy, **web))
    (task,) = service.tasks()
    containers = described(task)
    assert (containers["migrate"]["exitCode"], containers["proxy"]["healthStatus"]) == (0, "HEALTHY")
    ended = float(log(service, task, "migrate")[0].split()[1]) + 1
    assert task["startedAt"].timestamp() >= ended
    service.delete()


def test_one_that_fails_keeps_those_that_need_it_from_starting(account: Account) -> None:
    service = lay(account, "unmigrated")
    migrate = {"name": "migrate", "essential": False, "command": says("broken", 0, 3)}
    web = {"dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}]}
    service.create(register(service, migrate, **web), steady=False)
    assert eventually(lambda: bool(service.tasks("STOPPED")))
    task = service.tasks("STOPPED")[0]
    # aws/amazon-ecs-agent#3218
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError: dependency graph: failed to resolve")
    assert task["stoppedReason"].endswith("[migrate] for target [web] as dependency did not exit successfully")
    service.delete()


@pytest.mark.parametrize(
    ("depends", "order"),
    [
        ({}, ["a", "b", "c"]),
        ({"a": ["c"]}, ["c", "b", "a"]),
        ({"a": ["b"], "b": ["c"]}, ["c", "b", "a"]),
        # What was left out is not there to come first.
        ({"b": ["gone"]}, ["a", "b", "c"]),
    ],
)
def test_a_container_starts_after_those_that_it_depends_on(depends: dict[str, list[str]], order: list[str]) -> None:
    containers = [
        {"name": name, "dependsOn": [{"containerName": on, "condition": "START"} for on in depends.get(name, [])]}
        for name in "abc"
    ]
    assert [one["name"] for one in ordered(containers)] == order
