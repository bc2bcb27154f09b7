"""The verdict: its exit codes, the decision from one look, and when ECS itself calls a service steady."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import botocore.session
import pytest

from gitops.deploy.decision import OPEN_STATUSES, Verdict, decide, is_steady
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from tests.gitops.deploy.described import NEW, NOON, OLD, TARGET, newer, old, ours, seen, through_the_api

BACK = replace(old, status="PRIMARY")
FAILED = replace(ours, status="ACTIVE", state="FAILED", reason="circuit breaker")

BY_DEPLOYMENTS = {
    "just begun": (seen(ours, old), None),
    "all run, not completed yet": (seen(replace(ours, running=2), old), None),
    "completed and steady": (seen(replace(ours, state="COMPLETED", running=2)), Verdict.SUCCEEDED),
    "completed with an old failure still listed": (
        seen(replace(ours, state="COMPLETED", running=2), replace(FAILED, id="ecs-svc/before")),
        Verdict.SUCCEEDED,
    ),
    "completed, but tasks are missing": (seen(replace(ours, state="COMPLETED", running=1)), None),
    "completed with nothing wanted": (seen(replace(ours, state="COMPLETED"), desired=0), Verdict.UNPROVEN),
    "completed and then replaced": (
        seen(newer, replace(ours, status="ACTIVE", state="COMPLETED", running=2)),
        Verdict.SUPERSEDED,
    ),
    "failed, going back": (seen(replace(BACK, state="IN_PROGRESS"), FAILED), None),
    "failed, back but not steady": (seen(replace(BACK, running=1), FAILED), None),
    "failed and back": (seen(BACK, FAILED), Verdict.ROLLED_BACK),
    "failed, and the way back failed": (seen(replace(BACK, state="FAILED"), FAILED), Verdict.FAILED),
    "failed, not begun to go back": (seen(replace(ours, state="FAILED"), old), None),
    "failed without a breaker that rolls back": (
        seen(replace(ours, state="FAILED"), old, rolls_back=False),
        Verdict.FAILED,
    ),
    "failed with nothing to go back to": (seen(replace(ours, state="FAILED")), Verdict.FAILED),
    "failed, and somebody deployed since": (seen(newer, FAILED), Verdict.FAILED),
    "going back without a failure": (seen(replace(BACK, state="IN_PROGRESS"), replace(ours, status="ACTIVE")), None),
    "gone and back": (seen(BACK), Verdict.ROLLED_BACK),
    "gone, going back": (seen(replace(BACK, state="IN_PROGRESS")), None),
    "gone, back by a new deployment of what ran before": (
        seen(replace(newer, revision=OLD, state="COMPLETED", running=2)),
        Verdict.ROLLED_BACK,
    ),
    "gone, a new deployment says it rolls back": (
        seen(replace(newer, reason="ECS deployment circuit breaker: rolling back to deploymentId x.")),
        None,
    ),
    "replaced while it ran": (seen(newer, replace(ours, status="ACTIVE")), Verdict.SUPERSEDED),
    "gone and replaced": (seen(newer), Verdict.SUPERSEDED),
    "gone and replaced by the same revision": (seen(replace(newer, revision=NEW)), Verdict.SUPERSEDED),
    "gone and nothing else": (seen(), Verdict.FAILED),
    "the service is being deleted": (seen(ours, status="DRAINING"), Verdict.FAILED),
    "the service is deleted": (seen(status="INACTIVE"), Verdict.FAILED),
}


@pytest.mark.parametrize(("observation", "expected"), BY_DEPLOYMENTS.values(), ids=BY_DEPLOYMENTS.keys())
def test_by_the_services_deployments(observation: Observation, expected: Verdict | None) -> None:
    assert decide(TARGET, observation, waited=1, timeout=900).verdict is expected


BY_STATUS = {
    "PENDING": None,
    "IN_PROGRESS": None,
    "STOP_REQUESTED": None,
    "ROLLBACK_REQUESTED": None,
    "ROLLBACK_IN_PROGRESS": None,
    "SUCCESSFUL": Verdict.SUCCEEDED,
    "ROLLBACK_SUCCESSFUL": Verdict.ROLLED_BACK,
    "ROLLBACK_FAILED": Verdict.FAILED,
    "STOPPED": Verdict.FAILED,
}


@pytest.mark.parametrize(("status", "expected"), BY_STATUS.items())
def test_by_the_service_deployment(status: str, expected: Verdict | None) -> None:
    # The service's own deployments would say otherwise: the service deployment is believed.
    observation = through_the_api(seen(replace(ours, state="COMPLETED", running=2)), status, "a reason", failures=2)
    assert decide(TARGET, observation, waited=1, timeout=900).verdict is expected


def test_the_table_knows_every_status_that_botocore_knows() -> None:
    shape = botocore.session.get_session().get_service_model("ecs").shape_for("ServiceDeploymentStatus")
    assert set(shape.enum) == set(BY_STATUS)  # type: ignore[attr-defined]
    assert {status for status, verdict in BY_STATUS.items() if verdict is None} == OPEN_STATUSES


def test_every_rollout_state_that_botocore_knows_is_decided() -> None:
    shape = botocore.session.get_session().get_service_model("ecs").shape_for("DeploymentRolloutState")
    for state in shape.enum:  # type: ignore[attr-defined]
        decide(TARGET, seen(replace(ours, state=state)), waited=1, timeout=900)
        decide(TARGET, seen(replace(BACK, state=state)), waited=1, timeout=900)


@pytest.mark.parametrize(
    "observation",
    [
        through_the_api(seen(ours), "HALF_DONE"),
        through_the_api(seen(ours), ""),
        seen(replace(ours, state="HALF_DONE")),
        seen(replace(ours, state="")),
        seen(replace(BACK, state="HALF_DONE")),
    ],
)
def test_a_status_that_is_not_known_is_an_error_and_no_reason_to_wait(observation: Observation) -> None:
    with pytest.raises(GitopsError, match="is not known here"):
        decide(TARGET, observation, waited=1, timeout=900)


STEADY = seen(replace(ours, state="COMPLETED", running=2))
THREE = through_the_api(seen(BACK), "ROLLBACK_SUCCESSFUL", "tasks failed to start", failures=3)


@pytest.mark.parametrize(
    ("observation", "waited", "verdict", "cause"),
    [
        (through_the_api(seen(ours, desired=0), "SUCCESSFUL"), 1, Verdict.UNPROVEN, "desired count is 0"),
        (through_the_api(seen(newer), "STOPPED"), 1, Verdict.SUPERSEDED, "ecs-svc/newer, app-staging:3"),
        (THREE, 1, Verdict.ROLLED_BACK, "tasks failed to start; circuit breaker: 3 of 3 failures"),
        (seen(ours, old), 899.9, None, ""),
        (seen(ours, old), 900, Verdict.TIMED_OUT, "not finished after 900 s"),
        # An end that comes with the timeout is still the end.
        (STEADY, 901, Verdict.SUCCEEDED, ""),
        # One that was made at the same moment is not newer.
        (seen(replace(newer, created=NOON, revision=OLD, state="COMPLETED", running=2)), 1, Verdict.ROLLED_BACK, ""),
        (seen(replace(newer, created=NOON + timedelta(milliseconds=1))), 1, Verdict.SUPERSEDED, ""),
    ],
)
def test_the_cause_and_the_time(observation: Observation, waited: float, verdict: Verdict | None, cause: str) -> None:
    decision = decide(TARGET, observation, waited, timeout=900)
    assert decision.verdict is verdict
    assert cause in decision.cause


def test_going_back_is_said_at_once_with_its_reason() -> None:
    for observation in (
        seen(replace(BACK, state="IN_PROGRESS"), FAILED),
        through_the_api(seen(ours), "ROLLBACK_IN_PROGRESS", "circuit breaker"),
    ):
        decision = decide(TARGET, observation, waited=1, timeout=900)
        assert (decision.rolling_back, "circuit breaker" in decision.cause) == (True, True)


def test_each_verdict_has_its_documented_exit_code() -> None:
    assert {verdict.value: verdict.exit_code for verdict in Verdict} == {
        "succeeded": 0,
        "rolled back": 20,
        "failed": 21,
        "superseded": 22,
        "timed out": 23,
        "unproven": 24,
    }
    assert len({verdict.meaning for verdict in Verdict}) == len(Verdict)


LIVE = replace(ours, state="COMPLETED", running=2)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(LIVE), True),
        (seen(replace(LIVE, running=1)), False),
        (seen(replace(LIVE, running=0), desired=0), False),
        (seen(ours), False),
        (seen(replace(ours, state="FAILED", running=2)), False),
        (seen(replace(old, status="PRIMARY"), replace(LIVE, status="ACTIVE")), False),
        (seen(), False),
    ],
)
def test_only_a_complete_deployment_with_all_its_tasks_counts(observation: Observation, expected: bool) -> None:
    assert is_steady(observation, NEW) is expected
