"""The loop around the decision with a clock of its own, and what each look asks of ECS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gitops import ecs_answers
from gitops.clock import Clock
from gitops.deploy.decision import Decision, Verdict
from gitops.deploy.poller import Calls, End, Poller, Tell, pause, watch
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from tests.gitops.deploy.described import (
    NEW,
    NOON,
    OLD,
    TARGET,
    StubbedSession,
    old,
    ours,
    seen,
    service,
    through_the_api,
)

BEGUN = seen(ours, old)
STEADY = seen(replace(ours, state="COMPLETED", running=2))
BACK = seen(replace(old, status="PRIMARY"))
GOING_BACK = seen(
    replace(old, status="PRIMARY", state="IN_PROGRESS"),
    replace(ours, status="ACTIVE", state="FAILED", reason="because"),
)


@dataclass
class FakeTime:
    """Seconds that pass only by sleeping."""

    seconds: float = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self._sleep, lambda: 0.0)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


def error(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeServices")  # type: ignore[arg-type]


def looks(*answers: Observation | Exception) -> Callable[[float], Observation]:
    """Give one answer after the other, the last one for ever."""
    left = list(answers)

    def look(_: float) -> Observation:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def run(
    *answers: Observation | Exception, timeout: float = 900, first: Observation | None = None
) -> tuple[End, FakeTime, list[Decision]]:
    time, told = FakeTime(), list[Decision]()
    tell: Tell = lambda _, decision, __: told.append(decision)  # noqa: E731
    end = watch(TARGET, looks(*answers), tell, timeout, time.clock(), first)
    return end, time, told


def test_it_ends_with_the_verdict_and_tells_every_look() -> None:
    end, _, told = run(BEGUN, BEGUN, STEADY)
    assert end.verdict is Verdict.SUCCEEDED
    assert end.seen is STEADY
    assert [decision.verdict for decision in told] == [None, None, Verdict.SUCCEEDED]


def test_the_reason_that_ecs_gave_on_the_way_back_is_kept() -> None:
    end, _, _ = run(BEGUN, GOING_BACK, BACK)
    assert (end.verdict, end.cause) == (Verdict.ROLLED_BACK, "because")


def test_it_ends_when_the_time_is_up() -> None:
    end, time, _ = run(BEGUN, timeout=60)
    assert end.verdict is Verdict.TIMED_OUT
    assert 60 <= time.seconds < 63


def test_looks_stay_under_one_a_second_on_average_and_a_second_apart_when_it_may_end() -> None:
    for looks_before_the_end in (1, 2, 5, 40):
        # Finding the service deployment is one call more than the look it comes with.
        end, time, told = run(*[BEGUN] * looks_before_the_end, STEADY, first=BEGUN)
        assert end.verdict is Verdict.SUCCEEDED
        assert len(told) / time.seconds < 1
    assert pause(TARGET, seen(replace(ours, running=2)), Decision(), waited=300) <= 1
    assert pause(TARGET, seen(replace(ours, failed=1)), Decision(), waited=300) <= 1
    assert pause(TARGET, BEGUN, Decision(rolling_back=True), waited=300) <= 1
    assert pause(TARGET, through_the_api(BEGUN, "IN_PROGRESS", failures=1), Decision(), waited=300) <= 1
    assert pause(TARGET, seen(old), Decision(), waited=300) <= 1


@pytest.mark.parametrize(
    "problem",
    [error("ServerException", 500), EndpointConnectionError(endpoint_url="http://x")],
)
def test_what_passes_is_waited_out(problem: Exception) -> None:
    end, time, _ = run(problem, problem, problem, STEADY)
    assert end.verdict is Verdict.SUCCEEDED
    assert time.seconds == pytest.approx(2 + 4 + 8)


def test_throttling_is_waited_out_until_the_time_is_up() -> None:
    throttled = error("ThrottlingException")
    end, time, _ = run(*[throttled] * 20, STEADY)
    assert end.verdict is Verdict.SUCCEEDED
    assert time.seconds == pytest.approx(2 + 4 + 8 + 17 * 10)
    with pytest.raises(ClientError, match="Throttling"):
        run(throttled, timeout=60)


def test_the_way_back_from_throttling_is_spread_over_half_of_its_pause() -> None:
    time = FakeTime()
    clock = replace(time.clock(), chance=lambda: 1.0)
    watch(TARGET, looks(error("ThrottlingException"), STEADY), lambda *_: None, 900, clock)
    assert time.seconds == pytest.approx(1)


def test_what_has_just_begun_is_told_and_not_looked_at_at_once() -> None:
    end, time, told = run(STEADY, first=BEGUN)
    assert end.verdict is Verdict.SUCCEEDED
    assert len(told) == 2
    assert 1 < time.seconds < 3


def test_a_cause_that_is_told_ends_the_wait_at_once() -> None:
    time = FakeTime()
    end = watch(TARGET, looks(BEGUN), lambda *_: "there is no such image", 900, time.clock())
    assert (end.verdict, end.cause) == (Verdict.FAILED, "there is no such image")
    assert time.seconds == 0


def test_a_verdict_goes_before_a_cause_that_is_told() -> None:
    end = watch(TARGET, looks(BACK), lambda *_: "there is no such image", 900, FakeTime().clock())
    assert end.verdict is Verdict.ROLLED_BACK


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(EndpointConnectionError):
        run(EndpointConnectionError(endpoint_url="http://x"))
    with pytest.raises(ClientError, match="AccessDenied"):
        run(error("AccessDeniedException"), STEADY)


def test_a_status_that_is_not_known_ends_it() -> None:
    with pytest.raises(GitopsError, match="is not known here"):
        run(BEGUN, seen(replace(ours, state="HALF_DONE")))


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


def poller(session: StubbedSession, first: Observation | None = None) -> Callable[[], Observation]:
    calls, app = Calls(), service(session)
    calls.count(app.ecs)
    look = Poller(app, TARGET, calls, first)
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
    look = poller(session, seen(ours, old))
    # What the list says is enough for the first look; each look after it is one call.
    assert [one.service_deployment.status for one in (look(), look(), look()) if one.service_deployment] == [
        "IN_PROGRESS",
        "IN_PROGRESS",
        "SUCCESSFUL",
    ]


def test_one_that_has_ended_before_the_first_look_is_described_at_once(session: StubbedSession) -> None:
    add_ours(session, "ROLLBACK_SUCCESSFUL")
    add_status(session, "ROLLBACK_SUCCESSFUL")
    found = poller(session, seen(ours, old))().service_deployment
    assert found is not None
    assert found.breaker is not None
    assert (found.status, str(found.breaker)) == ("ROLLBACK_SUCCESSFUL", "2 of 3 failures")


def test_a_breaker_that_is_off_counts_nothing() -> None:
    described = {
        "serviceDeploymentArn": "arn:aws:ecs:sd/ours",
        "deploymentCircuitBreaker": {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 0},
    }
    assert ecs_answers.service_deployment(described).breaker is None


def test_what_stopped_it_is_looked_up_in_the_service(session: StubbedSession) -> None:
    add_ours(session, "STOPPED")
    add_status(session, "STOPPED")
    add_service(session, desiredCount=7)
    assert poller(session, seen(ours, old))().desired == 7


def test_without_an_answer_of_update_service_the_service_is_described(session: StubbedSession) -> None:
    add_ours(session, "IN_PROGRESS")
    add_service(session)
    found = poller(session)()
    assert found.service_deployment is not None
    assert found.desired == 2


def test_an_empty_list_is_asked_again_and_then_no_more(session: StubbedSession) -> None:
    searched = []
    for number in range(1, 12):
        if number in {1, 4, 8}:
            session.answers("ecs").add_response("list_service_deployments", listed())
            searched.append(number)
        add_service(session)
    look = poller(session)
    assert all(look().service_deployment is None for _ in range(11))
    assert len(searched) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAction"])
def test_where_the_api_is_not_to_be_had_the_service_is_described(session: StubbedSession, code: str) -> None:
    session.answers("ecs").add_client_error("list_service_deployments", code)
    for _ in range(5):
        add_service(session)
    look = poller(session)
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
        poller(session)()
