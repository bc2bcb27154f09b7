"""What ECS is doing and the verdict: rows as AWS answers, and every combination that the service model allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import botocore.session
import pytest

from gitops.deploy.decision import OPEN_STATUSES, State, Target, Verdict, decide, read
from gitops.ecs_answers import Deployment, Observation, ServiceDeployment
from gitops.errors import GitopsError
from tests.gitops.deploy.answers import services
from tests.gitops.deploy.described import NEW, NOON, OLD, TARGET, newer, old, ours, seen, through_the_api

LIVE = replace(ours, state="COMPLETED", running=2)
BACK = replace(old, status="PRIMARY")
BEHIND = replace(ours, status="ACTIVE")
FAILED = replace(BEHIND, state="FAILED", reason="circuit breaker")
# The texts of deployment-circuit-breaker.html in ECS's guide.
GOING = replace(
    BACK, state="IN_PROGRESS", reason="ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/old."
)

BY_DEPLOYMENTS = {
    "just begun": (seen(ours, old), State.ROLLING_OUT, None),
    # bugcrowd/ecs-deployment-monitor#2, kayac/ecspresso#28: a read right after UpdateService.
    "not known to a read yet": (replace(seen(BACK), late=True), State.ROLLING_OUT, None),
    "all run, not completed yet": (seen(replace(ours, running=2), old), State.ROLLING_OUT, None),
    "completed and steady": (seen(LIVE), State.STEADY, Verdict.SUCCEEDED),
    "completed with an old failure still listed": (
        seen(LIVE, replace(FAILED, id="ecs-svc/before")),
        State.STEADY,
        Verdict.SUCCEEDED,
    ),
    # docs.aws.amazon.com/AmazonECS/latest/developerguide/early-success-criteria.html: old tasks may outlast the end.
    "completed, and old tasks run": (seen(LIVE, old), State.SETTLING, None),
    "completed, and a task starts": (seen(replace(LIVE, running=1)), State.SETTLING, None),
    # aws-actions/amazon-ecs-deploy-task-definition#494
    "completed, and its tasks die": (seen(replace(LIVE, running=0, failed=9)), State.FAILING, None),
    "completed, and one of two dies": (seen(replace(LIVE, running=1, failed=1)), State.FAILING, None),
    "completed with nothing wanted": (seen(replace(LIVE, running=0), desired=0), State.STEADY, Verdict.UNPROVEN),
    "completed and then replaced": (
        seen(newer, replace(LIVE, status="ACTIVE")),
        State.SUPERSEDED,
        Verdict.SUPERSEDED,
    ),
    # Recorded: the old deployment is PRIMARY again, the failing one still IN_PROGRESS, then FAILED, then gone.
    "going back, and still in progress": (seen(GOING, replace(BEHIND, failed=3)), State.ROLLING_BACK, None),
    "going back, and failed": (seen(replace(BACK, state="IN_PROGRESS"), FAILED), State.ROLLING_BACK, None),
    "back but not steady": (seen(replace(BACK, running=1), FAILED), State.ROLLING_BACK, None),
    "failed and back": (seen(BACK, FAILED), State.ROLLED_BACK, Verdict.ROLLED_BACK),
    "failed, and the way back failed": (seen(replace(BACK, state="FAILED"), FAILED), State.FAILED, Verdict.FAILED),
    "failed, not begun to go back": (seen(replace(ours, state="FAILED"), old), State.ROLLING_BACK, None),
    "failed without a breaker that rolls back": (
        seen(replace(ours, state="FAILED"), old, rolls_back=False),
        State.FAILED,
        Verdict.FAILED,
    ),
    "failed with nothing to go back to": (seen(replace(ours, state="FAILED")), State.FAILED, Verdict.FAILED),
    "failed, and somebody deployed since": (seen(newer, FAILED), State.FAILED, Verdict.FAILED),
    "failed, and somebody deployed what ran before": (
        seen(replace(newer, revision=OLD, state="COMPLETED", running=2), FAILED),
        State.ROLLED_BACK,
        Verdict.ROLLED_BACK,
    ),
    "gone and back": (seen(BACK), State.ROLLED_BACK, Verdict.ROLLED_BACK),
    "gone, going back": (seen(replace(BACK, state="IN_PROGRESS")), State.ROLLING_BACK, None),
    "gone, a new deployment says it rolls back": (
        seen(replace(newer, reason="ECS deployment circuit breaker: rolling back to deploymentId x.")),
        State.ROLLING_BACK,
        None,
    ),
    "replaced while it ran": (seen(newer, BEHIND), State.SUPERSEDED, Verdict.SUPERSEDED),
    "gone and replaced": (seen(newer), State.SUPERSEDED, Verdict.SUPERSEDED),
    "gone and replaced by the same revision": (
        seen(replace(newer, revision=NEW)),
        State.SUPERSEDED,
        Verdict.SUPERSEDED,
    ),
    # Nobody says that it is a rollback.
    "gone and replaced by what ran before": (seen(replace(newer, revision=OLD)), State.SUPERSEDED, Verdict.SUPERSEDED),
    "gone and nothing else": (seen(), State.FAILED, Verdict.FAILED),
    "worked towards by nothing": (seen(BEHIND), State.ROLLING_OUT, None),
    "the service is being deleted": (seen(ours, status="DRAINING"), State.FAILED, Verdict.FAILED),
    "the service is deleted": (seen(status="INACTIVE"), State.FAILED, Verdict.FAILED),
}


@pytest.mark.parametrize(("observation", "state", "verdict"), BY_DEPLOYMENTS.values(), ids=BY_DEPLOYMENTS.keys())
def test_by_the_services_deployments(observation: Observation, state: State, verdict: Verdict | None) -> None:
    assert read(observation, TARGET).state is state
    assert decide(TARGET, observation, waited=1, timeout=900).verdict is verdict


def test_services_that_were_seen() -> None:
    for where, now, service in services():
        assert read(service, TARGET).state.value == now, where


STEADY = seen(LIVE)
BY_STATUS = {
    "PENDING": None,
    "IN_PROGRESS": None,
    "STOP_REQUESTED": None,
    "ROLLBACK_REQUESTED": None,
    "ROLLBACK_IN_PROGRESS": None,
    "SUCCESSFUL": Verdict.SUCCEEDED,
    # Late as that read is, the revision before does not serve by it.
    "ROLLBACK_SUCCESSFUL": None,
    "ROLLBACK_FAILED": Verdict.FAILED,
    "STOPPED": Verdict.FAILED,
}


@pytest.mark.parametrize(("status", "expected"), BY_STATUS.items())
def test_by_the_service_deployment(status: str, expected: Verdict | None) -> None:
    # The service's own deployments would say otherwise.
    observation = through_the_api(STEADY, status, "a reason", failures=2, running=2)
    assert decide(TARGET, observation, waited=1, timeout=900).verdict is expected


THREE = through_the_api(seen(BACK), "ROLLBACK_SUCCESSFUL", "tasks failed to start", failures=3)
CRASHING = seen(replace(LIVE, running=0, failed=9))


@pytest.mark.parametrize(
    ("observation", "waited", "verdict", "cause"),
    [
        (through_the_api(seen(ours, desired=0), "SUCCESSFUL"), 1, Verdict.UNPROVEN, "desired count is 0"),
        (through_the_api(seen(newer), "STOPPED"), 1, Verdict.SUPERSEDED, "ecs-svc/newer, app-staging:3"),
        (THREE, 1, Verdict.ROLLED_BACK, "tasks failed to start; circuit breaker: 3 of 3 failures"),
        (through_the_api(seen(replace(BACK, running=0)), "ROLLBACK_SUCCESSFUL"), 1, None, "0 of 2 tasks run"),
        (through_the_api(seen(replace(BACK, running=0)), "ROLLBACK_SUCCESSFUL"), 900, Verdict.FAILED, "app-staging:1"),
        (through_the_api(seen(GOING, BEHIND), "IN_PROGRESS"), 1, None, "rolling back to deploymentId"),
        # A status of last week, and tasks that die now (aws-actions/amazon-ecs-deploy-task-definition#494).
        (through_the_api(CRASHING, "SUCCESSFUL"), 1, None, "0 of 2 tasks run, 9 failed"),
        (through_the_api(CRASHING, "SUCCESSFUL"), 900, Verdict.FAILED, "after 900 s ECS calls it complete, and 0"),
        # Early success: one of two tasks was enough for ECS.
        (through_the_api(STEADY, "SUCCESSFUL", running=1), 1, None, "1 of 2 tasks run"),
        (seen(replace(LIVE, running=1)), 900, Verdict.FAILED, "after 900 s ECS calls it complete, and 1 of 2"),
        (seen(LIVE, old), 900, Verdict.TIMED_OUT, "tasks of the deployment before it still run"),
        (seen(ours, old), 899.9, None, ""),
        (seen(ours, old), 900, Verdict.TIMED_OUT, "not finished after 900 s"),
        (seen(GOING, BEHIND), 900, Verdict.TIMED_OUT, "rolling back after 900 s"),
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


@pytest.mark.parametrize(
    ("observation", "said"),
    [
        (seen(ours, old), "rolling out"),
        (seen(GOING, BEHIND), "rolling back to app-staging:1 from app-staging:2"),
        (seen(GOING), "rolling back to app-staging:1"),
        (seen(replace(ours, state="FAILED"), old), "rolling back to app-staging:1 from app-staging:2"),
        (seen(BACK, FAILED), "rolled back"),
        (STEADY, "steady"),
        # What was replaced is listed for a while.
        (seen(BACK, replace(BEHIND, status="INACTIVE")), "steady"),
        (CRASHING, "failing (ECS calls it complete, and 0 of 2 tasks run, 9 failed)"),
        (seen(replace(ours, state="FAILED"), rolls_back=False), "failed"),
        (seen(replace(ours, state="")), "not known"),
        (seen(), "failed"),
    ],
)
def test_the_same_reading_without_a_deployment_of_ours(observation: Observation, said: str) -> None:
    assert str(read(observation)) == said


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


def enum(shape: str) -> list[str]:
    """The values that the service model allows."""
    found = botocore.session.get_session().get_service_model("ecs").shape_for(shape).enum  # type: ignore[attr-defined]
    return list(found)


def test_the_table_knows_every_status_that_botocore_knows() -> None:
    assert set(enum("ServiceDeploymentStatus")) == set(BY_STATUS)
    assert {status for status, verdict in BY_STATUS.items() if verdict is None} == OPEN_STATUSES | {
        "ROLLBACK_SUCCESSFUL"
    }


def everything() -> Iterator[Observation]:
    """Every combination of a service deployment's status, PRIMARY, ours, their states and their numbers of tasks."""
    states, statuses = enum("DeploymentRolloutState"), enum("ServiceDeploymentStatus")
    shapes: list[tuple[Deployment, ...]] = [()]
    for state, running, failed in product(states, (0, 2), (0, 3)):
        mine = replace(ours, state=state, running=running, failed=failed)
        shapes += [(mine,), (mine, old), (replace(mine, status="ACTIVE"),)]
        for primary, theirs, tasks in product((BACK, newer), states, (0, 2)):
            other = replace(primary, state=theirs, running=tasks, failed=failed)
            shapes += [(other,), (other, replace(mine, status="ACTIVE")), (other, replace(mine, status="INACTIVE"))]
    for deployments, desired in product(dict.fromkeys(shapes), (0, 2)):
        bare = seen(*deployments, desired=desired)
        yield from (bare, seen(*deployments, desired=desired, rolls_back=False))
        for status, counted in product(statuses, (0, 2)):
            yield replace(bare, service_deployment=ServiceDeployment("arn", status, requested=2, running=counted))


