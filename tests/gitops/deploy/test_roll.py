"""What a deploy does given what the service does already, and how a rollback stops what is in flight."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from gitops.deploy.roll import Action, choose
from gitops.deploy.rollback import Leaving, in_flight, stop, was_rolled_back
from gitops.ecs_answers import Observation
from tests.gitops.deploy.described import NEW, OLD, SD, Answers, newer, old, ours, seen, service

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


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
def test_the_newest_one_is_stopped_with_rollback(answers: Answers, status: str) -> None:
    answers.listed("IN_PROGRESS", status)
    wanted = {"serviceDeploymentArn": f"{SD}1", "stopType": "ROLLBACK"}
    answers.add("stop_service_deployment", {"serviceDeploymentArn": f"{SD}1"}, wanted)
    assert stop(service(answers.session)) == ""


@pytest.mark.parametrize("status", ["STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
def test_one_that_stops_already_is_not_stopped_again(answers: Answers, status: str) -> None:
    answers.listed(status)
    assert stop(service(answers.session)) == ""


def test_none_in_flight_is_said(answers: Answers) -> None:
    answers.listed()
    assert "names no service deployment" in stop(service(answers.session))


def test_what_cannot_be_stopped_is_said_and_any_other_refusal_is_raised(answers: Answers) -> None:
    answers.listed("IN_PROGRESS")
    answers.refuse("stop_service_deployment", "ConflictException")
    assert stop(service(answers.session)) == "StopServiceDeployment answered ConflictException"
    answers.refuse("list_service_deployments", "ServerException")
    with pytest.raises(ClientError):
        stop(service(answers.session))


@pytest.mark.parametrize(
    ("status", "revision", "expected"),
    [("ROLLBACK_SUCCESSFUL", NEW, True), ("ROLLBACK_SUCCESSFUL", OLD, False), ("SUCCESSFUL", NEW, False)],
)
def test_whether_the_last_deployment_of_a_revision_was_rolled_back(
    answers: Answers, status: str, revision: str, expected: bool
) -> None:
    answers.listed("SUCCESSFUL", status)
    if status == "ROLLBACK_SUCCESSFUL":
        answers.revisions(revision)
    assert was_rolled_back(service(answers.session), NEW) is expected


def test_where_nobody_can_tell_it_was_not(answers: Answers) -> None:
    answers.refuse("list_service_deployments", "AccessDeniedException")
    assert was_rolled_back(service(answers.session), NEW) is False
