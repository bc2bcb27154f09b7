"""Log group, cluster and target group: what the stacks have to have made before a task can start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.rollout.verify.cluster import cluster
from gitops.rollout.verify.logs import log_groups, wanted
from gitops.rollout.verify.target_group import container_failures, group_failures, target_groups
from tests.gitops.rollout.stubbed import StubbedSession

APPLY = "gitops apply staging --stack service-app"
GROUP = {
    "TargetGroupName": "app",
    "TargetType": "ip",
    "Port": 8080,
    "HealthCheckPort": "traffic-port",
    "HealthCheckPath": "/health",
}
ENTRY = {"containerName": "app", "containerPort": 8080, "targetGroupArn": "arn:tg"}
ROUTES = {"/", "/health"}


def document(**changed: Any) -> dict[str, Any]:
    container = {"name": "app", "portMappings": [{"containerPort": 8080}], **changed}
    return {"networkMode": "awsvpc", "containerDefinitions": [container]}


def awslogs(group: str, **options: str) -> dict[str, Any]:
    return {"logDriver": "awslogs", "options": {"awslogs-group": group, **options}}


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


def test_only_groups_that_awslogs_does_not_make_have_to_be_there() -> None:
    containers = [
        {"logConfiguration": awslogs("one")},
        {"logConfiguration": awslogs("one")},
        {"logConfiguration": awslogs("two", **{"awslogs-region": "us-east-1"})},
        {"logConfiguration": awslogs("made", **{"awslogs-create-group": "true"})},
        {"logConfiguration": {"logDriver": "splunk", "options": {"awslogs-group": "x"}}},
        {},
    ]
    found = wanted({"containerDefinitions": containers}, "eu-west-2")
    assert found == [("eu-west-2", "one"), ("us-east-1", "two")]


@pytest.mark.parametrize(
    ("existing", "problems"),
    [
        (["app-staging-logs"], []),
        ([], ["there is no log group app-staging-logs in eu-west-2"]),
        # The look-up is by prefix, and a longer name is another group.
        (["app-staging-logs-old"], ["there is no log group app-staging-logs in eu-west-2"]),
    ],
)
def test_the_log_group_exists(
    session: StubbedSession, staging: Environment, existing: list[str], problems: list[str]
) -> None:
    answer = {"logGroups": [{"logGroupName": name} for name in existing]}
    wanted_call = {"logGroupNamePrefix": "app-staging-logs"}
    session.answers("logs").add_response("describe_log_groups", answer, wanted_call)
    with_logs = document(logConfiguration=awslogs("app-staging-logs"))
    found = log_groups(lambda _: session.client("logs"), with_logs, "app", staging)
    assert [failure.problem for failure in found] == problems
    assert {failure.fix for failure in found} <= {APPLY}


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        ([{"status": "ACTIVE"}], []),
        ([{"status": "INACTIVE"}], ["the cluster demo-staging is INACTIVE"]),
        ([], ["there is no cluster demo-staging"]),
    ],
)
def test_the_cluster_is_active(
    session: StubbedSession, staging: Environment, answer: list[dict[str, str]], problems: list[str]
) -> None:
    session.answers("ecs").add_response("describe_clusters", {"clusters": answer}, {"clusters": ["demo-staging"]})
    found = cluster(session.client("ecs"), staging)
    assert [failure.problem for failure in found] == problems
    assert {failure.fix for failure in found} <= {"gitops apply staging --stack platform"}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        ({"HealthCheckPort": "8080"}, None),
        ({"HealthCheckPath": "/health?deep=1"}, None),
        (
            {"TargetType": "instance"},
            "the target group app registers targets of type instance, and awsvpc tasks need ip",
        ),
        ({"Port": 80}, "the target group app is for port 80, the container's is 8080"),
        ({"HealthCheckPort": "9000"}, "the target group app checks port 9000, the container's is 8080"),
        ({"HealthCheckPath": "/healthz"}, "the target group app asks /healthz, which the commit does not answer"),
    ],
)
def test_the_target_group_fits(changed: dict[str, Any], problem: str | None) -> None:
    found = group_failures({**GROUP, **changed}, ENTRY, document(), ROUTES, APPLY)
    assert [failure.problem for failure in found] == ([problem] if problem else [])
    assert all(APPLY in failure.fix for failure in found)


def test_routes_that_are_not_known_are_not_asked_for() -> None:
    assert group_failures({**GROUP, "HealthCheckPath": "/other"}, ENTRY, document(), set(), APPLY) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, None),
        ({"name": "web"}, "the service balances a container app, and the task definition has web"),
        ({"portMappings": [{"containerPort": 9000}]}, "the service balances port 8080 of app, which opens 9000"),
        ({"portMappings": []}, "the service balances port 8080 of app, which opens none"),
    ],
)
def test_the_task_definition_has_what_the_service_balances(changed: dict[str, Any], problem: str | None) -> None:
    found = container_failures(ENTRY, document(**changed))
    assert [failure.problem for failure in found] == ([problem] if problem else [])


def test_a_port_that_came_through_as_text_is_a_port() -> None:
    assert container_failures({**ENTRY, "containerPort": "8080"}, document()) == []


@pytest.mark.parametrize("services", [[], [{"status": "INACTIVE", "loadBalancers": [ENTRY]}]])
def test_before_the_service_exists_there_is_nothing_to_fit(
    session: StubbedSession, staging: Environment, services: list[dict[str, Any]]
) -> None:
    session.answers("ecs").add_response("describe_services", {"services": services})
    ecs, balancing = session.client("ecs"), session.client("elbv2")
    assert target_groups(ecs, balancing, document(), "app", staging, ROUTES) == []


@pytest.mark.parametrize(
    ("group", "problems"),
    [
        (GROUP, []),
        (None, ["the service's target group arn:tg does not exist"]),
        ({**GROUP, "Port": 80}, ["the target group app is for port 80, the container's is 8080"]),
    ],
)
def test_the_services_own_target_group_is_looked_at(
    session: StubbedSession, staging: Environment, group: dict[str, Any] | None, problems: list[str]
) -> None:
    service = {"status": "ACTIVE", "loadBalancers": [ENTRY]}
    session.answers("ecs").add_response("describe_services", {"services": [service]})
    if group is None:
        session.answers("elbv2").add_client_error("describe_target_groups", "TargetGroupNotFound")
    else:
        answer = {"TargetGroups": [group]}
        session.answers("elbv2").add_response("describe_target_groups", answer, {"TargetGroupArns": ["arn:tg"]})
    found = target_groups(session.client("ecs"), session.client("elbv2"), document(), "app", staging, ROUTES)
    assert [failure.problem for failure in found] == problems
