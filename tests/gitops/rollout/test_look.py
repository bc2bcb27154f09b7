"""One look: the service deployments API first, the service's own deployments where that is not to be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gitops.errors import GitopsError
from gitops.rollout import observation
from gitops.rollout.calls import Calls
from gitops.rollout.look import Lookout
from gitops.rollout.observation import Observation
from tests.gitops.rollout.described import NEW, NOON, OLD, TARGET, old, ours, seen
from tests.gitops.rollout.stubbed import StubbedSession

SERVICE = {
    "status": "ACTIVE",
    "desiredCount": 2,
    "taskDefinition": NEW,
    "deployments": [
        {
            "id": TARGET.deployment_id,
            "status": "PRIMARY",
            "taskDefinition": NEW,
            "createdAt": NOON,
            "rolloutState": "IN_PROGRESS",
            "desiredCount": 2,
            "failedTasks": 1,
        }
    ],
    "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
}


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


def lookout(session: StubbedSession, first: Observation | None = None) -> Callable[[], Observation]:
    calls = Calls()
    calls.count(session.client("ecs"))
    look = Lookout(session.client("ecs"), "demo", "app", TARGET, calls, first)
    return lambda: look(0.0)


def listed(status: str = "PENDING", *deployments: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "serviceDeployments": [
            {
                "serviceDeploymentArn": f"arn:aws:ecs:sd/{name}",
                "targetServiceRevisionArn": f"arn:aws:ecs:sr/{revision}",
                "createdAt": NOON + timedelta(seconds=seconds),
                "status": status,
            }
            for name, revision, seconds in deployments
        ]
    }


def add_service(session: StubbedSession, **changes: Any) -> None:
    session.answers("ecs").add_response("describe_services", {"services": [{**SERVICE, **changes}]})


def add_status(session: StubbedSession, status: str) -> None:
    described = {
        "serviceDeploymentArn": "arn:aws:ecs:sd/ours",
        "status": status,
        "statusReason": "why",
        "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": 2, "threshold": 3},
    }
    session.answers("ecs").add_response(
        "describe_service_deployments",
        {"serviceDeployments": [described]},
        {"serviceDeploymentArns": ["arn:aws:ecs:sd/ours"]},
    )


def add_ours(session: StubbedSession, status: str) -> None:
    answers = session.answers("ecs")
    answers.add_response(
        "list_service_deployments",
        listed(status, ("other", "old", 0), ("earlier", "new", -50), ("ours", "new", 1)),
        {"cluster": "demo", "service": "app", "createdAt": {"after": NOON - timedelta(minutes=1)}},
    )
    revisions = [
        {"serviceRevisionArn": "arn:aws:ecs:sr/old", "taskDefinition": OLD},
        {"serviceRevisionArn": "arn:aws:ecs:sr/new", "taskDefinition": NEW},
    ]
    answers.add_response("describe_service_revisions", {"serviceRevisions": revisions})


def test_ours_is_found_by_its_revision_and_the_moment_it_was_made(session: StubbedSession) -> None:
    add_ours(session, "IN_PROGRESS")
    add_status(session, "IN_PROGRESS")
    add_status(session, "SUCCESSFUL")
    look = lookout(session, seen(ours, old))
    # What the list says is enough for the first look; each look after it is one call.
    assert [one.service_deployment.status for one in (look(), look(), look()) if one.service_deployment] == [
        "IN_PROGRESS",
        "IN_PROGRESS",
        "SUCCESSFUL",
    ]


def test_one_that_has_ended_before_the_first_look_is_described_at_once(session: StubbedSession) -> None:
    add_ours(session, "ROLLBACK_SUCCESSFUL")
    add_status(session, "ROLLBACK_SUCCESSFUL")
    found = lookout(session, seen(ours, old))().service_deployment
    assert found is not None
    assert found.breaker is not None
    assert (found.status, str(found.breaker)) == ("ROLLBACK_SUCCESSFUL", "2 of 3 failures")


def test_a_breaker_that_is_off_counts_nothing() -> None:
    described = {
        "serviceDeploymentArn": "arn:aws:ecs:sd/ours",
        "deploymentCircuitBreaker": {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 0},
    }
    assert observation.service_deployment(described).breaker is None


def test_what_stopped_it_is_looked_up_in_the_service(session: StubbedSession) -> None:
    add_ours(session, "STOPPED")
    add_status(session, "STOPPED")
    add_service(session, desiredCount=7)
    assert lookout(session, seen(ours, old))().desired == 7


def test_without_an_answer_of_update_service_the_service_is_described(session: StubbedSession) -> None:
    add_ours(session, "IN_PROGRESS")
    add_service(session)
    found = lookout(session)()
    assert found.service_deployment is not None
    assert found.desired == 2


def test_an_empty_list_is_asked_again_and_then_no_more(session: StubbedSession) -> None:
    searched = []
    for number in range(1, 12):
        if number in {1, 4, 8}:
            session.answers("ecs").add_response("list_service_deployments", listed())
            searched.append(number)
        add_service(session)
    look = lookout(session)
    assert all(look().service_deployment is None for _ in range(11))
    assert len(searched) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAction"])
def test_where_the_api_is_not_to_be_had_the_service_is_described(session: StubbedSession, code: str) -> None:
    session.answers("ecs").add_client_error("list_service_deployments", code)
    for _ in range(5):
        add_service(session)
    look = lookout(session)
    for _ in range(5):
        observation = look()
    assert observation.breaker_rolls_back
    ours = observation.deployment(TARGET.deployment_id)
    assert ours is not None
    assert (ours.state, ours.failed) == ("IN_PROGRESS", 1)


def test_a_service_that_was_deleted_is_an_error(session: StubbedSession) -> None:
    session.answers("ecs").add_response("list_service_deployments", listed())
    add_service(session, status="INACTIVE")
    with pytest.raises(GitopsError, match="was deleted while it was watched"):
        lookout(session)()
