"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html#service-deployment-state"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import pytest

from rehearsal.emulator.service_deployments import progress, stop
from rehearsal.emulator.service_deployments.progress import FINISHED, Progress, Seen, Status, advanced, begun, requested

PENDING = begun(1)
RUNNING = replace(PENDING, status="IN_PROGRESS", started=2)
ASKED = requested(RUNNING, "before", 3)


def seen(
    state: str = "IN_PROGRESS",
    primary: Literal["ours", "older", "newer"] = "ours",
    primary_state: str = "IN_PROGRESS",
    *,
    has_tasks: bool = True,
) -> Seen:
    return Seen(state, has_tasks, primary, primary_state, "before")


@pytest.mark.parametrize(
    ("before", "look", "status"),
    [
        (PENDING, seen(has_tasks=False), "PENDING"),
        (PENDING, seen(), "IN_PROGRESS"),
        (RUNNING, seen(), "IN_PROGRESS"),
        (RUNNING, seen("COMPLETED"), "SUCCESSFUL"),
        # Nothing to scale: it is completed before a task was seen.
        (PENDING, seen("COMPLETED", has_tasks=False), "SUCCESSFUL"),
        (RUNNING, seen("FAILED"), "STOPPED"),
        (RUNNING, seen("FAILED", "older"), "ROLLBACK_IN_PROGRESS"),
        (RUNNING, seen("FAILED", "older", "COMPLETED"), "ROLLBACK_SUCCESSFUL"),
        (RUNNING, seen("FAILED", "older", "FAILED"), "ROLLBACK_FAILED"),
        (RUNNING, seen(primary="newer"), "STOPPED"),
        (PENDING, seen(primary="newer", has_tasks=False), "STOPPED"),
        (ASKED, seen(), "ROLLBACK_REQUESTED"),
        (ASKED, seen("FAILED", "older"), "ROLLBACK_IN_PROGRESS"),
        (ASKED, seen("FAILED", "older", "COMPLETED"), "ROLLBACK_SUCCESSFUL"),
    ],
)
def test_the_status_after_a_look(before: Progress, look: Seen, status: Status) -> None:
    after = advanced(before, look, 9)
    assert after.status == status
    assert (after.finished is not None) is (status in FINISHED)
    assert (after.stopped is not None) is (status == "STOPPED")
    assert (after.started is None) is (status == "PENDING" or not (look.has_tasks or look.state != "IN_PROGRESS"))


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_what_has_ended_stays_as_it_ended(status: Status) -> None:
    ended = replace(RUNNING, status=status, finished=5)
    assert advanced(ended, seen("FAILED", "newer", "FAILED"), 9) == ended


def test_the_breaker_and_a_request_give_their_own_reasons() -> None:
    broken = advanced(RUNNING, seen("FAILED", "older"), 9)
    assert broken.rollback == progress.Rollback(progress.BREAKER, 9, "before")
    assert (broken.reason, broken.triggered) == (progress.BREAKER, True)
    stopped = advanced(ASKED, seen("FAILED", "older"), 9)
    assert stopped.rollback == progress.Rollback(progress.REQUESTED, 3, "before")
    assert (stopped.reason, stopped.triggered) == (progress.REQUESTED, False)
    assert advanced(RUNNING, seen("FAILED"), 9).triggered


@pytest.mark.parametrize("status", get_args(Status))
def test_what_goes_on_may_be_stopped_again_and_what_has_ended_may_not(status: Status) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html"""
    problem = stop.problem(replace(RUNNING, status=status), "ROLLBACK")
    if status in FINISHED:
        assert problem == ("ConflictException", f"The service deployment is {status} already.")
    else:
        assert problem is None
