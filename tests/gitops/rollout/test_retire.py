"""Which revision is taken out of the way after a failed deploy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops.rollout.observation import Observation
from gitops.rollout.retire import abandoned, is_in_use, retire
from tests.gitops.rollout.described import ARN, NEW, NEWER, NOON, OLD, TARGET, newer, old, ours, seen
from tests.gitops.rollout.stubbed import StubbedSession

FAILED = replace(ours, status="ACTIVE", state="FAILED")


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(replace(old, status="PRIMARY")), False),
        (seen(replace(old, status="PRIMARY"), FAILED), False),
        (seen(replace(ours, state="FAILED")), True),
        (seen(replace(newer, revision=NEW)), True),
        (seen(newer, replace(FAILED, id="ecs-svc/another")), True),
    ],
)
def test_a_revision_is_in_use_when_the_service_means_it_or_another_deployment_runs_it(
    observation: Observation, expected: bool
) -> None:
    assert is_in_use(observation, NEW, TARGET.deployment_id) is expected


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


def add_service(session: StubbedSession, revision: str) -> None:
    deployment = {
        "id": "ecs-svc/x",
        "status": "PRIMARY",
        "taskDefinition": revision,
        "createdAt": NOON,
        "rolloutState": "COMPLETED",
    }
    service = {"status": "ACTIVE", "taskDefinition": revision, "deployments": [deployment]}
    session.answers("ecs").add_response("describe_services", {"services": [service]})


def test_a_failed_revision_is_deregistered(session: StubbedSession) -> None:
    add_service(session, OLD)
    session.answers("ecs").add_response("deregister_task_definition", {}, {"taskDefinition": NEW})
    session.answers("ecs").add_response("list_task_definitions", {"taskDefinitionArns": [OLD]})
    said = retire(session.client("ecs"), "demo", "app", NEW, TARGET.deployment_id)
    assert said.startswith("app-staging:2 was deregistered")


def test_what_a_killed_deploy_left_goes_with_it(session: StubbedSession) -> None:
    add_service(session, OLD)
    ecs = session.answers("ecs")
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": NEWER})
    ecs.add_response("list_task_definitions", {"taskDefinitionArns": [NEW, OLD]})
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": NEW})
    said = retire(session.client("ecs"), "demo", "app", NEWER, TARGET.deployment_id)
    assert said.startswith("app-staging:3 and what was left before it (app-staging:2) were deregistered")


@pytest.mark.parametrize(
    ("failed", "active", "expected"),
    [
        (f"{ARN}5", [f"{ARN}4", f"{ARN}3", f"{ARN}2", OLD], [f"{ARN}4", f"{ARN}3", f"{ARN}2"]),
        (f"{ARN}5", [f"{ARN}7", f"{ARN}6"], []),
        (NEW, [OLD], []),
        (OLD, [NEW], []),
    ],
)
def test_only_what_lies_between_the_live_and_the_failed_revision_is_abandoned(
    failed: str, active: list[str], expected: list[str]
) -> None:
    assert abandoned(seen(replace(old, status="PRIMARY")), failed, active) == expected


def test_a_revision_that_another_deployment_runs_is_not_abandoned() -> None:
    assert abandoned(seen(replace(old, status="PRIMARY"), ours), NEWER, [NEW]) == []


def test_a_revision_that_is_live_is_never_deregistered(session: StubbedSession) -> None:
    add_service(session, NEW)
    said = retire(session.client("ecs"), "demo", "app", NEW, TARGET.deployment_id)
    assert said == "app-staging:2 stays registered: the service still means it"


def test_a_refusal_is_told_with_what_to_do(session: StubbedSession) -> None:
    add_service(session, OLD)
    session.answers("ecs").add_client_error("deregister_task_definition", "AccessDeniedException")
    said = retire(session.client("ecs"), "demo", "app", NEW, TARGET.deployment_id)
    assert "aws ecs deregister-task-definition --task-definition app-staging:2" in said
