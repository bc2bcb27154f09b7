"""Deployments: the scheduler's next step, service deployments and revisions; each test names the AWS page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, get_args

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.ecs import history
from rehearsal.emulator.ecs.history import FINISHED, Progress, Seen, Status, advanced, begun, requested
from rehearsal.emulator.ecs.replicas import Replica, Step, Wanted, step
from rehearsal.emulator.ecs.service_deployments import stop_problem
from rehearsal.emulator.happenings import Told
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.conftest import Tell
from tests.rehearsal.emulator.service import Service, lay


def new(name: str, *, healthy: bool = True, failing: bool = False) -> Replica:
    return Replica(name, current=True, healthy=healthy and not failing, failing=failing, created=name)


def old(name: str, *, healthy: bool = True) -> Replica:
    return Replica(name, current=False, healthy=healthy, created=name)


STEADY = Wanted(2, 200, 100, "COMPLETED")
ROLLING = Wanted(2, 200, 100, "IN_PROGRESS")
TIGHT = Wanted(2, 100, 50, "IN_PROGRESS")


@pytest.mark.parametrize(
    ("wanted", "replicas", "expected"),
    [
        # A new service, and one where a task has been stopped.
        (ROLLING, [], Step(start=2)),
        (STEADY, [new("1")], Step(start=1)),
        (STEADY, [new("1"), new("2")], Step()),
        # An unhealthy one is replaced first, and stopped once the other is healthy.
        (STEADY, [new("1"), new("2", failing=True)], Step(start=1)),
        (STEADY, [new("1"), new("2", failing=True), new("3", healthy=False)], Step()),
        (STEADY, [new("1"), new("2", failing=True), new("3")], Step(stop=("2",))),
        # Both unhealthy: two more start while the two go on serving what they can.
        (STEADY, [new("1", failing=True), new("2", failing=True)], Step(start=2)),
        # maximumPercent leaves no room: the unhealthy one stops to make it.
        (Wanted(2, 100, 50, "COMPLETED"), [new("1"), new("2", failing=True)], Step(start=1, stop=("2",))),
        # A roll: the former stay until the deployment is completed.
        (ROLLING, [old("1"), old("2")], Step(start=2)),
        (ROLLING, [old("1"), old("2"), new("3"), new("4", healthy=False)], Step()),
        (STEADY, [old("1"), old("2"), new("3"), new("4")], Step(stop=("1", "2"))),
        # A tight one goes step by step, and never below minimumHealthyPercent.
        (TIGHT, [old("1"), old("2")], Step(start=1, stop=("2",))),
        (TIGHT, [old("1"), new("3", healthy=False)], Step()),
        (TIGHT, [old("1"), new("3")], Step(start=1, stop=("1",))),
        # Unhealthy new tasks make room for others, healthy former ones do not.
        (ROLLING, [old("1"), old("2"), new("3", failing=True), new("4")], Step(start=1, stop=("3",))),
        # A deployment that replaces one in progress: what never was healthy makes room.
        (ROLLING, [old("1"), old("2"), old("3", healthy=False), old("4", healthy=False)], Step(2, ("3", "4"))),
        # A failed one starts nothing and takes nothing away.
        (Wanted(2, 200, 100, "FAILED"), [old("1"), old("2"), new("3")], Step()),
        # Scaling in, and to nothing.
        (STEADY, [new("1"), new("2"), new("3")], Step(stop=("3",))),
        (Wanted(0, 200, 100, "COMPLETED"), [new("1"), old("2")], Step(stop=("1", "2"))),
        # A tag is resolved by the first task.
        (Wanted(2, 200, 100, "IN_PROGRESS", one_first=True), [], Step(start=1)),
        (Wanted(2, 200, 100, "IN_PROGRESS", one_first=True), [new("1", healthy=False)], Step()),
    ],
)
def test_the_next_step(wanted: Wanted, replicas: list[Replica], expected: Step) -> None:
    assert step(wanted, replicas) == expected


PENDING = begun(1)
RUNNING = replace(PENDING, status="IN_PROGRESS", started=2)
ASKED = requested(RUNNING, "before", 3)


def seen(
    state: str = "IN_PROGRESS",
    primary: Literal["ours", "older", "newer"] = "ours",
    primary_state: str = "IN_PROGRESS",
    *,
    has_tasks: bool = True,
) -> Seen:
    return Seen(state, has_tasks, primary, primary_state, "before")


@pytest.mark.parametrize(
    ("before", "look", "status"),
    [
        (PENDING, seen(has_tasks=False), "PENDING"),
        (PENDING, seen(), "IN_PROGRESS"),
        (RUNNING, seen(), "IN_PROGRESS"),
        (RUNNING, seen("COMPLETED"), "SUCCESSFUL"),
        # Nothing to scale: it is completed before a task was seen.
        (PENDING, seen("COMPLETED", has_tasks=False), "SUCCESSFUL"),
        (RUNNING, seen("FAILED"), "STOPPED"),
        (RUNNING, seen("FAILED", "older"), "ROLLBACK_IN_PROGRESS"),
        (RUNNING, seen("FAILED", "older", "COMPLETED"), "ROLLBACK_SUCCESSFUL"),
        (RUNNING, seen("FAILED", "older", "FAILED"), "ROLLBACK_FAILED"),
        (RUNNING, seen(primary="newer"), "STOPPED"),
        (PENDING, seen(primary="newer", has_tasks=False), "STOPPED"),
        (ASKED, seen(), "ROLLBACK_REQUESTED"),
        (ASKED, seen("FAILED", "older"), "ROLLBACK_IN_PROGRESS"),
        (ASKED, seen("FAILED", "older", "COMPLETED"), "ROLLBACK_SUCCESSFUL"),
    ],
)
def test_the_status_after_a_look(before: Progress, look: Seen, status: Status) -> None:
    after = advanced(before, look, 9)
    assert after.status == status
    assert (after.finished is not None) is (status in FINISHED)
    assert (after.stopped is not None) is (status == "STOPPED")
    assert (after.started is None) is (status == "PENDING" or not (look.has_tasks or look.state != "IN_PROGRESS"))


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_what_has_ended_stays_as_it_ended(status: Status) -> None:
    ended = replace(RUNNING, status=status, finished=5)
    assert advanced(ended, seen("FAILED", "newer", "FAILED"), 9) == ended


def test_the_breaker_and_a_request_give_their_own_reasons() -> None:
    broken = advanced(RUNNING, seen("FAILED", "older"), 9)
    assert broken.rollback == history.Rollback(history.BREAKER, 9, "before")
    assert (broken.reason, broken.triggered) == (history.BREAKER, True)
    stopped = advanced(ASKED, seen("FAILED", "older"), 9)
    assert stopped.rollback == history.Rollback(history.REQUESTED, 3, "before")
    assert (stopped.reason, stopped.triggered) == (history.REQUESTED, False)
    assert advanced(RUNNING, seen("FAILED"), 9).triggered


@pytest.mark.parametrize("status", get_args(Status))
def test_what_goes_on_may_be_stopped_again_and_what_has_ended_may_not(status: Status) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html"""
    problem = stop_problem(replace(RUNNING, status=status), "ROLLBACK")
    if status in FINISHED:
        assert problem == (f"The service deployment is {status} already.", "ConflictException")
    else:
        assert problem is None


