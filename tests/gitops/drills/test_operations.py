from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY

from gitops import environments
from gitops.drills.bad import COMMAND
from gitops.drills.operations import Operations
from gitops.errors import GitopsError
from tests.conftest import ROOT
from tests.gitops.rollout.described import NEW, NOON, OLD
from tests.gitops.rollout.stubbed import StubbedSession

CLUSTER = "fairweather-staging"
STAGING = environments.load(ROOT, "staging")
GROUP = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/g/1"
LIVE = {"family": "weather-staging", "containerDefinitions": [{"name": "weather", "image": "i"}]}


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
    ecs.add_response("describe_task_definition", {"taskDefinition": LIVE}, {"taskDefinition": OLD, "include": ["TAGS"]})
    document = {
        "family": "weather-staging-drill",
        "containerDefinitions": [{"name": "weather", "image": "i", "command": list(COMMAND)}],
        "tags": [],
    }
    ecs.add_response("register_task_definition", {"taskDefinition": {"taskDefinitionArn": NEW}}, document)
    ecs.add_response("describe_services", {"services": [service(means)]}, {"cluster": CLUSTER, "services": ["weather"]})
    if means == NEW:
        back = {"cluster": CLUSTER, "service": "weather", "taskDefinition": OLD}
        ecs.add_response("update_service", {"service": service(OLD)}, back)
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": NEW})
    ecs.add_response("delete_task_definitions", {}, {"taskDefinitions": [NEW]})


def test_what_cannot_start_has_its_own_family_and_is_gone_at_the_end(session: StubbedSession) -> None:
    expect_doomed(session, means=OLD)
    with Operations(session, STAGING, "weather").doomed_revision(OLD) as bad:  # type: ignore[arg-type]
        assert bad == NEW


def test_an_interrupted_drill_puts_the_live_revision_back(session: StubbedSession) -> None:
    expect_doomed(session, means=NEW)
    operations = Operations(session, STAGING, "weather")  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), operations.doomed_revision(OLD):
        raise KeyboardInterrupt


def test_the_fleet_is_every_task_with_its_target(session: StubbedSession) -> None:
    arns = [f"arn:task/{number}" for number in range(150)]
    ecs = session.answers("ecs")
    ecs.add_response("describe_services", {"services": [service(OLD)]}, ANY_OF_THE_SERVICE)
    ecs.add_response(
        "list_tasks", {"taskArns": arns[:100], "nextToken": "more"}, {"cluster": CLUSTER, "serviceName": "weather"}
    )
    ecs.add_response(
        "list_tasks", {"taskArns": arns[100:]}, {"cluster": CLUSTER, "serviceName": "weather", "nextToken": "more"}
    )
    for batch in (arns[:100], arns[100:]):
        described = [{"taskArn": arn, "lastStatus": "RUNNING", "desiredStatus": "RUNNING"} for arn in batch]
        ecs.add_response("describe_tasks", {"tasks": described}, {"cluster": CLUSTER, "tasks": batch})
    target = {"Target": {"Id": "10.0.0.1"}, "TargetHealth": {"State": "draining"}}
    session.answers("elbv2").add_response(
        "describe_target_health", {"TargetHealthDescriptions": [target]}, {"TargetGroupArn": GROUP}
    )
    fleet = Operations(session, STAGING, "weather").fleet()  # type: ignore[arg-type]
    assert len(fleet.tasks) == 150
    assert fleet.desired == 2
    assert fleet.targets == ({"10.0.0.1": "draining"},)


ANY_OF_THE_SERVICE = {"cluster": ANY, "services": ["weather"]}


def test_without_a_service_there_is_nothing_to_drill(session: StubbedSession) -> None:
    session.answers("ecs").add_response("describe_services", {"services": []}, ANY_OF_THE_SERVICE)
    with pytest.raises(GitopsError, match="staging has no ECS service weather"):
        Operations(session, STAGING, "weather").service()  # type: ignore[arg-type]
