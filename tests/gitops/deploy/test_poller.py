"""The loop around the decision with a clock of its own, and what each look asks of ECS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gitops import ecs_answers
from gitops.deploy.decision import Decision, Verdict
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


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(EndpointConnectionError):
        run(EndpointConnectionError(endpoint_url="http://x"))
    with pytest.raises(ClientError, match="AccessDenied"):
        run(error("AccessDeniedException"), STEADY)


def test_a_status_that_is_not_known_ends_it() -> None:
    with pytest.raises(GitopsError, match="is not known here"):
        run(BEGUN, seen(replace(ours, state="HALF_DONE")))


def poller(answers: Answers, first: Observation | None = None) -> Callable[[], Observation]:
    calls, app = Calls(), service(answers.session)
    calls.count(app.ecs)
    look = Poller(app, TARGET, calls, first)
    return lambda: look(0.0)


def found(answers: Answers, status: str) -> None:
    """The list in which ours is found, by its revision and the moment it was made."""
    entries = [
        {
            "serviceDeploymentArn": arn,
            "targetServiceRevisionArn": f"arn:aws:ecs:sr/{revision}",
            "createdAt": NOON + timedelta(seconds=seconds),
            "status": status,
        }
        for arn, revision, seconds in (("arn:other", "old", 0), ("arn:earlier", "new", -50), (SD, "new", 1))
    ]
    wanted = {"cluster": "demo", "service": "app", "createdAt": {"after": NOON - timedelta(minutes=1)}}
    answers.add("list_service_deployments", {"serviceDeployments": entries}, wanted)
    revisions = [
        {"serviceRevisionArn": f"arn:aws:ecs:sr/{name}", "taskDefinition": revision}
        for name, revision in (("old", OLD), ("new", NEW))
    ]
    answers.add("describe_service_revisions", {"serviceRevisions": revisions})


def test_ours_is_found_by_its_revision_and_the_moment_it_was_made(answers: Answers) -> None:
    found(answers, "IN_PROGRESS")
    answers.status("IN_PROGRESS")
    answers.status("SUCCESSFUL")
    look = poller(answers, seen(ours, old))
    # What the list says is enough for the first look; each look after it is one call.
    statuses = [one.service_deployment.status for one in (look(), look(), look()) if one.service_deployment]
    assert statuses == ["IN_PROGRESS", "IN_PROGRESS", "SUCCESSFUL"]


def test_one_that_has_ended_before_the_first_look_is_described_at_once(answers: Answers) -> None:
    found(answers, "ROLLBACK_SUCCESSFUL")
    breaker = {"status": "MONITORING", "failureCount": 2, "threshold": 3}
    answers.status("ROLLBACK_SUCCESSFUL", deploymentCircuitBreaker=breaker)
    described = poller(answers, seen(ours, old))().service_deployment
    assert described is not None
    assert described.breaker is not None
    assert (described.status, str(described.breaker)) == ("ROLLBACK_SUCCESSFUL", "2 of 3 failures")


def test_a_breaker_that_is_off_counts_nothing() -> None:
    breaker = {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 0}
    assert ecs_answers.service_deployment({"deploymentCircuitBreaker": breaker}).breaker is None


def test_what_stopped_it_is_looked_up_in_the_service(answers: Answers) -> None:
    found(answers, "STOPPED")
    answers.status("STOPPED")
    answers.service(desiredCount=7)
    assert poller(answers, seen(ours, old))().desired == 7


def test_without_an_answer_of_update_service_the_service_is_described(answers: Answers) -> None:
    found(answers, "IN_PROGRESS")
    answers.service()
    described = poller(answers)()
    assert (described.service_deployment is None, described.desired) == (False, 2)


def test_an_empty_list_is_asked_again_and_then_no_more(answers: Answers) -> None:
    for number in range(1, 12):
        if number in {1, 4, 8}:
            answers.listed()
        answers.service()
    look = poller(answers)
    assert all(look().service_deployment is None for _ in range(11))


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAction"])
def test_where_the_api_is_not_to_be_had_the_service_is_described(answers: Answers, code: str) -> None:
    answers.refuse("list_service_deployments", code)
    for _ in range(5):
        answers.service(state="IN_PROGRESS")
    look = poller(answers)
    for _ in range(5):
        observation = look()
    assert observation.breaker_rolls_back
    ours = observation.deployment(TARGET.deployment_id)
    assert ours is not None
    assert (ours.state, ours.failed) == ("IN_PROGRESS", 1)


def test_a_service_that_was_deleted_is_an_error(answers: Answers) -> None:
    answers.listed()
    answers.service(status="INACTIVE")
    with pytest.raises(GitopsError, match="was deleted while it was watched"):
        poller(answers)()
