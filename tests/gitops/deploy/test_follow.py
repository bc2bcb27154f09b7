"""One deployment followed to its end: what is drawn, what cannot heal is stopped, what does not last is put back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gitops.deploy.decision import Decision, Verdict
from gitops.deploy.diagnostics import Diagnostics, Evidence, StoppedTask
from gitops.deploy.follow import Followed, Progress, bake, follow, leaves, stage, trouble
from gitops.deploy.poller import Calls
from gitops.ecs_answers import Observation
from tests.gitops.deploy.described import (
    OLD,
    SD,
    TARGET,
    Answers,
    Recorder,
    Time,
    described,
    newer,
    old,
    ours,
    run_on,
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


class Baked:
    """A bake of 12 seconds on a clock of its own."""

    def __init__(self, answers: Answers, observation: Observation = STEADY) -> None:
        time, self.recorder = Time(), Recorder()
        diagnostics = Diagnostics(TARGET, {}, run_on(answers.session, time.clock), Calls())
        self.trouble = bake(TARGET, diagnostics, lambda: observation, 12.0, time.clock, self.recorder)
        self.seconds = time.seconds


def test_what_lasts_is_watched_for_all_of_the_time(answers: Answers) -> None:
    for _ in range(4):
        answers.stopped()
    baked = Baked(answers)
    assert (baked.trouble, baked.seconds) == ("", 12.0)
    assert baked.recorder.events[-1].text == "succeeded"


def test_what_stopped_before_it_was_complete_does_not_count_and_what_stops_after_does(answers: Answers) -> None:
    answers.stopped("t1")
    answers.stopped("t1", "t2")
    baked = Baked(answers)
    assert (baked.trouble, baked.seconds) == ("app exited with code 3", 5.0)
    assert baked.recorder.events[-1].text == "does not last: app exited with code 3"


def test_another_deployment_ends_it(answers: Answers) -> None:
    answers.stopped()
    assert Baked(answers, seen(newer)).trouble == ""


GONE = "CannotPullContainerError: not found"


def followed(answers: Answers, bake: float = 0.0) -> tuple[Followed, Recorder]:
    recorder = Recorder()
    run = run_on(answers.session, Time().clock, recorder, bake=bake)
    return follow(TARGET, {}, run, seen(ours, old)), recorder


def starting(answers: Answers) -> None:
    """Looks at tasks that do not come up, until they are asked for their reason after ten seconds."""
    answers.listed("IN_PROGRESS")
    answers.revisions()
    for _ in range(8):
        answers.status("IN_PROGRESS")
    answers.stopped("t1", reason=GONE)


def test_what_no_try_heals_is_stopped_and_watched_on_its_way_back(answers: Answers) -> None:
    starting(answers)
    answers.add("stop_service_deployment", {}, {"serviceDeploymentArn": SD, "stopType": "ROLLBACK"})
    answers.status("ROLLBACK_IN_PROGRESS")
    answers.status("ROLLBACK_SUCCESSFUL")
    answers.service(OLD, "ecs-svc/old")
    answers.stopped("t1", reason=GONE)
    found, recorder = followed(answers)
    assert found.end.verdict is Verdict.ROLLED_BACK
    assert found.notes == ("no further try heals this: ECS was told to stop the deployment and roll back",)
    assert any("no further try heals this" in event.text for event in recorder.events)
    assert found.calls / found.seconds < 1.2


def test_what_cannot_be_stopped_is_failed_and_said_to_go_on(answers: Answers) -> None:
    starting(answers)
    answers.refuse("stop_service_deployment", "AccessDeniedException")
    answers.service(OLD, "ecs-svc/old")
    answers.stopped()
    found, _ = followed(answers)
    assert (found.end.verdict, found.end.cause) == (Verdict.FAILED, GONE)
    assert "StopServiceDeployment answered AccessDeniedException" in found.notes[0]
    assert "still goes on" in found.notes[0]


def complete(answers: Answers) -> None:
    """A deployment that is complete at the first look, with no task stopped."""
    answers.listed("SUCCESSFUL")
    answers.revisions()
    answers.status("SUCCESSFUL")
    answers.stopped()
    answers.service()


def test_what_lasts_stays(answers: Answers) -> None:
    complete(answers)
    answers.stopped()
    answers.service()
    answers.stopped()
    found, _ = followed(answers, bake=10.0)
    assert (found.end.verdict, found.notes) == (Verdict.SUCCEEDED, ())


def test_what_does_not_last_is_put_back(answers: Answers) -> None:
    complete(answers)
    answers.stopped("t1")
    updated = {"service": described(OLD, "ecs-svc/back")}
    answers.add("update_service", updated, {"cluster": "demo", "service": "app", "taskDefinition": OLD})
    answers.refuse("list_service_deployments", "AccessDeniedException")
    answers.service(OLD, "ecs-svc/back")
    answers.service(OLD, "ecs-svc/back")
    answers.stopped()
    found, _ = followed(answers, bake=60.0)
    assert (found.end.verdict, found.end.cause) == (Verdict.ROLLED_BACK, "app exited with code 3")
    assert found.notes == ("it was complete and did not last, so app-staging:1 was deployed again",)
