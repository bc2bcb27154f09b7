"""The gateway to ECS: pages, batches and refusals, and that it reads every answer that the service model allows."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from gitops import ecs_answers
from gitops.deploy import causes, decision
from gitops.deploy.release import longest
from gitops.deploy.roll import choose
from gitops.deploy.rollback import in_flight
from gitops.ecs import Ecs, NotOfferedError, Service
from gitops.ecs_answers import Balanced, Counts, Observation, ServiceDeployment, Task, TaskDefinition
from gitops.errors import GitopsError
from tests.gitops.deploy.described import NOON, TARGET, StubbedSession, old, ours, seen, service, through_the_api

OURS = TARGET.deployment_id
# The address of a task is a detail of this name: everything that has a name has it here.
NAME = "privateIPv4Address"
# What the readers look for; any other text is "x".
SAID: dict[str, Any] = {
    "name": NAME,
    "status": "PRIMARY",
    "taskDefinitionArn": "arn/x:1",
    "taskDefinitionArns": ["arn/x:1"],
    # Of CloudFormation, ECR, IAM and CloudWatch Logs.
    "Status": "CREATE_COMPLETE",
    "DetectionStatus": "DETECTION_COMPLETE",
    "authorizationToken": "YTpi",
    "AssumeRolePolicyDocument": "{}",
    "nextBackwardToken": "the same",
}
ONE = ServiceDeployment("arn:sd", "IN_PROGRESS", service_revision="arn:sr")

# Every way to ask ECS, with what a caller does to the answer.
READERS: dict[str, Callable[[Ecs, Service], object]] = {
    "Ecs.meta": lambda ecs, _: ecs.meta,
    "Ecs.service": lambda ecs, _: ecs.service("app"),
    "Ecs.cluster_status": lambda ecs, _: ecs.cluster_status(),
    "Ecs.revisions": lambda ecs, _: list(ecs.revisions("x")),
    "Ecs.newest": lambda ecs, _: ecs.newest("x"),
    "Ecs.newest_definition": lambda ecs, _: ecs.newest_definition("x"),
    "Ecs.task_definition": lambda ecs, _: looked_at(ecs.task_definition("x:1")),
    "Ecs.register": lambda ecs, _: ecs.register({"family": "x", "containerDefinitions": []}),
    "Ecs.deregister": lambda ecs, _: ecs.deregister("x:1"),
    "Ecs.delete": lambda ecs, _: ecs.delete(["x:1"]),
    "Ecs.tag": lambda ecs, _: ecs.tag("arn", [{"key": "a", "value": "b"}]),
    "Ecs.tasks": lambda ecs, _: looked_at(*ecs.tasks("x")),
    "Service.look": lambda _, app: looked_at(app.look()),
    "Service.update": lambda _, app: looked_at(app.update("x:1", force=True)),
    "Service.tasks": lambda _, app: looked_at(*app.tasks(stopped=True)),
    "Service.stop": lambda _, app: app.stop(Task("arn"), "why"),
    "Service.deployment": lambda _, app: app.deployment("arn"),
    "Service.revisions_of": lambda _, app: app.revisions_of([ONE]),
    "Service.stop_deployment": lambda _, app: app.stop_deployment("arn"),
}


def looked_at(*found: Observation | TaskDefinition | Task | None) -> object:
    """Ask for everything that is derived from an answer."""
    for one in found:
        if isinstance(one, Observation):
            parts = one.primary, one.target_groups, one.running, one.counts("x"), one.deployment("x")
            known = choose(decision.read(one), "x"), in_flight(one), longest(one, {})
            return parts, known, decision.decide(TARGET, one, waited=1, timeout=900)
        if isinstance(one, TaskDefinition):
            return one.image(NAME), ecs_answers.family_of(one.arn), ecs_answers.number_of(one.arn)
        if isinstance(one, Task):
            return one.id, one.short, one.has_failed("x"), causes.group([one], {}), causes.never_heals([one], SAID)
    return None


class Answering:
    """A session whose clients answer each operation from its own output shape, changed for one of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.changed: dict[tuple[str, str], dict[str, Any]] = {}
        self._session, self._made = boto3.Session("a", "b", region_name="eu-west-2"), dict[str, Any]()

    def client(self, name: str, **_: Any) -> Any:
        if name not in self._made:
            made: Any = self._session.client
            self._made[name] = made(name)
            self._made[name].meta.events.register("before-call", partial(self._answer, name))
        return self._made[name]

    def _answer(self, name: str, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        operation = name, model.name
        self.asked.append(operation)
        answer = self.changed.get(operation)
        return AWSResponse("", 200, HTTPHeaders(), None), copy.deepcopy(
            everything(*operation) if answer is None else answer
        )


def whole(shape: Shape, inside: tuple[str, ...] = ()) -> Any:
    """An answer with every member that there may be; the last page, and nothing that could not be described."""
    if isinstance(shape, StructureShape):
        left_out = {"failures", "nextToken", "NextToken", "NextMarker", "Marker"} if not inside else set(inside)
        members = {key: one for key, one in shape.members.items() if key not in left_out and one.name not in inside}
        return {key: SAID.get(key) or whole(one, (*inside, shape.name)) for key, one in members.items()}
    if isinstance(shape, ListShape):
        return [whole(shape.member, inside or (shape.name,))]
    if isinstance(shape, MapShape):
        return {"x": whole(shape.value, inside or (shape.name,))}
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else "x"
    return {"timestamp": NOON, "boolean": True, "double": 1.0}.get(shape.type_name, 1)


def lacking(answer: Any, shape: Shape) -> Iterator[Any]:
    """The answer without one thing, for each that its shape does not require: a member, a list's entry, what it has."""
    if isinstance(answer, dict) and isinstance(shape, StructureShape):
        for key, value in answer.items():
            if key not in shape.required_members:
                yield {name: one for name, one in answer.items() if name != key}
            yield from ({**answer, key: less} for less in lacking(value, shape.members[key]))
    if isinstance(answer, list) and isinstance(shape, ListShape):
        yield []
        first, member = answer[0], shape.member
        if isinstance(first, dict) and isinstance(member, StructureShape):
            yield [{key: one for key, one in first.items() if key in member.required_members}]
        yield from ([less] for less in lacking(first, member))


@cache
def shape_of(service: str, operation: str) -> Shape:
    """What a service answers to an operation."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return model.output_shape or StructureShape("Nothing", {"type": "structure", "members": {}})


@cache
def everything(service: str, operation: str) -> dict[str, Any]:
    """The answer to an operation with all that it may have."""
    found: dict[str, Any] = whole(shape_of(service, operation))
    return found


def answers(service: str, operation: str) -> Iterator[dict[str, Any]]:
    """Every answer to an operation that lacks something, and those that name what could not be described."""
    full, shape = everything(service, operation), shape_of(service, operation)
    assert isinstance(shape, StructureShape)
    yield {key: full[key] for key in shape.required_members if key in full}
    yield full
    yield from lacking(full, shape)
    if "failures" in shape.members:
        for failure in ({}, {"reason": "MISSING"}, {"arn": "a", "reason": "BROKEN", "detail": "d"}):
            yield {**full, "failures": [failure]}
            yield {"failures": [failure]}


def with_each_answer(read: Callable[[Answering], object]) -> None:
    """Have it read every answer to each operation that it asks for; only an error for people may come of it."""
    session = Answering()
    read(session)
    for operation in dict.fromkeys(session.asked):
        for answer in answers(*operation):
            session.changed = {operation: answer}
            with contextlib.suppress(GitopsError):
                read(session)


def read(reader: str, session: Answering) -> None:
    taken: Any = session
    ecs = Ecs(taken, "demo")
    READERS[reader](ecs, ecs.service("app"))


def test_every_way_to_ask_is_among_the_readers() -> None:
    public = {
        f"{room.__name__}.{name}"
        for room in (Ecs, Service)
        for name, _ in inspect.getmembers(room, lambda one: inspect.isfunction(one) or isinstance(one, property))
        if not name.startswith("_")
    }
    assert public == READERS.keys()


@pytest.mark.parametrize("reader", READERS)
def test_no_member_that_may_be_absent_is_relied_upon(reader: str) -> None:
    with_each_answer(partial(read, reader))


def test_service_revisions_are_described_twenty_at_a_time(session: StubbedSession) -> None:
    deployments = [replace(ONE, service_revision=f"arn:{number:02}") for number in range(30)]
    for some in (deployments[:20], deployments[20:]):
        arns = [one.service_revision for one in some]
        found = [{"serviceRevisionArn": arn, "taskDefinition": f"of {arn}"} for arn in arns]
        answer, asked = {"serviceRevisions": found}, {"serviceRevisionArns": arns}
        session.answers("ecs").add_response("describe_service_revisions", answer, asked)
    assert service(session).revisions_of([*deployments, ONE, ONE][:30])["arn:29"] == "of arn:29"


def test_known_tasks_are_not_described_again(session: StubbedSession) -> None:
    listed = {"cluster": "demo", "serviceName": "app", "desiredStatus": "STOPPED"}
    session.answers("ecs").add_response("list_tasks", {"taskArns": ["arn/1", "arn/2"]}, listed)
    session.answers("ecs").add_response("describe_tasks", {"tasks": []}, {"cluster": "demo", "tasks": ["arn/2"]})
    assert service(session).tasks(stopped=True, apart={"1"}) == []


@pytest.mark.parametrize("code", ["ClusterNotFoundException", "ServiceNotFoundException"])
def test_what_is_not_there_is_nothing(session: StubbedSession, code: str) -> None:
    app = service(session)
    for operation in ("describe_services", "list_tasks"):
        session.answers("ecs").add_client_error(operation, code)
    assert (app.look(), app.tasks()) == (None, [])


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAction", "InvalidParameterException"])
def test_service_deployments_may_not_be_offered(session: StubbedSession, code: str) -> None:
    for operation in ("describe_service_deployments", "describe_service_revisions"):
        session.answers("ecs").add_client_error(operation, code)
    with pytest.raises(NotOfferedError, match=f"DescribeServiceDeployments answered {code}"):
        service(session).deployment("arn")
    with pytest.raises(NotOfferedError, match=f"DescribeServiceRevisions answered {code}"):
        service(session).revisions_of([ONE])


def test_any_other_refusal_and_what_could_not_be_described_is_an_error(session: StubbedSession) -> None:
    app, ecs = service(session), session.answers("ecs")
    for operation in ("describe_services", "list_tasks", "describe_service_deployments"):
        ecs.add_client_error(operation, "ServerException")
    for ask in (app.look, app.tasks, lambda: app.deployment("arn")):
        with pytest.raises(ClientError):
            ask()
    ecs.add_response("describe_services", {"failures": [{"arn": "arn:x", "reason": "BROKEN", "detail": "try later"}]})
    with pytest.raises(GitopsError, match="DescribeServices could not describe arn:x: BROKEN try later"):
        app.look()


def test_why_a_deployment_cannot_be_stopped_is_said_and_never_raised(
    session: StubbedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://x")

    for code in ("AccessDeniedException", "ConflictException", "ServerException", "InvalidParameterException"):
        session.answers("ecs").add_client_error("stop_service_deployment", code)
        assert service(session).stop_deployment("arn") == f"StopServiceDeployment answered {code}"
    assert service(session).stop_deployment("") == "ECS does not name its service deployment"
    monkeypatch.setattr(session.client("ecs"), "stop_service_deployment", unreachable)
    assert "Could not connect" in service(session).stop_deployment("arn")


@pytest.mark.parametrize(
    ("revision", "force", "wanted"),
    [
        ("x:1", False, {"taskDefinition": "x:1"}),
        ("x:1", True, {"taskDefinition": "x:1", "forceNewDeployment": True}),
        ("", True, {"forceNewDeployment": True}),
    ],
)
def test_an_update_says_no_more_than_it_means(
    session: StubbedSession, revision: str, force: bool, wanted: dict[str, Any]
) -> None:
    answer = {"service": {"status": "ACTIVE", "desiredCount": 3}}
    session.answers("ecs").add_response("update_service", answer, {"cluster": "demo", "service": "app", **wanted})
    assert service(session).update(revision, force=force).desired == 3


def test_a_port_that_came_through_as_text_is_a_port_and_where_no_time_is_given_everything_is_newer() -> None:
    entry = {"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": "8080"}
    assert ecs_answers.service({"loadBalancers": [entry]}).balanced == (Balanced("arn:tg", "app", 8080),)
    assert ecs_answers.service_deployment({}).created < datetime(2014, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("revision", "family", "number"), [("arn:x/app-staging:12", "app-staging", 12), ("app:1", "app", 1), ("", "", 0)]
)
def test_a_revision_is_a_family_and_a_number(revision: str, family: str, number: int) -> None:
    assert (ecs_answers.family_of(revision), ecs_answers.number_of(revision)) == (family, number)


def counted(observation: Observation, **changes: Any) -> Observation:
    """The same with the service deployment's own counts."""
    assert observation.service_deployment is not None
    return replace(observation, service_deployment=replace(observation.service_deployment, **changes))


BOTH = seen(replace(ours, running=1, pending=1, failed=2), old)
THROUGH = through_the_api(BOTH, "IN_PROGRESS", failures=1)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (BOTH, Counts(1, 1, 2, old=2)),
        # The service deployment is counted at this moment, the service's own entry now and then.
        (THROUGH, Counts(1, 0, 1, old=2)),
        (counted(THROUGH, pending=1, source_running=0), Counts(1, 1, 1, old=0)),
        # No breaker counts: then the entry does.
        (counted(THROUGH, breaker=None), Counts(1, 0, 2, old=2)),
        # Listed and not counted yet.
        (counted(THROUGH, requested=0, running=0), Counts(None, 0, 1, old=2)),
        # ECS has dropped it.
        (seen(old), Counts(None, 0, 0, old=2)),
        (seen(), Counts()),
    ],
)
def test_which_tasks_are_ours_and_how_many_run_and_failed(observation: Observation, expected: Counts) -> None:
    assert observation.counts(OURS) == expected
