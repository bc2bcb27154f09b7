"""A completed deployment is watched on, and only what its own tasks do counts against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gitops.rollout.bake import bake, trouble
from gitops.rollout.calls import Calls
from gitops.rollout.evidence import Evidence, Gatherer
from gitops.rollout.observation import Observation
from gitops.rollout.stopped import StoppedTask
from gitops.rollout.watch import Clock
from tests.gitops.rollout.described import NEW, TARGET, newer, ours, seen
from tests.gitops.rollout.stubbed import StubbedSession
from tests.gitops.rollout.test_progress import Recorder

STEADY = seen(replace(ours, state="COMPLETED", running=2))
CRASHED = StoppedTask("t1", "EssentialContainerExited", "Essential container exited", "app", 3, "")


@pytest.mark.parametrize(
    ("observation", "evidence", "expected"),
    [
        (STEADY, Evidence(), ""),
        (STEADY, Evidence(targets=Counter(healthy=2)), ""),
        (STEADY, Evidence(stopped={"t1": CRASHED}), "app exited with code 3"),
        (STEADY, Evidence(stopped={"t1": replace(CRASHED, code="UserInitiated")}), ""),
        (STEADY, Evidence(targets=Counter(unhealthy=1), unhealthy={"a:1": "status 503"}), "status 503"),
        # It was unhealthy for a moment, and is no more.
        (STEADY, Evidence(targets=Counter(healthy=2), unhealthy={"a:1": "status 503"}), ""),
        (seen(newer), Evidence(stopped={"t1": CRASHED}), ""),
    ],
)
def test_trouble(observation: Observation, evidence: Evidence, expected: str) -> None:
    assert trouble(TARGET, observation, evidence) == expected


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


class Baked:
    """A bake of 12 seconds on a clock of its own."""

    def __init__(self, session: StubbedSession, observation: Observation = STEADY) -> None:
        self.seconds = 0.0
        clock = Clock(lambda: self.seconds, self._sleep, lambda: 0.0)
        taken: Any = session
        gatherer = Gatherer(taken, "demo", "app", TARGET, {}, clock, Calls())
        self.recorder = Recorder()
        self.trouble = bake(TARGET, gatherer, lambda: observation, 12.0, clock, self.recorder)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


def add_stopped(session: StubbedSession, *tasks: str) -> None:
    arns = [f"arn:aws:ecs:eu-west-2:1:task/demo/{task}" for task in tasks]
    session.answers("ecs").add_response("list_tasks", {"taskArns": arns})


def test_what_lasts_is_watched_for_all_of_the_time(session: StubbedSession) -> None:
    for _ in range(4):
        add_stopped(session)
    baked = Baked(session)
    assert (baked.trouble, baked.seconds) == ("", 12.0)
    assert baked.recorder.events[-1].text == "succeeded"


def test_what_stopped_before_it_was_complete_does_not_count_and_what_stops_after_does(session: StubbedSession) -> None:
    described = {
        "taskDefinitionArn": NEW,
        "startedBy": TARGET.deployment_id,
        "stoppedReason": "Essential container exited",
        "containers": [{"name": "app", "exitCode": 3}],
    }
    for number, known in ((1, ["t1"]), (2, ["t1", "t2"])):
        add_stopped(session, *known)
        task = {**described, "taskArn": f"arn:aws:ecs:eu-west-2:1:task/demo/t{number}"}
        session.answers("ecs").add_response("describe_tasks", {"tasks": [task]})
    baked = Baked(session)
    assert (baked.trouble, baked.seconds) == ("app exited with code 3", 5.0)
    assert baked.recorder.events[-1].text == "does not last: app exited with code 3"


def test_another_deployment_ends_it(session: StubbedSession) -> None:
    add_stopped(session)
    assert Baked(session, seen(newer)).trouble == ""
