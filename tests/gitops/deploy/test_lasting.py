"""Whether what is complete also lasts: success needs tasks that run now and stay, and the bake judges the revision."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops.deploy.decision import Verdict
from gitops.deploy.diagnostics import Evidence
from gitops.deploy.lasting import missing, trouble
from gitops.ecs_answers import Deployment, Observation
from tests.gitops.deploy.described import (
    NEW,
    NOON,
    OLD,
    TARGET,
    Acted,
    Phase,
    described_task,
    newer,
    old,
    ours,
    seen,
    stopped,
)

LIVE = replace(ours, state="COMPLETED", running=2)
STEADY = seen(LIVE)
OLD_AGAIN = replace(old, status="PRIMARY")
HOST: dict[str, Any] = {
    "stopCode": "TerminationNotice",
    "stoppedReason": "ECS is performing maintenance on the underlying infrastructure hosting the task.",
}
UNHEALTHY: dict[str, Any] = {
    "stopCode": "ServiceSchedulerInitiated",
    "stoppedReason": "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x)",
    "containers": [{"name": "app", "exitCode": 0}],
}


@pytest.mark.parametrize(
    ("observation", "evidence", "expected"),
    [
        (STEADY, Evidence(), ""),
        (STEADY, Evidence(targets=Counter(healthy=2)), ""),
        (STEADY, Evidence(stopped={"t1": stopped()}), "app exited with code 3"),
        (STEADY, Evidence(stopped={"t0": stopped("t0")}), ""),
        (STEADY, Evidence(stopped={"t1": stopped(stopCode="UserInitiated")}), ""),
        (STEADY, Evidence(stopped={"t1": stopped(**HOST)}), ""),
        # Its host may be dying: ECS says what it was when it stops the task.
        (STEADY, Evidence(targets=Counter(unhealthy=1), unhealthy={"a:1": "status 503"}), ""),
        (STEADY, Evidence(stopped={"t1": stopped(**UNHEALTHY)}), "app failed the load balancer's health checks"),
        (seen(newer), Evidence(stopped={"t1": stopped()}), ""),
    ],
)
def test_trouble(observation: Observation, evidence: Evidence, expected: str) -> None:
    assert trouble(TARGET, observation, evidence, apart={"t0"}) == expected


def test_every_target_group_has_to_have_all_tasks_healthy_where_it_can_be_asked() -> None:
    whole, left = Counter(healthy=2, draining=2), Counter(healthy=4)
    for groups, said in (
        ({"arn:one": whole, "arn:two": whole}, ""),
        ({"arn:one": whole, "arn:two": Counter(healthy=1, initial=1)}, "1 of 2 targets are healthy"),
        # What is left over in one group says nothing of another, and an empty one has none.
        ({"arn:one": left, "arn:two": Counter[str]()}, "0 of 2 targets are healthy"),
        ({}, ""),
    ):
        assert missing(STEADY, Evidence(groups=groups)) == said


def begun(at: float, running: int, state: str = "IN_PROGRESS", status: str = "IN_PROGRESS") -> Phase:
    beside = () if state == "COMPLETED" else (old,)
    return at, (replace(ours, state=state, running=running), *beside), status


GOOD = [begun(0, 0), begun(8, 2), begun(20, 2, "COMPLETED", "SUCCESSFUL")]


def crashed(number: int, at: float, lived: float, **changes: Any) -> tuple[float, dict[str, Any]]:
    """A task that stopped at a second after so many of life."""
    times = {"startedAt": NOON + timedelta(seconds=at - lived), "stoppedAt": NOON + timedelta(seconds=at)}
    return at, described_task(f"t{number}", **{**times, **changes})


def test_the_end_is_reported_within_a_second_at_one_call_a_second_with_its_steadiness_proven_meanwhile() -> None:
    found, _ = Acted(GOOD).followed()
    assert found.end.verdict is Verdict.SUCCEEDED
    assert found.seconds <= 21
    assert found.calls / found.seconds <= 1


def test_what_is_complete_at_once_is_watched_until_it_has_stayed() -> None:
    found, _ = Acted([begun(0, 2, "COMPLETED", "SUCCESSFUL")]).followed()
    assert (found.end.verdict, 6 < found.seconds < 8) == (Verdict.SUCCEEDED, True)


@pytest.mark.parametrize(
    ("healthy_at", "verdict", "ended"),
    [(0, Verdict.SUCCEEDED, 20), (60, Verdict.SUCCEEDED, 60), (9e9, Verdict.FAILED, 300)],
)
def test_success_waits_for_the_targets_of_every_group(healthy_at: float, verdict: Verdict, ended: float) -> None:
    """ECS calls a deployment complete whose targets turned unhealthy since, or were deregistered."""
    groups = {"arn:one": 0.0, "arn:two": healthy_at}
    found, _ = Acted(GOOD, groups=groups).followed(timeout=300.0)
    assert found.end.verdict is verdict
    assert ended <= found.seconds <= ended + 15
    assert ("0 of 2 targets are healthy" in found.end.cause) is (verdict is Verdict.FAILED)


def test_one_that_ran_for_long_and_died_once_is_no_crash_loop() -> None:
    found, _ = Acted([begun(0, 2, *DONE)], [crashed(1, -600, 3000)]).followed()
    assert (found.end.verdict, 6 < found.seconds < 8) == (Verdict.SUCCEEDED, True)


def flapping(every: float, up: float, until: float = 600) -> list[Phase]:
    """A complete deployment whose tasks die together, run again, and die."""
    starts = [number * every for number in range(int(until / every))]
    return [one for at in starts for one in (begun(at, 2, *DONE), begun(at + up, 0, *DONE))]


DONE = ("COMPLETED", "SUCCESSFUL")
# aws-actions/amazon-ecs-deploy-task-definition#494: ECS calls it complete all the while.
LOOPS = {
    "tasks that never run": ([begun(0, 0, *DONE)], []),
    "a task that dies after 3 s runs at every other look": (
        flapping(4, 3),
        [crashed(number, number * 4 + 3, 3) for number in range(150)],
    ),
    "no look shows it, only the stopped tasks": (
        [begun(0, 2, *DONE)],
        [crashed(number, number * 4 + 3, 3) for number in range(150)],
    ),
    "it dies once a minute, and looks well between": (
        [begun(0, 2, *DONE)],
        [crashed(number, number * 60 - 30, 60) for number in range(15)],
    ),
}


@pytest.mark.parametrize(("phases", "stops"), LOOPS.values(), ids=LOOPS.keys())
def test_a_crash_loop_never_succeeds_and_is_failed_with_the_time_up(
    phases: list[Phase], stops: list[tuple[float, dict[str, Any]]]
) -> None:
    acted = Acted(phases, stops)
    found, _ = acted.followed(timeout=300.0)
    assert found.end.verdict is Verdict.FAILED
    assert "ECS calls it complete" in found.end.cause
    assert 300 <= found.seconds <= 315
    assert acted.made("UpdateService") == []
    assert len(found.evidence.stopped) == len([at for at, _ in stops if at <= acted.time.seconds])


BACK: list[Phase] = [
    (0, (replace(OLD_AGAIN, id="ecs-svc/back", state="IN_PROGRESS", created=NOON + timedelta(minutes=5)),), ""),
    (9, (replace(OLD_AGAIN, id="ecs-svc/back", created=NOON + timedelta(minutes=5)),), ""),
]


@pytest.mark.parametrize(("phases", "stops"), LOOPS.values(), ids=LOOPS.keys())
def test_with_a_bake_it_is_put_back(phases: list[Phase], stops: list[tuple[float, dict[str, Any]]]) -> None:
    acted = Acted(phases, stops, BACK)
    found, _ = acted.followed(bake=120.0, timeout=300.0)
    assert found.end.verdict is Verdict.ROLLED_BACK
    assert [asked["taskDefinition"] for asked in acted.made("UpdateService")] == [OLD]
    assert found.notes == ("it was complete and did not last, so app-staging:1 was deployed again",)


CRASH = crashed(9, 50, 30)
BAKED: dict[str, tuple[list[tuple[float, dict[str, Any]]], Verdict, str]] = {
    "it lasts": ([], Verdict.SUCCEEDED, ""),
    # What stopped before it was complete was a stumble.
    "a stumble at the start": ([crashed(1, 4, 1)], Verdict.SUCCEEDED, ""),
    "a task crashes": ([CRASH], Verdict.ROLLED_BACK, "app exited with code 3"),
    # stopCode of API_Task: the host, Spot, the scheduler's scaling and a person say nothing of the revision.
    "a host is retired": ([crashed(9, 50, 30, **HOST)], Verdict.SUCCEEDED, ""),
    "Spot takes one": ([crashed(9, 50, 30, stopCode="SpotInterruption")], Verdict.SUCCEEDED, ""),
    "a person stops one": ([crashed(9, 50, 30, stopCode="UserInitiated")], Verdict.SUCCEEDED, ""),
}


@pytest.mark.parametrize(("stops", "verdict", "cause"), BAKED.values(), ids=BAKED.keys())
def test_the_bake_judges_the_revision(stops: list[tuple[float, dict[str, Any]]], verdict: Verdict, cause: str) -> None:
    found, recorder = Acted(GOOD, stops, BACK).followed(bake=60.0)
    assert found.end.verdict is verdict
    assert cause in found.end.cause
    assert any(event.text == "complete; watched for 60 s more" for event in recorder.events)


@pytest.mark.parametrize(
    ("at_once", "then", "said"),
    [
        (
            "UpdateService",
            "",
            "app-staging:1 could not be deployed again: UpdateService answered AccessDeniedException",
        ),
        ("", "DescribeServices", "deploying app-staging:1 again: DescribeServices answered AccessDeniedException"),
    ],
)
def test_what_cannot_be_put_back_does_not_hide_why(
    monkeypatch: pytest.MonkeyPatch, at_once: str, then: str, said: str
) -> None:
    acted = Acted(GOOD, [CRASH], BACK, refused=(at_once,))
    answer = acted._answer

    def answered(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        acted.refused += (then,) if operation == "UpdateService" else ()
        return answer(operation, asked)

    monkeypatch.setattr(acted, "_answer", answered)
    found, _ = acted.followed(bake=60.0)
    assert (found.end.verdict, found.end.cause) == (Verdict.FAILED, f"app exited with code 3; {said}")


def test_one_stale_read_ends_no_bake_and_another_deployment_does() -> None:
    """A read may be of some seconds ago, even later on: kayac/ecspresso#28."""
    crash = crashed(9, 70, 30)
    # Two looks are 5 s apart, so that one of them is in these 5 s.
    stale, again = (39.0, (OLD_AGAIN,), ""), begun(44, 2, *DONE)
    assert Acted([*GOOD, stale, again], [crash], BACK).followed(bake=60.0)[0].end.verdict is Verdict.ROLLED_BACK
    replaced = (39.0, (newer,), "")
    assert Acted([*GOOD, replaced], [crash], BACK).followed(bake=60.0)[0].end.verdict is Verdict.SUPERSEDED


