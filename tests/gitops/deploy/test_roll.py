"""What a deploy does given what the service does already, and how a rollback stops what is in flight."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gitops.deploy.decision import Verdict, read
from gitops.deploy.register import Registered
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.report import Outcome
from gitops.deploy.revisions import provenance_of
from gitops.deploy.roll import Action, choose, require_service, roll
from gitops.deploy.rollback import Leaving, in_flight, rollback, stop, was_rolled_back
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from gitops.oci import Reference
from gitops.repository import Checkout
from tests.gitops.conftest import commit
from tests.gitops.deploy.described import (
    NEW,
    NOON,
    OLD,
    SD,
    Acted,
    Answers,
    Phase,
    described_task,
    entry,
    newer,
    old,
    ours,
    seen,
    service,
    tags_of,
)

LIVE = replace(ours, state="COMPLETED", running=2)
FAILED = replace(ours, status="ACTIVE", state="FAILED")
# As AWS shows a rollback at first: the failing deployment is in progress beside the old one, which is PRIMARY again.
FAILING = replace(ours, status="ACTIVE", failed=3)
BACK = replace(old, status="PRIMARY", state="IN_PROGRESS")


@pytest.mark.parametrize(
    ("observation", "action", "watched"),
    [
        (seen(replace(old, status="PRIMARY")), Action.UPDATE, ""),
        (seen(), Action.UPDATE, ""),
        (seen(LIVE), Action.NOTHING, ours.id),
        (seen(replace(LIVE, running=0), desired=0), Action.NOTHING, ours.id),
        (seen(LIVE, replace(old, running=0, state="FAILED")), Action.NOTHING, ours.id),
        # It is live by what ECS said once; whether it serves is watched.
        (seen(replace(LIVE, running=0, failed=9)), Action.NOTHING, ours.id),
        (seen(LIVE, old), Action.WATCH, ours.id),
        (seen(replace(LIVE, running=1)), Action.WATCH, ours.id),
        (seen(ours, old), Action.WATCH, ours.id),
        (seen(replace(ours, state="FAILED"), old), Action.WATCH, ours.id),
        (seen(replace(ours, state="FAILED"), old, rolls_back=False), Action.FORCE, ""),
        # ECS rolls it back: once more would start what fails again.
        (seen(BACK, FAILED), Action.WATCH, ours.id),
        (seen(BACK, FAILING), Action.WATCH, ours.id),
        (seen(replace(old, status="PRIMARY"), FAILED), Action.UPDATE, ""),
        (seen(newer, replace(ours, status="ACTIVE")), Action.UPDATE, ""),
    ],
)
def test_what_there_is_to_do(observation: Observation, action: Action, watched: str) -> None:
    chosen, deployment = choose(read(observation), NEW)
    assert chosen is action
    assert (deployment.id if deployment else "") == watched


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(ours, old), Leaving(ours, old)),
        (seen(newer, replace(ours, status="ACTIVE"), old), Leaving(newer, old)),
        (seen(BACK, FAILED), Leaving(FAILED, BACK, rolls_back=True)),
        (seen(BACK, FAILING), Leaving(FAILING, BACK, rolls_back=True)),
        # The one that fails is not stopped, nor the one after it taken back: ECS is at it.
        (seen(BACK, FAILING, replace(old, id="ecs-svc/older")), Leaving(FAILING, BACK, rolls_back=True)),
        (seen(replace(ours, state="FAILED"), old), Leaving(replace(ours, state="FAILED"), old, rolls_back=True)),
        # Nothing was completed before it: there is nothing to go back to.
        (seen(ours), None),
        (seen(replace(old, status="PRIMARY")), None),
        (seen(replace(ours, state="FAILED"), old, rolls_back=False), None),
        # The same revision again, forced: stopping it changes nothing.
        (seen(ours, replace(old, revision=NEW)), None),
        (seen(), None),
    ],
)
def test_what_a_stop_would_leave(observation: Observation, expected: Leaving | None) -> None:
    assert in_flight(observation) == expected


CURRENT = replace(seen(ours, old), current_deployment=SD)


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
def test_the_current_one_is_stopped_with_rollback(answers: Answers, status: str) -> None:
    answers.status(status)
    wanted = {"serviceDeploymentArn": SD, "stopType": "ROLLBACK"}
    answers.add("stop_service_deployment", {"serviceDeploymentArn": SD}, wanted)
    assert stop(service(answers.session), CURRENT) == ""


@pytest.mark.parametrize("status", ["STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
def test_one_that_stops_already_is_not_stopped_again(answers: Answers, status: str) -> None:
    answers.status(status)
    assert stop(service(answers.session), CURRENT) == ""


def test_none_in_flight_and_what_cannot_be_stopped_is_said(answers: Answers) -> None:
    app = service(answers.session)
    assert "names no service deployment" in stop(app, seen(ours, old))
    answers.status("SUCCESSFUL")
    assert "names no service deployment" in stop(app, CURRENT)
    answers.status("IN_PROGRESS")
    answers.refuse("stop_service_deployment", "ConflictException")
    assert stop(app, CURRENT) == "StopServiceDeployment answered ConflictException"
    answers.refuse("describe_service_deployments", "AccessDeniedException")
    assert stop(app, CURRENT) == "DescribeServiceDeployments answered AccessDeniedException"
    answers.refuse("describe_service_deployments", "ServerException")
    with pytest.raises(ClientError):
        stop(app, CURRENT)


@pytest.mark.parametrize(
    ("status", "revision", "expected"),
    [("ROLLBACK_SUCCESSFUL", NEW, True), ("ROLLBACK_SUCCESSFUL", OLD, False), ("SUCCESSFUL", NEW, False)],
)
def test_whether_the_last_deployment_of_a_revision_was_rolled_back(
    answers: Answers, status: str, revision: str, expected: bool
) -> None:
    answers.status(status)
    if status == "ROLLBACK_SUCCESSFUL":
        answers.revisions(revision)
    assert was_rolled_back(service(answers.session), CURRENT, NEW) is expected


def test_where_nobody_can_tell_it_was_not(answers: Answers) -> None:
    answers.refuse("describe_service_deployments", "AccessDeniedException")
    assert was_rolled_back(service(answers.session), CURRENT, NEW) is False
    assert was_rolled_back(service(answers.session), seen(ours), NEW) is False


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"deploymentController": {"type": "CODE_DEPLOY"}, "deployments": []}, "is deployed by CODE_DEPLOY"),
        ({"deploymentController": {"type": "EXTERNAL"}, "deployments": []}, "is deployed by EXTERNAL"),
        ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "has the strategy BLUE_GREEN"),
        ({"deploymentConfiguration": {"strategy": "LINEAR"}}, "has the strategy LINEAR"),
        ({"deploymentConfiguration": {"strategy": "CANARY"}}, "has the strategy CANARY"),
        ({"status": "DRAINING"}, "is DRAINING"),
        ({"deployments": [entry(replace(ours, state=""))]}, "tells no rollout state"),
        ({"status": "INACTIVE"}, "has no ECS service app"),
        ({"deploymentConfiguration": {"earlySuccessCriteria": {"enable": True, "healthyPercent": 50}}}, ""),
        ({}, ""),
    ],
)
def test_what_cannot_be_rolled_is_refused_before_anything_is_registered(
    answers: Answers, repository: Path, changes: dict[str, Any], problem: str
) -> None:
    answers.service(**changes)
    to = Destination.of(Checkout(repository), "staging", "app")
    if not problem:
        assert require_service(service(answers.session), to).status == "ACTIVE"
        return
    with pytest.raises(GitopsError, match=problem) as refused:
        require_service(service(answers.session), to)
    assert refused.value.fix


A, B = {"Commit": "a" * 40, "Verdict": "succeeded"}, {"Commit": "b" * 40}
DONE, LOST = (0.0, (LIVE,), "SUCCESSFUL"), (0.0, (replace(LIVE, running=0, failed=9),), "SUCCESSFUL")
CRASH = (30.0, described_task())
PUT_BACK = (0.0, (replace(old, id="ecs-svc/back", status="PRIMARY", created=NOON + timedelta(hours=1)),), "")
RELIVED = {
    "recorded, and steady": ({**B, "Verdict": "succeeded"}, DONE, [], Verdict.SUCCEEDED, []),
    "recorded, and a task dies later": ({**B, "Verdict": "succeeded"}, DONE, [CRASH], Verdict.SUCCEEDED, []),
    "recorded, and it crash-loops": ({**B, "Verdict": "succeeded"}, LOST, [], Verdict.FAILED, []),
    # Whatever interrupted the deploy before: what it did not get, the next one gives.
    "unrecorded, and it lasts": (B, DONE, [], Verdict.SUCCEEDED, []),
    "unrecorded, and it does not last": (B, DONE, [CRASH], Verdict.ROLLED_BACK, [OLD]),
    "unrecorded, and it crash-loops": (B, LOST, [], Verdict.ROLLED_BACK, [OLD]),
}


@pytest.mark.parametrize(("tags", "phase", "stops", "verdict", "updated"), RELIVED.values(), ids=RELIVED.keys())
def test_what_is_live_already_is_proven_again_and_baked_where_no_verdict_was_recorded(
    to: Destination,
    tags: dict[str, str],
    phase: Phase,
    stops: list[tuple[float, dict[str, Any]]],
    verdict: Verdict,
    updated: list[str],
) -> None:
    acted = Acted([phase], stops, [PUT_BACK], tags={NEW: tags, OLD: A})
    outcome = rolled(acted, to, tags, acted.run(bake=60.0, timeout=100.0))
    assert outcome.verdict is verdict
    assert [asked["taskDefinition"] for asked in acted.made("UpdateService")] == updated
    # What still serves, or is meant by the service, is never deregistered.
    retired = [asked["taskDefinition"] for asked in acted.made("DeregisterTaskDefinition")]
    assert retired == ([NEW] if updated else [])
    assert bool(acted.made("TagResource")) is (verdict is Verdict.SUCCEEDED and "Verdict" not in tags)
    # The next step of what failed is a rollback to what served before.
    assert (outcome.before.commit == A["Commit"]) is (verdict is not Verdict.SUCCEEDED or "Verdict" not in tags)


def test_what_is_refused_after_the_verdict_does_not_change_it(to: Destination) -> None:
    acted = Acted([LOST], tags={NEW: B, OLD: A}, refused=("ListTaskDefinitions",))
    assert rolled(acted, to, {**B, "Verdict": "succeeded"}, acted.run(timeout=100.0)).verdict is Verdict.FAILED
    acted = Acted([DONE], tags={NEW: B, OLD: A}, refused=("TagResource",))
    outcome = rolled(acted, to, B, acted.run(timeout=100.0))
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "app-staging:2 is not marked as good (TagResource answered AccessDeniedException)" in outcome.notes


GOES = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/old."
WINDOW: list[Phase] = [
    (0.0, (replace(BACK, reason=GOES), FAILING), "ROLLBACK_IN_PROGRESS"),
    (20.0, (replace(BACK, state="COMPLETED"), FAILED), "ROLLBACK_SUCCESSFUL"),
    (25.0, (replace(BACK, state="COMPLETED"),), "ROLLBACK_SUCCESSFUL"),
]


@pytest.fixture
def to(repository: Path) -> Destination:
    commit(repository)
    return Destination.of(Checkout(repository), "staging", "app")


def test_a_rollback_pressed_while_ecs_rolls_back_takes_back_no_commit_more(to: Destination) -> None:
    acted = Acted(WINDOW, tags={NEW: B, OLD: A})
    outcome = rollback(to, "", acted.run(timeout=100.0))
    assert (outcome.verdict, outcome.after.revision) == (Verdict.SUCCEEDED, OLD)
    assert "the deployment of app-staging:2 was rolled back" in outcome.notes
    assert (acted.made("UpdateService"), acted.made("StopServiceDeployment")) == ([], [])
    assert acted.made("DeregisterTaskDefinition") == [{"taskDefinition": NEW}]


def test_a_rollback_that_times_out_says_how_it_is_watched_on(to: Destination) -> None:
    acted = Acted(WINDOW, tags={NEW: B, OLD: A})
    outcome = rollback(to, "", acted.run(timeout=10.0))
    assert outcome.verdict is Verdict.TIMED_OUT
    assert "gitops rollback app staging once more watches the same end" in outcome.notes
    assert acted.made("DeregisterTaskDefinition") == []


def test_a_rollback_that_ecs_takes_back_goes_on_instead_of_ending_on_what_was_to_be_left(to: Destination) -> None:
    # The new revision is a rollback's, away from the old one, which ECS goes back to.
    acted = Acted(WINDOW, tags={NEW: {**B, "RolledBackFrom": "app-staging:1"}, OLD: A})
    with pytest.raises(GitopsError, match="no revision of app in staging before app-staging:1"):
        rollback(to, "", acted.run(timeout=100.0))
    assert acted.made("DeregisterTaskDefinition") == [{"taskDefinition": NEW}]
    assert acted.made("TagResource") == []


def test_the_same_commit_again_while_ecs_rolls_it_back_is_watched_to_that_end(to: Destination) -> None:
    acted = Acted(WINDOW, tags={NEW: B, OLD: A})
    outcome = rolled(acted, to, B, acted.run(timeout=100.0))
    assert (outcome.verdict, acted.made("UpdateService")) == (Verdict.ROLLED_BACK, [])
    assert acted.made("DeregisterTaskDefinition") == [{"taskDefinition": NEW}]


@pytest.mark.parametrize("bake", [0.0, 10.0])
@pytest.mark.parametrize(
    ("refused", "what"), [("ListTasks", "stopped tasks"), ("DescribeTargetHealth", "target health")]
)
def test_what_nobody_could_see_fail_is_no_success(to: Destination, refused: str, what: str, bake: float) -> None:
    acted = Acted([DONE], tags={NEW: B, OLD: A}, refused=(refused,), groups={"arn:tg": 0.0})
    outcome = rolled(acted, to, B, acted.run(timeout=100.0, bake=bake))
    gap = f"could not be looked up: {what}: {refused} answered AccessDeniedException"
    assert (outcome.verdict, outcome.cause) == (Verdict.UNPROVEN, gap)
    # Neither taken for good nor given up.
    assert (acted.made("TagResource"), acted.made("DeregisterTaskDefinition")) == ([], [])


def rolled(acted: Acted, to: Destination, tags: dict[str, str], run: Run) -> Outcome:
    """How a roll to the new revision ends."""
    registered = Registered(NEW, Reference("reg/app", "b" * 40, ""), provenance_of(tags_of(tags)), {}, is_new=False)
    return roll(Release.of(to, "HEAD"), registered, require_service(run.service, to), run)
