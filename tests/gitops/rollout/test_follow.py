"""One deployment followed to its end: what cannot heal is stopped, what does not last is put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from gitops.rollout.follow import Followed, follow
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock
from tests.gitops.rollout.described import NEW, NOON, OLD, TARGET, old, ours, seen
from tests.gitops.rollout.stubbed import StubbedSession
from tests.gitops.rollout.test_progress import Recorder

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
    session: Any = answers.session
    return follow(session, "demo", "app", TARGET, {}, 900, recorder, clock, seen(ours, old), bake), recorder


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