def evidence(seen: Observation, target: Target) -> tuple[bool, bool, bool]:
    """Whether anything says that tasks of ours run, that ECS went back from ours, and that ours has failed."""
    mine, primary, ended = seen.deployment(target.deployment_id), seen.primary, seen.service_deployment
    says = ended.status if ended else ""
    counted = 2 if ended is None or says != "SUCCESSFUL" else ended.running
    runs = mine is not None and mine is primary and 0 < seen.desired <= min(mine.running, counted)
    away = primary is not None and primary.id != target.deployment_id
    back = primary is not None and away and primary.running >= seen.desired
    went = back and primary is not None and (primary.created < target.created or "ROLLBACK" in says)
    failed = any(one.state == "FAILED" for one in seen.deployments) or says in {"ROLLBACK_FAILED", "STOPPED"}
    return runs, went, failed or primary is None


def test_every_combination_that_the_service_model_allows() -> None:
    met = set()
    for observation in everything():
        decision = decide(TARGET, observation, waited=1, timeout=900)
        runs, went, failed = evidence(observation, TARGET)
        met.add(decision.verdict)
        match decision.verdict:
            case Verdict.SUCCEEDED:
                assert runs, observation
            case Verdict.ROLLED_BACK:
                assert went, observation
            case Verdict.FAILED:
                assert failed, observation
            case Verdict.SUPERSEDED:
                assert observation.primary, observation
                assert observation.primary.created > TARGET.created, observation
            case Verdict.UNPROVEN:
                assert observation.desired == 0, observation
            case None:
                assert decide(TARGET, observation, waited=900, timeout=900).verdict, observation
        if observation.service_deployment is None:
            assert str(read(observation))
    assert met == {None, *Verdict} - {Verdict.TIMED_OUT}


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