def test_what_nothing_served_before_is_baked_too_and_stays() -> None:
    acted = Acted(GOOD, [CRASH])
    found, _ = acted.followed(bake=60.0, target=replace(TARGET, previous_revision=""))
    assert (found.end.verdict, found.end.cause) == (Verdict.FAILED, "app exited with code 3")
    assert acted.made("UpdateService") == []


def phases(*shapes: tuple[float, tuple[Deployment, ...]]) -> list[Phase]:
    """Without a service deployment that ECS names."""
    return [(at, deployments, "") for at, deployments in shapes]


GOES = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/old."
WINDOW = (replace(OLD_AGAIN, state="IN_PROGRESS", reason=GOES), replace(ours, status="ACTIVE", failed=3))
FAILED = replace(ours, status="ACTIVE", state="FAILED", failed=3, reason="ECS deployment ecs-svc/new failed.")


@pytest.mark.parametrize(
    ("shapes", "verdict"),
    [
        # The rollback as it was recorded: in progress both, then failed, then gone.
        (phases((0, (ours, old)), (60, WINDOW), (160, (OLD_AGAIN, FAILED)), (170, (OLD_AGAIN,))), Verdict.ROLLED_BACK),
        # No read has the moment at which it is still listed.
        (phases((0, (ours, old)), (60, WINDOW), (160, (OLD_AGAIN,))), Verdict.ROLLED_BACK),
        # Reads are late after the update, and once again later on.
        (phases((0, (OLD_AGAIN,)), (9, (ours, old)), (40, (LIVE,))), Verdict.SUCCEEDED),
        (phases((0, (ours, old)), (12, (OLD_AGAIN,)), (12.5, (ours, old)), (40, (LIVE,))), Verdict.SUCCEEDED),
        (phases((0, (ours, old)), (12, (newer,))), Verdict.SUPERSEDED),
        # It is gone, and nothing ever said that it failed: nobody can tell.
        (phases((0, (ours, old)), (12, (OLD_AGAIN,))), Verdict.TIMED_OUT),
        (phases((0, (OLD_AGAIN,))), Verdict.TIMED_OUT),
    ],
)
def test_what_aws_shows_of_a_service_from_the_update_on(shapes: list[Phase], verdict: Verdict) -> None:
    acted = Acted(shapes)
    found, _ = acted.followed()
    assert found.end.verdict is verdict
    assert (acted.made("UpdateService"), acted.made("StopServiceDeployment")) == ([], [])
    assert found.calls / found.seconds <= 1.2
    assert found.end.seen.primary is not None
    assert (found.end.seen.primary.revision == NEW) is (verdict is Verdict.SUCCEEDED)


