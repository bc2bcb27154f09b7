"""One deployment followed to its end: what is drawn, what cannot heal is stopped, what does not last is put back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gitops.deploy.decision import Decision, Verdict
from gitops.deploy.follow import Progress, leaves, stage
from gitops.ecs_answers import Observation
from tests.gitops.deploy.described import (
    SD,
    TARGET,
    Acted,
    Phase,
    Recorder,
    described_task,
    old,
    ours,
    seen,
    through_the_api,
)

NONE: Counter[str] = Counter()


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


GONE = {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: not found"}
OLD_AGAIN = replace(old, status="PRIMARY")
STARTING: list[Phase] = [(0.0, (ours, old), "IN_PROGRESS")]
GOING_BACK = (replace(OLD_AGAIN, state="IN_PROGRESS"), replace(ours, status="ACTIVE"))
PULLED = [(float(number), described_task(f"t{number}", None, **GONE)) for number in (1, 2)]


def test_what_no_try_heals_is_stopped_and_watched_on_its_way_back() -> None:
    acted = Acted(
        [*STARTING, (13.0, GOING_BACK, "ROLLBACK_IN_PROGRESS"), (16.0, (OLD_AGAIN,), "ROLLBACK_SUCCESSFUL")], PULLED
    )
    found, recorder = acted.followed()
    assert found.end.verdict is Verdict.ROLLED_BACK
    assert acted.made("StopServiceDeployment") == [{"serviceDeploymentArn": SD, "stopType": "ROLLBACK"}]
    assert found.notes == ("no further try heals this: ECS was told to stop the deployment and roll back",)
    assert any("no further try heals this" in event.text for event in recorder.events)
    assert found.calls / found.seconds < 1.2


def test_what_cannot_be_stopped_is_failed_and_said_to_go_on() -> None:
    found, _ = Acted(STARTING, PULLED, refused=("StopServiceDeployment",)).followed()
    assert (found.end.verdict, found.end.cause) == (Verdict.FAILED, GONE["stoppedReason"])
    assert "StopServiceDeployment answered AccessDeniedException" in found.notes[0]
    assert "still goes on" in found.notes[0]


def test_one_pull_of_two_that_failed_is_left_to_ecs() -> None:
    # openreplay/openreplay#4076: the next try pulled.
    acted = Acted([*STARTING, (30.0, (replace(ours, state="COMPLETED", running=2),), "SUCCESSFUL")], PULLED[:1])
    found, _ = acted.followed()
    assert (found.end.verdict, acted.made("StopServiceDeployment")) == (Verdict.SUCCEEDED, [])
