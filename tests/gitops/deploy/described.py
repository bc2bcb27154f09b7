"""What ECS describes in these tests, and clients that answer what they are told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, cast

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber

from gitops import ecs_answers
from gitops.clock import Clock
from gitops.deploy.decision import Target
from gitops.deploy.follow import Followed, follow
from gitops.deploy.release import Run
from gitops.display import Display, Event
from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Breaker, Deployment, Observation, ServiceDeployment, Settings, Task

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-2:111111111111:task-definition/app-staging:"
OLD, NEW, NEWER = f"{ARN}1", f"{ARN}2", f"{ARN}3"
TARGET = Target("ecs-svc/new", NEW, NOON, OLD)
SD, TASK = "arn:aws:ecs:eu-west-2:1:service-deployment/demo/app/1", "arn:aws:ecs:eu-west-2:1:task/demo/"

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
        settings=Settings(breaker_rolls_back=rolls_back),
    )


def described_task(identity: str = "t1", code: int | None = 3, **changes: Any) -> dict[str, Any]:
    """A task of the service app that stopped because its container app ended, as DescribeTasks has it."""
    ended = {} if code is None else {"exitCode": code}
    return {
        "taskArn": f"{TASK}{identity}",
        "taskDefinitionArn": NEW,
        "startedBy": TARGET.deployment_id,
        "group": "service:app",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "app", **ended}],
        **changes,
    }


def stopped(identity: str = "t1", code: int | None = 3, **changes: Any) -> Task:
    """The same as it is read."""
    return ecs_answers.task(described_task(identity, code, **changes))


def through_the_api(
    observation: Observation, status: str, reason: str = "", failures: int = 0, running: int = 1
) -> Observation:
    """The same with our service deployment in one status."""
    breaker = Breaker("MONITORING", failures, 3)
    one = ServiceDeployment("arn:sd", status, reason, breaker=breaker, requested=2, running=running)
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


def described(
    revision: str = NEW, identity: str = TARGET.deployment_id, state: str = "IN_PROGRESS", **changes: Any
) -> dict[str, Any]:
    """A service with one deployment, as DescribeServices has it."""
    one = Deployment(identity, "PRIMARY", revision, NOON, state, desired=2, running=2, failed=1)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    live = {"status": "ACTIVE", "desiredCount": 2, "taskDefinition": revision, "deploymentConfiguration": breaker}
    return {**live, "currentServiceDeployment": SD, "deployments": [entry(one)], **changes}


def service_deployment(status: str, running: int = 0, **changes: Any) -> dict[str, Any]:
    """Our service deployment, as DescribeServiceDeployments has it."""
    target = {"arn": "arn:aws:ecs:sr/new", "requestedTaskCount": 2, "runningTaskCount": running}
    known = {"serviceDeploymentArn": SD, "status": status, "createdAt": NOON}
    return {**known, "targetServiceRevision": target, **changes}


def tags_of(values: dict[str, str]) -> list[dict[str, str]]:
    """Tags as ECS has them."""
    return [{"key": key, "value": value} for key, value in values.items()]


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

    def revisions(self, revision: str = NEW) -> None:
        """What the new service revision means."""
        found = [{"serviceRevisionArn": "arn:aws:ecs:sr/new", "taskDefinition": revision}]
        self.add("describe_service_revisions", {"serviceRevisions": found})

    def status(self, status: str, **changes: Any) -> None:
        """Our service deployment."""
        answer = {"serviceDeployments": [service_deployment(status, **changes)]}
        self.add("describe_service_deployments", answer, {"serviceDeploymentArns": [SD]})

    def service(
        self, revision: str = NEW, identity: str = TARGET.deployment_id, state: str = "COMPLETED", **changes: Any
    ) -> None:
        """The service with one deployment."""
        self.add("describe_services", {"services": [described(revision, identity, state, **changes)]})


def entry(one: Deployment) -> dict[str, Any]:
    """A deployment as DescribeServices has it."""
    return {
        "id": one.id,
        "status": one.status,
        "taskDefinition": one.revision,
        "createdAt": one.created,
        "rolloutState": one.state,
        "rolloutStateReason": one.reason,
        "desiredCount": one.desired,
        "runningCount": one.running,
        "failedTasks": one.failed,
    }


# From which second on a service has which deployments, and its service deployment which status ("": it has none).
Phase = tuple[float, tuple[Deployment, ...], str]


@dataclass
class Acted:
    """A session whose ECS goes through phases on a clock, with tasks that stop at their second; and what it is asked.

    UpdateService is answered with the first of the phases ``back``, which go on from there. A read is of now, or of up
    to ``lag`` seconds ago. ``tags`` are those of each revision by its ARN, the newest first; ``groups`` are the target
    groups by their ARN, each with the second from which on both targets are healthy.
    """

    phases: list[Phase]
    stops: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    back: list[Phase] = field(default_factory=list)
    refused: tuple[str, ...] = ()
    lag: float = 0.0
    seed: int = 0
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, float] = field(default_factory=dict)
    time: Time = field(default_factory=Time)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)  # noqa: S311 (no secret is made of it)
        self._begun, self._session = 0.0, boto3.Session("a", "b", region_name="eu-west-2")

    def client(self, name: str, **_: Any) -> Any:
        client: Any = self._session.client(name)  # type: ignore[call-overload]
        client.meta.events.register("before-call", self._answered)
        return client

    def made(self, operation: str) -> list[dict[str, Any]]:
        """What an operation was asked with, call by call."""
        return [asked for name, asked in self.asked if name == operation]

    def followed(self, bake: float = 0.0, timeout: float = 900.0, target: Target = TARGET) -> tuple[Followed, Recorder]:
        """How our deployment ends here, and what is shown of it."""
        recorder = Recorder()
        return follow(target, {}, self.run(recorder, bake=bake, timeout=timeout), seen(ours, old)), recorder

    def run(self, display: Display | None = None, **waits: float) -> Run:
        """A run on the service on this clock."""
        return run_on(cast("StubbedSession", self), self.time.clock, display, **waits)

    def _answered(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        asked = params["body"] if isinstance(params["body"], dict) else json.loads(params["body"])
        self.asked.append((model.name, asked))
        if model.name in self.refused:
            return AWSResponse("", 400, HTTPHeaders(), None), {"Error": {"Code": "AccessDeniedException"}}
        return AWSResponse("", 200, HTTPHeaders(), None), self._answer(model.name, asked)

    def _answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        now, (_, deployments, status) = self.time.seconds, self._phase()
        running = sum(one.running for one in deployments if one.id == TARGET.deployment_id)
        match operation:
            case "UpdateService":
                self.phases, self._begun = self.back, now
                return {"service": self._service()}
            case "DescribeServices":
                return {"services": [self._service()]}
            case "DescribeServiceDeployments":
                missing = {"failures": [{"arn": SD, "reason": "MISSING"}]}
                return {"serviceDeployments": [service_deployment(status, running)]} if status else missing
            case "DescribeServiceRevisions":
                return {"serviceRevisions": [{"serviceRevisionArn": "arn:aws:ecs:sr/new", "taskDefinition": NEW}]}
            case "ListTasks":
                return {"taskArns": [task["taskArn"] for at, task in self.stops if at <= now]}
            case "DescribeTargetHealth":
                state = "healthy" if self.groups[asked["TargetGroupArn"]] <= now else "initial"
                return {"TargetHealthDescriptions": [{"TargetHealth": {"State": state}}] * 2}
            case "DescribeTaskDefinition":
                arn = asked["taskDefinition"]
                return {"taskDefinition": {"taskDefinitionArn": arn}, "tags": tags_of(self.tags.get(arn, {}))}
            case "ListTaskDefinitions":
                return {"taskDefinitionArns": list(self.tags)}
            case "DescribeTasks":
                return {"tasks": [task for _, task in self.stops if task["taskArn"] in asked["tasks"]]}
        return {}

    def _phase(self) -> Phase:
        known = self.time.seconds - self._chance.choice([0.0, self._chance.uniform(0, self.lag)])
        return [one for one in self.phases if self._begun + one[0] <= known or one is self.phases[0]][-1]

    def _service(self) -> dict[str, Any]:
        _, deployments, status = self._phase()
        meant = next(one.revision for one in deployments if one.status == "PRIMARY")
        known = [entry(one) for one in deployments]
        balanced = [{"targetGroupArn": arn, "containerName": "app", "containerPort": 8080} for arn in self.groups]
        current = SD if status else ""
        return described(meant, currentServiceDeployment=current, deployments=known, loadBalancers=balanced)


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