LAGGING: dict[str, tuple[list[Phase], Verdict]] = {
    "a good one": (GOOD, Verdict.SUCCEEDED),
    "one that is rolled back": (
        [
            begun(0, 0),
            (60, (replace(ours, failed=2), old), "IN_PROGRESS"),
            (90, WINDOW, "ROLLBACK_IN_PROGRESS"),
            (150, (OLD_AGAIN, FAILED), "ROLLBACK_SUCCESSFUL"),
            (160, (OLD_AGAIN,), "ROLLBACK_SUCCESSFUL"),
        ],
        Verdict.ROLLED_BACK,
    ),
    "one that is replaced": (
        [begun(0, 0), (30, (newer, replace(ours, status="ACTIVE"), old), "STOPPED"), (90, (newer,), "STOPPED")],
        Verdict.SUPERSEDED,
    ),
}


@pytest.mark.parametrize("lag", [3.0, 25.0])
@pytest.mark.parametrize(("shapes", "verdict"), LAGGING.values(), ids=LAGGING.keys())
def test_reads_of_replicas_that_lag_change_no_verdict(shapes: list[Phase], verdict: Verdict, lag: float) -> None:
    before: Phase = (-1.0, (OLD_AGAIN,), "")
    for seed in range(4):
        found, _ = Acted([before, *shapes], lag=lag, seed=seed).followed()
        assert found.end.verdict is verdict, seed
