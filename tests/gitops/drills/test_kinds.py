from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops import environments
from gitops.drills.fleet import Fleet, Task
from gitops.drills.kinds import KINDS, Setting
from gitops.drills.operations import Operations
from gitops.rollout.watch import Clock
from tests.conftest import ROOT
from tests.gitops.rollout.described import old, seen
from tests.gitops.rollout.stubbed import StubbedSession

REHEARSAL = environments.load(ROOT, "rehearsal")
STAGING = environments.load(ROOT, "staging")


def setting(
    zones: str = "ab", *, breaker: bool = True, upstream: bool = True, session: StubbedSession | None = None
) -> Setting:
    """A service with a task in each of these zones."""
    stubbed: Any = session or StubbedSession()
    tasks = tuple(Task(f"arn:task/c/{n}", f"10.0.0.{n}", zone, True) for n, zone in enumerate(zones))
    targets = {task.address: "healthy" for task in tasks}
    return Setting(
        root=Path(),
        operations=Operations(stubbed, STAGING, "weather"),
        seen=seen(old, rolls_back=breaker),
        before=Fleet(len(tasks), tasks, (targets,)),
        upstream=REHEARSAL.upstreams["weather"] if upstream else None,
        clock=Clock(sleep=lambda _: None),
        say=lambda _: None,
        ask=lambda _: "",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_two_tasks_in_two_zones_can_be_drilled(kind: str) -> None:
    assert KINDS[kind].refusal(setting()) == ""


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("bad-commit", setting(breaker=False), "a bad commit would stay"),
        ("stop-task", setting("a"), "one task serves"),
        ("stop-zone", setting("a"), "every task is in a"),
        ("stop-zone", setting("aa"), "every task is in a"),
        ("upstream", setting(upstream=False), "somebody else's"),
    ],
)
def test_what_would_be_an_outage_or_prove_nothing_is_refused(kind: str, given: Setting, why: str) -> None:
    assert why in KINDS[kind].refusal(given)


@pytest.mark.parametrize(("kind", "stopped"), [("stop-task", ["0"]), ("stop-zone", ["1", "2"])])
def test_what_is_stopped_has_to_be_replaced(kind: str, stopped: list[str]) -> None:
    with StubbedSession() as session:
        for task in stopped:
            session.answers("ecs").add_response(
                "stop_task",
                {"task": {}},
                {"cluster": "fairweather-staging", "task": f"arn:task/c/{task}", "reason": "gitops drill"},
            )
        happened = KINDS[kind].act(setting("abb", session=session))
    assert happened.gone == {f"arn:task/c/{task}" for task in stopped}
    assert happened.problems == ()
    assert happened.mended is None
