"""The loop around the decision with a clock of its own, and what each look asks of ECS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gitops import ecs_answers
from gitops.deploy.decision import Decision, Verdict, decide
from gitops.deploy.poller import Calls, End, Poller, Tell, pause, watch
from gitops.ecs_answers import Observation
from gitops.errors import GitopsError
from tests.gitops.deploy.described import (
    NEW,
    NOON,
    OLD,
    SD,
    TARGET,
    Answers,
    Time,
    entry,
    old,
    ours,
    seen,
    service,
    through_the_api,
)

BEGUN = seen(ours, old)
STEADY = seen(replace(ours, state="COMPLETED", running=2))
BACK = seen(replace(old, status="PRIMARY"), replace(ours, status="ACTIVE", state="FAILED"))
GOING_BACK = seen(
    replace(old, status="PRIMARY", state="IN_PROGRESS"),
    replace(ours, status="ACTIVE", state="FAILED", reason="because"),
)


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
) -> tuple[End, Time, list[Decision]]:
    time, told = Time(), list[Decision]()
    tell: Tell = lambda _, decision, __: told.append(decision)  # noqa: E731
    end = watch(TARGET, looks(*answers), tell, timeout, time.clock, first)
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
    # The proof of success needs some seconds, in which it cannot end.
    assert pause(TARGET, seen(replace(ours, running=2)), Decision(), waited=300, unproven=True) > 1
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
    time = Time()
    clock = replace(time.clock, chance=lambda: 1.0)
    watch(TARGET, looks(error("ThrottlingException"), STEADY), lambda *_: None, 900, clock)
    assert time.seconds == pytest.approx(1)


def test_what_has_just_begun_is_told_and_not_looked_at_at_once() -> None:
    end, time, told = run(STEADY, first=BEGUN)
    assert end.verdict is Verdict.SUCCEEDED
    assert len(told) == 2
    assert 1 < time.seconds < 3


def test_a_cause_that_is_told_ends_the_wait_at_once_and_a_verdict_goes_before_it() -> None:
    for observation, verdict in ((BEGUN, Verdict.FAILED), (BACK, Verdict.ROLLED_BACK)):
        time = Time()
        end = watch(TARGET, looks(observation), lambda *_: "there is no such image", 900, time.clock)
        assert (end.verdict, "no such image" in end.cause) == (verdict, verdict is Verdict.FAILED)
        assert time.seconds == 0


def test_what_follows_from_absence_alone_is_believed_where_ecs_said_that_it_fails_and_for_long() -> None:
    gone = seen(replace(old, status="PRIMARY"))
    end, time, _ = run(BEGUN, gone, BEGUN, gone, timeout=100)
    assert (end.verdict, "nor say why" in end.cause, time.seconds >= 100) == (Verdict.TIMED_OUT, True, True)
    end, time, told = run(seen(replace(ours, failed=3), old), gone)
    assert (end.verdict, 30 < time.seconds < 33) == (Verdict.ROLLED_BACK, True)
    assert {decision.verdict for decision in told[:-1]} == {None}


def test_while_there_is_a_doubt_nothing_has_succeeded_and_with_the_time_up_it_has_failed() -> None:
    doubts = iter(["1 of 2 tasks run", "app exited with code 3", ""])
    end = watch(TARGET, looks(STEADY), lambda *_: None, 900, Time().clock, doubt=lambda *_: next(doubts))
    assert (end.verdict, next(doubts, None)) == (Verdict.SUCCEEDED, None)
    time = Time()
    end = watch(TARGET, looks(STEADY), lambda *_: None, 60, time.clock, doubt=lambda *_: "app exited with code 3")
    assert (end.verdict, end.cause) == (
        Verdict.FAILED,
        "ECS calls it complete, and after 60 s app exited with code 3",
    )
    assert 70 <= time.seconds < 73


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(EndpointConnectionError):
        run(EndpointConnectionError(endpoint_url="http://x"))
    with pytest.raises(ClientError, match="AccessDenied"):
        run(error("AccessDeniedException"), STEADY)


def test_a_status_that_is_not_known_ends_it() -> None:
    with pytest.raises(GitopsError, match="is not known here"):
        run(BEGUN, seen(replace(ours, state="HALF_DONE")))


def poller(answers: Answers, waited: float = 60.0) -> Callable[[], Observation]:
    calls, app = Calls(), service(answers.session)
    calls.count(app.ecs)
    look = Poller(app, TARGET, calls)
    return lambda: look(waited)


def failing(answers: Answers, status: str = "IN_PROGRESS", revision: str = NEW, **changes: Any) -> None:
    """A look that sees a task fail, and asks for the service deployment that ECS names as the current one."""
    answers.service(state="IN_PROGRESS")
    answers.status(status, **changes)
    answers.revisions(revision)


def test_where_nothing_fails_a_look_is_one_call(answers: Answers) -> None:
    well = [entry(replace(ours, running=2))]
    for _ in range(3):
        answers.service(deployments=well)
    look = poller(answers)
    assert [look().service_deployment for _ in range(3)] == [None] * 3


def test_where_something_fails_the_current_service_deployment_says_why(answers: Answers) -> None:
    breaker = {"status": "MONITORING", "failureCount": 2, "threshold": 3}
    failing(answers, deploymentCircuitBreaker=breaker)
    answers.service(state="IN_PROGRESS")
    answers.status("ROLLBACK_IN_PROGRESS")
    look = poller(answers)
    first, second = look().service_deployment, look().service_deployment
    assert first is not None
    assert second is not None
    assert (first.status, str(first.breaker), second.status) == (
        "IN_PROGRESS",
        "2 of 3 failures",
        "ROLLBACK_IN_PROGRESS",
    )
    off = {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 0}
    assert ecs_answers.service_deployment({"deploymentCircuitBreaker": off}).breaker is None


def test_it_is_asked_where_the_calls_leave_room_and_always_at_an_end(answers: Answers) -> None:
    answers.service(state="IN_PROGRESS")
    answers.service(state="FAILED", deploymentConfiguration={})
    answers.status("STOPPED")
    answers.revisions()
    look = poller(answers, waited=1)
    found = look(), look()
    assert [one.service_deployment is None for one in found] == [True, False]


def test_a_current_one_of_another_revision_is_not_ours(answers: Answers) -> None:
    failing(answers, "SUCCESSFUL", OLD)
    # Once is enough, until ECS names another.
    answers.service(state="IN_PROGRESS")
    look = poller(answers)
    assert [look().service_deployment for _ in range(2)] == [None, None]


def test_what_a_read_does_not_know_yet_is_late_and_no_event(answers: Answers) -> None:
    # bugcrowd/ecs-deployment-monitor#2, kayac/ecspresso#28: the read is of the service before the update.
    for _ in range(2):
        answers.service(OLD, "ecs-svc/old", currentServiceDeployment="")
    look = poller(answers, waited=2.6)
    assert all(decide(TARGET, look(), 2.6, 900).verdict is None for _ in range(2))


def test_what_a_read_lacks_is_late_for_a_while_though_another_knew_it_and_no_more_after_that(answers: Answers) -> None:
    answers.service(deployments=[entry(replace(ours, running=2))], currentServiceDeployment="")
    for _ in range(2):
        answers.service(OLD, "ecs-svc/old", currentServiceDeployment="")
    look = poller(answers, waited=29)
    assert [look().late for _ in range(2)] == [False, True]
    assert poller(answers, waited=30)().late is False


def test_a_service_deployment_that_cannot_be_described_ends_nothing(answers: Answers) -> None:
    answers.service(state="IN_PROGRESS")
    answers.add("describe_service_deployments", {"failures": [{"arn": SD, "reason": "BROKEN"}]})
    answers.service(state="IN_PROGRESS")
    look = poller(answers)
    assert [look().service_deployment for _ in range(2)] == [None, None]


def test_an_older_service_deployment_of_the_same_revision_is_not_ours(answers: Answers) -> None:
    failing(answers, "ROLLBACK_FAILED", createdAt=NOON - timedelta(hours=1))
    assert poller(answers)().service_deployment is None


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAction"])
def test_where_the_api_is_not_to_be_had_the_service_alone_tells(answers: Answers, code: str) -> None:
    answers.service(state="IN_PROGRESS")
    answers.refuse("describe_service_deployments", code)
    answers.service(state="IN_PROGRESS")
    look = poller(answers)
    observation = [look() for _ in range(2)][-1]
    assert observation.settings.breaker_rolls_back
    ours = observation.deployment(TARGET.deployment_id)
    assert ours is not None
    assert (ours.state, ours.failed) == ("IN_PROGRESS", 1)


def test_a_service_that_was_deleted_is_an_error(answers: Answers) -> None:
    answers.service(status="INACTIVE")
    with pytest.raises(GitopsError, match="was deleted while it was watched"):
        poller(answers)()
