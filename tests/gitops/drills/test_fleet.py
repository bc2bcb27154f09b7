"""A service's tasks and targets as data, and what a drill asks of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY

from gitops import ecs_answers
from gitops.drills.fleet import COMMAND, EXIT_CODE, SAYS, Fleet, Operations, busiest_zone, doomed
from gitops.ecs_answers import Task
from gitops.errors import GitopsError
from gitops.taskdefs.validate import shape_problems
from tests.gitops.deploy.described import NEW, NOON, OLD, StubbedSession
from tests.gitops.drills.server import DEMO, SERVICE

A, B, C = (
    Task(f"arn:task/c/{name * 10}", address=f"10.0.0.{name}", zone=zone, is_running=True)
    for name, zone in zip("123", "abb", strict=True)
)
HEALTHY = {"10.0.0.1": "healthy", "10.0.0.2": "healthy"}


@pytest.mark.parametrize(
    ("tasks", "targets", "gone", "serving"),
    [
        ((A, B), (HEALTHY,), (), 2),
        ((A, B), (HEALTHY,), (A.arn,), 1),
        ((A, B), ({**HEALTHY, "10.0.0.2": "initial"},), (), 1),
        ((A, B), ({**HEALTHY, "10.0.0.2": "draining"},), (), 1),
        # Healthy in one target group only.
        ((A, B), (HEALTHY, {"10.0.0.1": "healthy"}), (), 1),
        # Not registered yet, or not running any more.
        ((A, C), (HEALTHY,), (), 1),
        ((A, replace(B, is_running=False)), (HEALTHY,), (), 1),
        # A service without a load balancer: running is all there is to see.
        ((A, B), (), (), 2),
        ((), (HEALTHY,), (), 0),
    ],
)
def test_who_serves(
    tasks: tuple[Task, ...], targets: tuple[dict[str, str], ...], gone: list[str], serving: int
) -> None:
    assert len(Fleet(2, tasks, targets).serving(apart=gone)) == serving


@pytest.mark.parametrize(
    ("desired", "targets", "settled"),
    [
        (2, HEALTHY, True),
        (3, HEALTHY, False),
        (1, HEALTHY, False),
        (2, {**HEALTHY, "10.0.0.9": "draining"}, False),
        (2, {**HEALTHY, "10.0.0.9": "initial"}, False),
        (2, {"10.0.0.1": "healthy"}, False),
    ],
)
def test_settled_means_nothing_comes_or_goes(desired: int, targets: dict[str, str], settled: bool) -> None:
    assert Fleet(desired, (A, B), (targets,)).is_settled is settled


def test_the_busiest_zone() -> None:
    assert busiest_zone([A, B, C]) == ("b", [B, C])
    assert busiest_zone([B, A]) == ("a", [A])


@pytest.mark.parametrize(
    ("last", "desired", "running"),
    [
        ("RUNNING", "RUNNING", True),
        ("RUNNING", "STOPPED", False),
        ("PENDING", "RUNNING", False),
        ("DEACTIVATING", "STOPPED", False),
    ],
)
def test_a_described_task(last: str, desired: str, running: bool) -> None:
    details = [{"name": "subnetId", "value": "s"}, {"name": "privateIPv4Address", "value": "10.0.0.7"}]
    described = {
        "taskArn": "arn:task/c/0123456789",
        "lastStatus": last,
        "desiredStatus": desired,
        "availabilityZone": "eu-west-1b",
        "attachments": [{"details": details}],
    }
    found = ecs_answers.task(described)
    assert found == Task("arn:task/c/0123456789", address="10.0.0.7", zone="eu-west-1b", is_running=running)
    assert found.short == "01234567"
    assert ecs_answers.task({"taskArn": "arn:task/c/0"}) == Task("arn:task/c/0")


LIVE: dict[str, Any] = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111111111111:task-definition/app-staging:7",
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
    document = doomed({**LIVE, "tags": TAGS}, "app", "app-staging-drill")
    assert shape_problems(document) == []
    assert document["family"] == "app-staging-drill"
    # No commit made it.
    assert document["tags"] == [{"key": "Project", "value": "demo"}]
    app, sidecar = document["containerDefinitions"]
    assert app == {"name": "app", "image": "i@sha256:1", "command": list(COMMAND), "environment": []}
    assert sidecar == LIVE["containerDefinitions"][1]
    assert document["executionRoleArn"] == LIVE["executionRoleArn"]
    assert not {"revision", "status", "taskDefinitionArn", "registeredBy", "compatibilities"} & set(document)
    assert LIVE["containerDefinitions"][0]["command"] == ["serve"]
    assert SAYS in COMMAND[-1]
    assert f"exit {EXIT_CODE}" in COMMAND[-1]


def test_one_that_crashes_serves_until_then() -> None:
    live = {"name": "app", "image": "i@sha256:1", "portMappings": [{"containerPort": 80}], "environment": []}
    document = doomed({**LIVE, "containerDefinitions": [live], "tags": TAGS}, "app", "app-staging-drill", 30.0)
    assert shape_problems(document) == []
    app, beside = document["containerDefinitions"]
    assert app == live
    command = ["sh", "-c", f"trap 'exit 0' TERM; sleep 30 & wait $!; {COMMAND[-1]}"]
    assert beside == {
        "name": "app-drill",
        "image": "i@sha256:1",
        "environment": [],
        "essential": True,
        "command": command,
    }


def test_without_the_container_there_is_nothing_to_break() -> None:
    with pytest.raises(GitopsError, match="no container web"):
        doomed({**LIVE, "tags": TAGS}, "web", "f")


CLUSTER, FAMILY = DEMO.cluster, DEMO.family(SERVICE)
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/g/1"
SERVES = {"family": FAMILY, "containerDefinitions": [{"name": SERVICE, "image": "i"}]}


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


def service(revision: str) -> dict[str, Any]:
    primary = {"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": revision, "createdAt": NOON}
    return {
        "status": "ACTIVE",
        "desiredCount": 2,
        "taskDefinition": revision,
        "deployments": [primary],
        "loadBalancers": [{"targetGroupArn": GROUP}],
    }


def expect_doomed(session: StubbedSession, *, means: str) -> None:
    """The calls around a doomed revision, while the service means the given one at the end."""
    ecs = session.answers("ecs")
    ecs.add_response(
        "describe_task_definition", {"taskDefinition": SERVES}, {"taskDefinition": OLD, "include": ["TAGS"]}
    )
    document = {
        "family": f"{FAMILY}-drill",
        "containerDefinitions": [{"name": SERVICE, "image": "i", "command": list(COMMAND)}],
        "tags": [],
    }
    ecs.add_response("register_task_definition", {"taskDefinition": {"taskDefinitionArn": NEW}}, document)
    ecs.add_response("describe_services", {"services": [service(means)]}, {"cluster": CLUSTER, "services": [SERVICE]})
    if means == NEW:
        back = {"cluster": CLUSTER, "service": SERVICE, "taskDefinition": OLD}
        ecs.add_response("update_service", {"service": service(OLD)}, back)
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": NEW})
    ecs.add_response("delete_task_definitions", {}, {"taskDefinitions": [NEW]})


def test_what_cannot_start_has_its_own_family_and_is_gone_at_the_end(session: StubbedSession) -> None:
    expect_doomed(session, means=OLD)
    with Operations(session, DEMO, SERVICE).doomed_revision(OLD) as bad:  # type: ignore[arg-type]
        assert bad == NEW


def test_an_interrupted_drill_puts_the_live_revision_back(session: StubbedSession) -> None:
    expect_doomed(session, means=NEW)
    operations = Operations(session, DEMO, SERVICE)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), operations.doomed_revision(OLD):
        raise KeyboardInterrupt


def test_the_fleet_is_every_task_with_its_target(session: StubbedSession) -> None:
    arns = [f"arn:task/{number}" for number in range(150)]
    ecs = session.answers("ecs")
    ecs.add_response("describe_services", {"services": [service(OLD)]}, ANY_OF_THE_SERVICE)
    ecs.add_response(
        "list_tasks", {"taskArns": arns[:100], "nextToken": "more"}, {"cluster": CLUSTER, "serviceName": SERVICE}
    )
    ecs.add_response(
        "list_tasks", {"taskArns": arns[100:]}, {"cluster": CLUSTER, "serviceName": SERVICE, "nextToken": "more"}
    )
    for batch in (arns[:100], arns[100:]):
        described = [{"taskArn": arn, "lastStatus": "RUNNING", "desiredStatus": "RUNNING"} for arn in batch]
        ecs.add_response("describe_tasks", {"tasks": described}, {"cluster": CLUSTER, "tasks": batch})
    target = {"Target": {"Id": "10.0.0.1"}, "TargetHealth": {"State": "draining"}}
    session.answers("elbv2").add_response(
        "describe_target_health", {"TargetHealthDescriptions": [target]}, {"TargetGroupArn": GROUP}
    )
    fleet = Operations(session, DEMO, SERVICE).fleet()  # type: ignore[arg-type]
    assert len(fleet.tasks) == 150
    assert fleet.desired == 2
    assert fleet.targets == ({"10.0.0.1": "draining"},)


ANY_OF_THE_SERVICE = {"cluster": ANY, "services": [SERVICE]}


def test_without_a_service_there_is_nothing_to_drill(session: StubbedSession) -> None:
    session.answers("ecs").add_response("describe_services", {"services": []}, ANY_OF_THE_SERVICE)
    with pytest.raises(GitopsError, match=f"staging has no ECS service {SERVICE}"):
        Operations(session, DEMO, SERVICE).service()  # type: ignore[arg-type]
