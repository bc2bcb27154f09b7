"""What ECS describes in these tests, and clients that answer what they are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import boto3
from botocore.stub import Stubber

from gitops.clock import Clock
from gitops.deploy.decision import Target
from gitops.deploy.release import Run
from gitops.display import Display, Event
from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Breaker, Deployment, Observation, ServiceDeployment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-2:111111111111:task-definition/app-staging:"
OLD, NEW, NEWER = f"{ARN}1", f"{ARN}2", f"{ARN}3"
TARGET = Target("ecs-svc/new", NEW, NOON, OLD)

ours = Deployment("ecs-svc/new", "PRIMARY", NEW, NOON, "IN_PROGRESS", desired=2)
old = Deployment("ecs-svc/old", "ACTIVE", OLD, NOON - timedelta(hours=1), "COMPLETED", desired=2, running=2)
newer = Deployment("ecs-svc/newer", "PRIMARY", NEWER, NOON + timedelta(minutes=1), "IN_PROGRESS", desired=2)


def seen(*deployments: Deployment, desired: int = 2, rolls_back: bool = True, status: str = "ACTIVE") -> Observation:
    """A service with these deployments."""
    primary = next((one for one in deployments if one.status == "PRIMARY"), None)
    return Observation(
        status=status,
        desired=desired,
        deployments=deployments,
        revision=primary.revision if primary else "",
        breaker_rolls_back=rolls_back,
    )


def through_the_api(observation: Observation, status: str, reason: str = "", failures: int = 0) -> Observation:
    """The same with our service deployment in one status."""
    breaker = Breaker("MONITORING", failures, 3)
    one = ServiceDeployment("arn:sd", status, reason, breaker=breaker, requested=2, running=1)
    return replace(observation, service_deployment=one)


class Time:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clock = Clock(lambda: self.seconds, self._sleep, lambda: 0.0)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


STILL = Clock(lambda: 0.0, lambda _: None, lambda: 0.0)


class StubbedSession:
    """Give it to code that takes a boto3 session; leaving it checks that every answer was asked for."""

    def __init__(self) -> None:
        self._session = boto3.Session("a", "b", region_name="eu-west-2")
        self._clients: dict[str, tuple[Any, Stubber]] = {}
        self.regions: dict[str, str] = {}

    def client(self, name: str, region_name: str = "", **_: Any) -> Any:
        self.regions[name] = region_name
        return self._stubbed(name)[0]

    def answers(self, name: str) -> Stubber:
        """Where to add a client's answers."""
        return self._stubbed(name)[1]

    def _stubbed(self, name: str) -> tuple[Any, Stubber]:
        if name not in self._clients:
            client: Any = self._session.client(name)  # type: ignore[call-overload]
            stubber = Stubber(client)
            stubber.activate()
            self._clients[name] = client, stubber
        return self._clients[name]

    def __enter__(self) -> StubbedSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for client, stubber in self._clients.values():
            if kind is None:
                stubber.assert_no_pending_responses()
            client.close()


SD, TASK = "arn:aws:ecs:eu-west-2:1:service-deployment/demo/app/1", "arn:aws:ecs:eu-west-2:1:task/demo/"


def described(
    revision: str = NEW, identity: str = TARGET.deployment_id, state: str = "IN_PROGRESS", **changes: Any
) -> dict[str, Any]:
    """A service with one deployment, as DescribeServices has it."""
    deployment = {
        "id": identity,
        "status": "PRIMARY",
        "taskDefinition": revision,
        "createdAt": NOON,
        "rolloutState": state,
        "desiredCount": 2,
        "runningCount": 2,
        "failedTasks": 1,
    }
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    live = {"status": "ACTIVE", "desiredCount": 2, "taskDefinition": revision, "deploymentConfiguration": breaker}
    return {**live, "deployments": [deployment], **changes}


class Answers:
    """What ECS answers, in the order in which it is asked."""

    def __init__(self, session: StubbedSession) -> None:
        self.session = session

    def add(self, operation: str, answer: dict[str, Any], expected: dict[str, Any] | None = None) -> None:
        """Answer an operation, and check what it is asked with."""
        self.session.answers("ecs").add_response(operation, answer, expected)

    def refuse(self, operation: str, code: str) -> None:
        """Refuse an operation."""
        self.session.answers("ecs").add_client_error(operation, code)

    def listed(self, *statuses: str) -> None:
        """Service deployments towards the new revision, the newest last."""
        entries = [
            {
                "serviceDeploymentArn": f"{SD}{number or ''}",
                "targetServiceRevisionArn": "arn:aws:ecs:sr/new",
                "createdAt": NOON + timedelta(seconds=number),
                "status": status,
            }
            for number, status in enumerate(statuses)
        ]
        self.add("list_service_deployments", {"serviceDeployments": entries})

    def revisions(self, revision: str = NEW) -> None:
        """What the new service revision means."""
        found = [{"serviceRevisionArn": "arn:aws:ecs:sr/new", "taskDefinition": revision}]
        self.add("describe_service_revisions", {"serviceRevisions": found})

    def status(self, status: str, **changes: Any) -> None:
        """Our service deployment."""
        target = {"requestedTaskCount": 2, "runningTaskCount": 2 if status == "SUCCESSFUL" else 0}
        answer = {"serviceDeploymentArn": SD, "status": status, "targetServiceRevision": target, **changes}
        self.add("describe_service_deployments", {"serviceDeployments": [answer]}, {"serviceDeploymentArns": [SD]})

    def service(
        self, revision: str = NEW, identity: str = TARGET.deployment_id, state: str = "COMPLETED", **changes: Any
    ) -> None:
        """The service with one deployment."""
        self.add("describe_services", {"services": [described(revision, identity, state, **changes)]})

    def stopped(self, *tasks: str, newest: int = 1, reason: str = "Essential container exited") -> None:
        """Stopped tasks, of which the newest ones are described; one that ends by itself exits with code 3."""
        self.add("list_tasks", {"taskArns": [TASK + task for task in tasks]})
        ran = reason == "Essential container exited"
        task = {
            "taskDefinitionArn": NEW,
            "startedBy": TARGET.deployment_id,
            "stopCode": "EssentialContainerExited" if ran else "TaskFailedToStart",
            "stoppedReason": reason,
            "containers": [{"name": "app", "exitCode": 3} if ran else {"name": "app"}],
        }
        found = [{**task, "taskArn": TASK + one} for one in tasks[-newest:]]
        if found:
            self.add("describe_tasks", {"tasks": found})


class Recorder:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)


def service(session: StubbedSession) -> Service:
    """The service app of the cluster demo."""
    taken: Any = session
    return Ecs(taken, "demo").service("app")


def run_on(session: StubbedSession, clock: Clock = STILL, display: Display | None = None, **waits: float) -> Run:
    """A run on that service which waits for 900 seconds, if nothing else is said."""
    taken: Any = session
    return Run(taken, service(session), lambda _: None, display or Recorder(), clock, **{"timeout": 900.0, **waits})
