"""One deployment followed to its end: what is drawn, what cannot heal is stopped, what does not last is put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from gitops.clock import Clock
from gitops.deploy.decision import Decision, Verdict
from gitops.deploy.diagnostics import Diagnostics, Evidence, StoppedTask
from gitops.deploy.follow import Followed, Progress, bake, follow, leaves, stage, trouble
from gitops.deploy.poller import Calls
from gitops.ecs_answers import Observation
from tests.gitops.deploy.described import (
    NEW,
    NOON,
    OLD,
    TARGET,
    Recorder,
    StubbedSession,
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


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


class Baked:
    """A bake of 12 seconds on a clock of its own."""

    def __init__(self, session: StubbedSession, observation: Observation = STEADY) -> None:
        self.seconds = 0.0
        clock = Clock(lambda: self.seconds, self._sleep, lambda: 0.0)
        self.recorder = Recorder()
        diagnostics = Diagnostics(TARGET, {}, run_on(session, clock), Calls())
        self.trouble = bake(TARGET, diagnostics, lambda: observation, 12.0, clock, self.recorder)

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


ARN = "arn:aws:ecs:eu-west-2:1:service-deployment/demo/app/1"
TASK = "arn:aws:ecs:eu-west-2:1:task/demo/t1"


@dataclass
class Answers:
    """What ECS answers, in order."""

    session: StubbedSession

    def add(self, operation: str, answer: dict[str, Any], expected: dict[str, Any] | None = None) -> None:
        self.session.answers("ecs").add_response(operation, answer, expected)

    def listed(self) -> None:
        brief = {"serviceDeploymentArn": ARN, "targetServiceRevisionArn": "sr", "createdAt": NOON}
        self.add("list_service_deployments", {"serviceDeployments": [{**brief, "status": "IN_PROGRESS"}]})
        revision = {"serviceRevisionArn": "sr", "taskDefinition": NEW}
        self.add("describe_service_revisions", {"serviceRevisions": [revision]})

    def status(self, status: str) -> None:
        target = {"requestedTaskCount": 2, "runningTaskCount": 2 if status == "SUCCESSFUL" else 0}
        described = {"serviceDeploymentArn": ARN, "status": status, "targetServiceRevision": target}
        self.add("describe_service_deployments", {"serviceDeployments": [described]})

    def service(self, revision: str, identity: str, state: str = "COMPLETED", created: datetime = NOON) -> None:
        self.add("describe_services", {"services": [self.described(revision, identity, state, created)]})

    def described(self, revision: str, identity: str, state: str, created: datetime = NOON) -> dict[str, Any]:
        deployment = {
            "id": identity,
            "status": "PRIMARY",
            "taskDefinition": revision,
            "createdAt": created,
            "rolloutState": state,
            "desiredCount": 2,
            "runningCount": 2,
        }
        return {"status": "ACTIVE", "desiredCount": 2, "taskDefinition": revision, "deployments": [deployment]}

    def stopped(self, reason: str, *, exit_code: int | None = None) -> None:
        self.add("list_tasks", {"taskArns": [TASK]})
        container = {"name": "app"} if exit_code is None else {"name": "app", "exitCode": exit_code}
        described = {
            "taskArn": TASK,
            "taskDefinitionArn": NEW,
            "startedBy": TARGET.deployment_id,
            "stopCode": "TaskFailedToStart" if exit_code is None else "EssentialContainerExited",
            "stoppedReason": reason,
            "containers": [container],
        }
        self.add("describe_tasks", {"tasks": [described]})

    def nothing_stopped(self) -> None:
        self.add("list_tasks", {"taskArns": []})


@pytest.fixture
def answers() -> Iterator[Answers]:
    with StubbedSession() as session:
        yield Answers(session)


def followed(answers: Answers, bake: float = 0.0) -> tuple[Followed, Recorder]:
    seconds = [0.0]

    def sleep(time: float) -> None:
        seconds[0] += time

    recorder, clock = Recorder(), Clock(lambda: seconds[0], sleep, lambda: 0.0)
    run = run_on(answers.session, clock, recorder, bake=bake)
    return follow(TARGET, {}, run, seen(ours, old)), recorder


def starting(answers: Answers) -> None:
    """Looks at tasks that do not come up, until they are asked for their reason after ten seconds."""
    answers.listed()
    for _ in range(8):
        answers.status("IN_PROGRESS")


def test_what_no_try_heals_is_stopped_and_watched_on_its_way_back(answers: Answers) -> None:
    starting(answers)
    answers.stopped("CannotPullContainerError: not found")
    answers.add("stop_service_deployment", {}, {"serviceDeploymentArn": ARN, "stopType": "ROLLBACK"})
    answers.status("ROLLBACK_IN_PROGRESS")
    answers.status("ROLLBACK_SUCCESSFUL")
    answers.service(OLD, "ecs-svc/old")
    answers.stopped("CannotPullContainerError: not found")
    found, recorder = followed(answers)
    assert found.end.verdict is Verdict.ROLLED_BACK
    assert found.notes == ("no further try heals this: ECS was told to stop the deployment and roll back",)
    assert any("no further try heals this" in event.text for event in recorder.events)
    assert found.calls / found.seconds < 1.2


def test_what_cannot_be_stopped_is_failed_and_said_to_go_on(answers: Answers) -> None:
    starting(answers)
    answers.stopped("CannotPullContainerError: not found")
    answers.session.answers("ecs").add_client_error("stop_service_deployment", "AccessDeniedException")
    answers.service(OLD, "ecs-svc/old")
    answers.nothing_stopped()
    found, _ = followed(answers)
    assert (found.end.verdict, found.end.cause) == (Verdict.FAILED, "CannotPullContainerError: not found")
    assert "StopServiceDeployment answered AccessDeniedException" in found.notes[0]
    assert "still goes on" in found.notes[0]


def test_what_lasts_stays(answers: Answers) -> None:
    answers.listed()
    answers.status("SUCCESSFUL")
    answers.nothing_stopped()
    for _ in range(2):
        answers.service(NEW, TARGET.deployment_id)
        answers.nothing_stopped()
    found, _ = followed(answers, bake=10.0)
    assert (found.end.verdict, found.notes) == (Verdict.SUCCEEDED, ())


def test_what_does_not_last_is_put_back(answers: Answers) -> None:
    answers.listed()
    answers.status("SUCCESSFUL")
    answers.nothing_stopped()
    answers.service(NEW, TARGET.deployment_id)
    answers.stopped("Essential container exited", exit_code=3)
    updated = {"service": answers.described(OLD, "ecs-svc/back", "IN_PROGRESS", NOON)}
    answers.add("update_service", updated, {"cluster": "demo", "service": "app", "taskDefinition": OLD})
    answers.session.answers("ecs").add_client_error("list_service_deployments", "AccessDeniedException")
    answers.service(OLD, "ecs-svc/back")
    answers.service(OLD, "ecs-svc/back")
    answers.nothing_stopped()
    found, _ = followed(answers, bake=60.0)
    assert (found.end.verdict, found.end.cause) == (Verdict.ROLLED_BACK, "app exited with code 3")
    assert found.notes == ("it was complete and did not last, so app-staging:1 was deployed again",)
