"""What a deploy does given what the service does already, and how a rollback stops what is in flight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from gitops.deploy.roll import Action, choose
from gitops.deploy.rollback import Leaving, in_flight, stop, was_rolled_back
from gitops.ecs_answers import Observation
from tests.gitops.deploy.described import NEW, NOON, OLD, StubbedSession, newer, old, ours, seen, service

LIVE = replace(ours, state="COMPLETED", running=2)
FAILED = replace(ours, status="ACTIVE", state="FAILED")


@pytest.mark.parametrize(
    ("observation", "action", "watched"),
    [
        (seen(replace(old, status="PRIMARY")), Action.UPDATE, ""),
        (seen(), Action.UPDATE, ""),
        (seen(LIVE), Action.NOTHING, ""),
        (seen(replace(LIVE, running=0), desired=0), Action.NOTHING, ""),
        (seen(LIVE, replace(old, running=0, state="FAILED")), Action.NOTHING, ""),
        (seen(LIVE, old), Action.WATCH, ours.id),
        (seen(replace(LIVE, running=1)), Action.WATCH, ours.id),
        (seen(ours, old), Action.WATCH, ours.id),
        (seen(replace(ours, state="FAILED"), old), Action.FORCE, ""),
        (seen(replace(old, status="PRIMARY", state="IN_PROGRESS"), FAILED), Action.WATCH, ours.id),
        (seen(replace(old, status="PRIMARY"), FAILED), Action.UPDATE, ""),
        (seen(newer, replace(ours, status="ACTIVE")), Action.UPDATE, ""),
    ],
)
def test_what_there_is_to_do(observation: Observation, action: Action, watched: str) -> None:
    chosen, deployment = choose(observation, NEW)
    assert chosen is action
    assert (deployment.id if deployment else "") == watched


BACK = replace(old, status="PRIMARY", state="IN_PROGRESS")


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(ours, old), Leaving(ours, old)),
        (seen(newer, replace(ours, status="ACTIVE"), old), Leaving(newer, old)),
        (seen(BACK, FAILED), Leaving(FAILED, BACK, rolls_back=True)),
        # Nothing was completed before it: there is nothing to go back to.
        (seen(ours), None),
        (seen(replace(old, status="PRIMARY")), None),
        (seen(replace(ours, state="FAILED"), old), None),
        # The same revision again, forced: stopping it changes nothing.
        (seen(ours, replace(old, revision=NEW)), None),
        (seen(), None),
    ],
)
def test_what_a_stop_would_leave(observation: Observation, expected: Leaving | None) -> None:
    assert in_flight(observation) == expected


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


def listed(session: StubbedSession, *statuses: str) -> None:
    """Service deployments, the newest last."""
    entries = [
        {"serviceDeploymentArn": f"arn:{n}", "status": status, "createdAt": NOON + timedelta(seconds=n)}
        for n, status in enumerate(statuses)
    ]
    session.answers("ecs").add_response("list_service_deployments", {"serviceDeployments": entries})


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
def test_the_newest_one_is_stopped_with_rollback(session: StubbedSession, status: str) -> None:
    listed(session, "IN_PROGRESS", status)
    wanted = {"serviceDeploymentArn": "arn:1", "stopType": "ROLLBACK"}
    session.answers("ecs").add_response("stop_service_deployment", {"serviceDeploymentArn": "arn:1"}, wanted)
    assert stop(service(session)) == ""


@pytest.mark.parametrize("status", ["STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
def test_one_that_stops_already_is_not_stopped_again(session: StubbedSession, status: str) -> None:
    listed(session, status)
    assert stop(service(session)) == ""


def test_none_in_flight_is_said(session: StubbedSession) -> None:
    listed(session)
    assert "names no service deployment" in stop(service(session))


@pytest.mark.parametrize("code", ["ConflictException", "InvalidParameterException", "AccessDeniedException"])
def test_what_cannot_be_stopped_is_said(session: StubbedSession, code: str) -> None:
    listed(session, "IN_PROGRESS")
    session.answers("ecs").add_client_error("stop_service_deployment", code)
    assert stop(service(session)) == f"StopServiceDeployment answered {code}"


def test_any_other_refusal_is_raised(session: StubbedSession) -> None:
    session.answers("ecs").add_client_error("list_service_deployments", "ServerException")
    with pytest.raises(ClientError):
        stop(service(session))


def test_the_one_before_is_the_one_that_completed() -> None:
    leaving = in_flight(seen(ours, old))
    assert leaving is not None
    assert leaving.good.revision == OLD


@pytest.mark.parametrize(
    ("status", "revision", "expected"),
    [("ROLLBACK_SUCCESSFUL", NEW, True), ("ROLLBACK_SUCCESSFUL", OLD, False), ("SUCCESSFUL", NEW, False)],
)
def test_whether_the_last_deployment_of_a_revision_was_rolled_back(
    session: StubbedSession, status: str, revision: str, expected: bool
) -> None:
    entries = [
        {"status": "SUCCESSFUL", "createdAt": NOON, "targetServiceRevisionArn": "arn:old"},
        {"status": status, "createdAt": NOON + timedelta(seconds=1), "targetServiceRevisionArn": "arn:new"},
    ]
    ecs = session.answers("ecs")
    ecs.add_response("list_service_deployments", {"serviceDeployments": entries})
    if status == "ROLLBACK_SUCCESSFUL":
        described = [{"serviceRevisionArn": "arn:new", "taskDefinition": revision}]
        wanted = {"serviceRevisionArns": ["arn:new"]}
        ecs.add_response("describe_service_revisions", {"serviceRevisions": described}, wanted)
    assert was_rolled_back(service(session), NEW) is expected


def test_where_nobody_can_tell_it_was_not(session: StubbedSession) -> None:
    session.answers("ecs").add_client_error("list_service_deployments", "AccessDeniedException")
    assert was_rolled_back(service(session), NEW) is False
