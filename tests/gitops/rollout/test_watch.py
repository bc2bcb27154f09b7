"""The loop around the decision, with a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gitops.errors import GitopsError
from gitops.rollout.decide import Decision
from gitops.rollout.observation import Observation
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock, End, Tell, pause, watch
from tests.gitops.rollout.described import TARGET, old, ours, seen, through_the_api

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
