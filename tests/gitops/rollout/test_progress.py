"""A deployment's progress: what stands where, said once for each change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gitops.progress import Event
from gitops.rollout.decide import Decision
from gitops.rollout.observation import Observation
from gitops.rollout.progress import Progress, leaves, stage
from gitops.rollout.verdict import Verdict
from tests.gitops.rollout.described import TARGET, old, ours, seen, through_the_api

NONE: Counter[str] = Counter()


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)


def test_each_change_is_shown_once() -> None:
    recorder = Recorder()
    progress = Progress(TARGET, recorder)
    for running in (0, 0, 2):
        progress(seen(replace(ours, running=running), old), Decision(), NONE)
    lines = [event.line for event in recorder.events if not event.item]
    assert lines == [
        "starting tasks: new 0 of 2 running, old 2 running",
        "waiting for health, then draining the old tasks: new 2 of 2 running, old 2 running",
    ]
    assert [(event.item, event.text) for event in recorder.events if event.item] == [
        ("new", "0 of 2 running"),
        ("old", "2 running"),
        ("new", "2 of 2 running"),
    ]


def test_the_leaves_tell_tasks_targets_and_the_breaker() -> None:
    failing = seen(replace(ours, pending=1, failed=1), old)
    assert leaves(TARGET, failing, NONE) == {"new": "0 of 2 running, 1 starting, 1 failed", "old": "2 running"}
    counted = through_the_api(failing, "IN_PROGRESS", failures=1)
    assert leaves(TARGET, counted, Counter(draining=2, healthy=1)) == {
        "new": "1 of 2 running",
        "old": "2 running",
        "targets": "1 healthy, 2 draining",
        "breaker": "1 of 3 failures",
    }


def test_what_ecs_has_not_counted_yet_is_not_said() -> None:
    counted = through_the_api(seen(ours, old), "IN_PROGRESS")
    assert counted.service_deployment is not None
    listed = replace(counted, service_deployment=replace(counted.service_deployment, requested=0, running=0))
    assert leaves(TARGET, listed, NONE) == {"old": "2 running"}
    assert stage(TARGET, listed, Decision())[0] == "under way"


def test_old_tasks_are_counted_where_the_service_deployment_counts_them() -> None:
    counted = through_the_api(seen(ours, old), "IN_PROGRESS")
    assert counted.service_deployment is not None
    drained = replace(counted, service_deployment=replace(counted.service_deployment, source_running=0))
    assert leaves(TARGET, drained, NONE)["old"] == "0 running"


@pytest.mark.parametrize(
    ("observation", "decision", "expected"),
    [
        (seen(ours, old), Decision(), ("starting tasks", "going")),
        (
            seen(replace(ours, running=2), old),
            Decision(),
            ("waiting for health, then draining the old tasks", "going"),
        ),
        (seen(replace(ours, running=2)), Decision(), ("settling", "going")),
        (seen(ours, old), Decision(cause="why", rolling_back=True), ("rolling back (why)", "failed")),
        (seen(ours, old), Decision(Verdict.ROLLED_BACK), ("rolled back", "failed")),
        (seen(ours, old), Decision(Verdict.SUCCEEDED), ("succeeded", "done")),
    ],
)
def test_the_stage(observation: Observation, decision: Decision, expected: tuple[str, str]) -> None:
    assert stage(TARGET, observation, decision) == expected