# Its first look comes after five minutes: the deployment goes on until then.
UNDECIDED = {"command": ["CMD-SHELL", "exit 0"], "interval": 300}
ARN = r"arn:aws:ecs:eu-west-2:000000000000:service-{}/history/history/"


@pytest.fixture(scope="module")
def service(account: Account) -> Iterator[Service]:
    """One task of version v1 behind a load balancer, its creation being the first service deployment."""
    laid = lay(account, "history")
    laid.create(laid.register("v1"))
    yield laid
    laid.delete()


def revision(service: Service, arn: str) -> Any:
    return service.ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"][0]


def ended(service: Service, arn: str = "") -> Any:
    """A service deployment, the newest unless another is named, once it has ended."""
    arn = service.deployment(arn)["serviceDeploymentArn"]
    assert eventually(lambda: "finishedAt" in service.deployment(arn)), service.deployment(arn)
    return service.deployment(arn)


def test_creating_a_service_is_its_first_service_deployment(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html"""
    [first] = service.listed()
    assert re.fullmatch(ARN.format("deployment") + r"[\w-]{21}", first["serviceDeploymentArn"])
    assert re.fullmatch(ARN.format("revision") + r"\d{19}", first["targetServiceRevisionArn"])
    assert first["status"] == "SUCCESSFUL"
    assert first["createdAt"] <= first["startedAt"] <= first["finishedAt"]
    whole = service.deployment(first["serviceDeploymentArn"])
    assert whole["sourceServiceRevisions"] == []
    assert whole["targetServiceRevision"] == {
        "arn": first["targetServiceRevisionArn"],
        "requestedTaskCount": 1,
        "runningTaskCount": 1,
        "pendingTaskCount": 0,
    }
    assert whole["deploymentCircuitBreaker"] == {"status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3}
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision-property.html
    [deployment] = service.deployments()
    recorded = revision(service, first["targetServiceRevisionArn"])
    assert recorded["taskDefinition"] == deployment["taskDefinition"]
    assert recorded["launchType"] == "FARGATE"
    assert recorded["loadBalancers"][0]["targetGroupArn"] == service.group
    [image] = recorded["containerImages"]
    assert image["containerName"] == "web"
    assert image["imageDigest"] == service.tasks()[0]["containers"][0]["imageDigest"]


def test_a_good_update_goes_from_pending_to_successful(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html"""
    before = service.listed()[0]
    revision_arn = service.register("v2")
    answer = service.ecs.update_service(cluster=service.name, service=service.name, taskDefinition=revision_arn)
    created = answer["service"]["deployments"][0]["createdAt"]
    found = service.listed(createdAt={"after": created - timedelta(seconds=1)})
    newest = next(
        one for one in found if revision(service, one["targetServiceRevisionArn"])["taskDefinition"] == revision_arn
    )
    # What UpdateService answers names the one before (aws/containers-roadmap#2709), reads name this one.
    assert answer["service"]["currentServiceDeployment"] == before["serviceDeploymentArn"]
    assert newest["serviceDeploymentArn"] == service.described()["currentServiceDeployment"]
    assert newest["status"] in {"PENDING", "IN_PROGRESS", "SUCCESSFUL"}
    whole = ended(service, newest["serviceDeploymentArn"])
    assert whole["status"] == "SUCCESSFUL"
    assert whole["createdAt"] <= whole["startedAt"] <= whole["finishedAt"]
    assert "rollback" not in whole
    assert [one["arn"] for one in whole["sourceServiceRevisions"]] == [before["targetServiceRevisionArn"]]
    assert eventually(service.steady)


def test_what_the_breaker_ends_is_rolled_back_to_the_last_successful_revision(service: Service, tell: Tell) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html (rollback)

    The reasons: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """
    tell(Told("slow-rollback", seconds=3))
    good, [before] = service.listed()[0], service.deployments()
    failing = service.update(service.register("v3", "exits"))
    bad = service.listed()[0]["serviceDeploymentArn"]
    looks: dict[str, list[tuple[str, ...]]] = {before["id"]: [], failing: [], bad: []}

    def steady() -> bool:
        seen: dict[str, tuple[str, ...]] = {
            one["id"]: (one["status"], one["rolloutState"], one["rolloutStateReason"]) for one in service.deployments()
        }
        seen[bad] = (service.deployment(bad)["status"],)
        for identity, look in seen.items():
            looks[identity] += [look] if look not in looks[identity] else []
        return failing not in seen and looks[before["id"]][-1][1] == "COMPLETED"

    assert eventually(steady), looks
    assert looks[before["id"]][1:] == [
        ("PRIMARY", "IN_PROGRESS", f"ECS deployment circuit breaker: rolling back to deploymentId {before['id']}."),
        ("PRIMARY", "COMPLETED", f"ECS deployment {before['id']} completed."),
    ]
    # It is FAILED a while after it has lost its place, and gone a second later, which a slow machine does not see.
    states = [
        ("PRIMARY", "IN_PROGRESS", f"ECS deployment {failing} in progress."),
        ("ACTIVE", "IN_PROGRESS", f"ECS deployment {failing} in progress."),
        ("ACTIVE", "FAILED", "ECS deployment circuit breaker: tasks failed to start."),
    ]
    assert looks[failing] in (states, states[:2])
    assert [status for status, *_ in looks[bad]][-2:] == ["ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"]
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
    messages = [event["message"].removeprefix("(service history) ") for event in service.described()["events"]]
    told = [message for message in messages if "deploy" in message or "steady" in message][:4]
    assert told == [
        "has reached a steady state.",
        f"(deployment {before['id']}) deployment completed.",
        f"rolling back to deployment {before['id']}.",
        f"(deployment {failing}) deployment failed: tasks failed to start.",
    ]
    whole = service.deployment(bad)
    assert whole["startedAt"] <= whole["rollback"]["startedAt"] <= whole["finishedAt"]
    assert whole["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert whole["rollback"]["reason"] == whole["statusReason"]
    assert "circuit breaker threshold was exceeded" in whole["statusReason"]
    # "Amazon ECS doesn't create a new service revision for a rollback operation."
    assert whole["rollback"]["serviceRevisionArn"] == good["targetServiceRevisionArn"]
    assert [one["serviceDeploymentArn"] for one in service.listed()][:2] == [bad, good["serviceDeploymentArn"]]
    assert service.deployment(good["serviceDeploymentArn"])["status"] == "SUCCESSFUL"


def test_a_bad_deployment_within_a_rollback_is_rolled_back_to_the_same_one(service: Service, tell: Tell) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    [before] = service.deployments()
    revision = service.register("v3", "exits")
    tell(Told("slow-rollback", seconds=10))
    first = service.update(revision)
    assert eventually(lambda: service.deployments()[0]["id"] == before["id"])
    assert [one["id"] for one in service.deployments()] == [before["id"], first]
    second = service.update(revision, forceNewDeployment=True)
    assert second not in (before["id"], first)
    assert eventually(service.steady)
    assert service.deployments()[0]["id"] == before["id"]
    assert [one["status"] for one in service.listed()[:2]] == ["ROLLBACK_SUCCESSFUL", "STOPPED"]


def test_a_deployment_in_progress_can_be_stopped_with_a_rollback(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html"""
    good = next(one for one in service.listed() if one["status"] == "SUCCESSFUL")
    [before], page = service.deployments(), service.page()
    identity = service.update(service.register("v4", "sick"))
    stopped = service.listed()[0]["serviceDeploymentArn"]
    answer = service.ecs.stop_service_deployment(serviceDeploymentArn=stopped, stopType="ROLLBACK")
    assert answer["serviceDeploymentArn"] == stopped
    # "ROLLBACK_REQUESTED - The service deployment continues the rollback operation."
    try:
        service.ecs.stop_service_deployment(serviceDeploymentArn=stopped)
    except ClientError as error:
        # Only what has ended meanwhile may refuse it; a test of the statuses holds the states in between.
        assert "The service deployment is ROLLBACK_SUCCESSFUL already." in str(error)  # noqa: PT017
    reasons = [one["rolloutStateReason"] for one in service.deployments()]
    assert not [reason for reason in reasons if "circuit breaker" in reason]
    whole = ended(service, stopped)
    assert whole["status"] == "ROLLBACK_SUCCESSFUL"
    assert whole["rollback"]["serviceRevisionArn"] == good["targetServiceRevisionArn"]
    assert whole["deploymentCircuitBreaker"]["status"] == "MONITORING"
    assert eventually(service.steady)
    assert service.deployments()[0]["id"] == before["id"]
    assert eventually(lambda: not [task for task in service.tasks() if task["startedBy"] == identity])
    assert service.page() == page


def test_the_later_of_two_deployments_stops_the_earlier(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html"""
    service.update(service.register("v5", "sick"))
    earlier = service.listed()[0]["serviceDeploymentArn"]
    service.update(service.register("v6"))
    later = service.listed()[0]["serviceDeploymentArn"]
    assert service.deployment(earlier)["status"] == "STOPPED"
    assert "stoppedAt" in service.deployment(earlier)
    assert ended(service, later)["status"] == "SUCCESSFUL"
    assert eventually(service.steady)


def test_what_cannot_be_stopped_is_refused(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html"""
    arn = service.listed()[0]["serviceDeploymentArn"]
    for wrong, stop_type, code in (
        # "The valid values are ROLLBACK."
        (arn, "ABORT", "InvalidParameterException"),
        (arn, "ROLLBACK", "ConflictException"),
        (arn[:-21] + "x" * 21, "ROLLBACK", "ServiceDeploymentNotFoundException"),
    ):
        with pytest.raises(ClientError, match=code):
            service.ecs.stop_service_deployment(serviceDeploymentArn=wrong, stopType=stop_type)


def test_a_list_can_be_filtered_and_comes_in_pages(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html"""
    revision = service.register("v7")
    for _ in range(5):
        # Each stops the one before.
        service.update(revision, forceNewDeployment=True)
    assert eventually(service.steady)
    every = service.listed()
    assert [one["createdAt"] for one in every] == sorted((one["createdAt"] for one in every), reverse=True)
    assert {one["status"] for one in service.listed(status=["STOPPED", "PENDING"])} == {"STOPPED"}
    assert service.listed(createdAt={"before": every[-1]["createdAt"] - timedelta(days=1)}) == []
    assert service.listed(createdAt={"after": every[-1]["createdAt"] + timedelta(days=1)}) == []
    first = service.ecs.list_service_deployments(cluster=service.name, service=service.name, maxResults=4)
    rest = service.listed(maxResults=100, nextToken=first["nextToken"])
    assert first["serviceDeployments"] + rest == every
    # hashicorp/terraform-provider-aws#43445
    with pytest.raises(ClientError, match="Before and After time filter must be within the last 3 months"):
        service.listed(createdAt={"after": every[-1]["createdAt"] - timedelta(days=100)})
    with pytest.raises(ClientError, match="ServiceNotFoundException"):
        service.ecs.list_service_deployments(cluster=service.name, service="nothing")
    with pytest.raises(ClientError, match="ClusterNotFoundException"):
        service.ecs.list_service_deployments(cluster="nothing", service=service.name)


def test_what_is_unknown_is_named_as_a_failure(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html (failures)"""
    [first, *_] = service.listed()
    # A revision's ARN is not a deployment's, nor the other way round.
    deployment, revision = first["serviceDeploymentArn"], first["targetServiceRevisionArn"]
    answer = service.ecs.describe_service_deployments(serviceDeploymentArns=[revision])
    assert (answer["serviceDeployments"], answer["failures"]) == ([], [{"arn": revision, "reason": "MISSING"}])
    answer = service.ecs.describe_service_revisions(serviceRevisionArns=[deployment])
    assert (answer["serviceRevisions"], answer["failures"]) == ([], [{"arn": deployment, "reason": "MISSING"}])


def test_a_first_deployment_has_nothing_to_go_back_to(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    laid = lay(account, "firstborn")
    laid.create(laid.register("v1", healthCheck=UNDECIDED), steady=False, loadBalancers=[])
    arn = laid.listed()[0]["serviceDeploymentArn"]
    with pytest.raises(ClientError, match="There is no service revision to roll back to"):
        laid.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    laid.update(laid.register("v2", "exits"))
    arn = laid.listed()[0]["serviceDeploymentArn"]
    whole = ended(laid, arn)
    assert whole["status"] == "STOPPED"
    assert whole["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert "rollback" not in whole
    laid.delete()
    # "When you delete a service, Amazon ECS deletes the service deployments."
    [failure] = laid.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["failures"]
    assert failure["reason"] == "MISSING"
