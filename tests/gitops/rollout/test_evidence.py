"""Evidence is gathered while the deployment fails, and a refused look-up is a gap, not an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops.rollout.calls import Calls
from gitops.rollout.decide import Decision
from gitops.rollout.evidence import Gatherer, is_trouble, log_streams
from gitops.rollout.observation import Event
from gitops.rollout.watch import Clock
from tests.gitops.rollout.described import NEW, NOON, TARGET, old, ours, seen, through_the_api
from tests.gitops.rollout.stubbed import StubbedSession

DOCUMENT = {
    "containerDefinitions": [
        {
            "name": "app",
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "app-staging-logs", "awslogs-stream-prefix": "ecs"},
            },
        },
        {"name": "quiet"},
    ]
}
TASK = "arn:aws:ecs:eu-west-2:1:task/demo/t1"
FAILED_ONCE = seen(replace(ours, failed=1), old)
GROUP = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/app/1"


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


@pytest.fixture
def gatherer(session: StubbedSession) -> Gatherer:
    clock = Clock(lambda: 0.0, lambda _: None, lambda: 0.0)
    taken: Any = session
    return Gatherer(taken, "demo", "app", TARGET, DOCUMENT, clock, Calls())


def add_stopped(session: StubbedSession, **changes: Any) -> None:
    answers = session.answers("ecs")
    answers.add_response(
        "list_tasks", {"taskArns": [TASK]}, {"cluster": "demo", "serviceName": "app", "desiredStatus": "STOPPED"}
    )
    described = {
        "taskArn": TASK,
        "taskDefinitionArn": NEW,
        "startedBy": TARGET.deployment_id,
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "app", "exitCode": 3}],
        **changes,
    }
    answers.add_response("describe_tasks", {"tasks": [described]}, {"cluster": "demo", "tasks": [TASK]})


def test_stopped_tasks_are_looked_up_when_a_failure_is_new(session: StubbedSession, gatherer: Gatherer) -> None:
    add_stopped(session)
    # It waits until two more calls keep the average under one a second.
    gatherer.during(FAILED_ONCE, Decision(), 2.0)
    assert gatherer.evidence.stopped == {}
    for waited in (3.0, 4.0, 9.0):
        gatherer.during(FAILED_ONCE, Decision(), waited)
    assert gatherer.evidence.stopped["t1"].exit_code == 3


def test_a_task_that_was_still_stopping_is_described_again(session: StubbedSession, gatherer: Gatherer) -> None:
    add_stopped(session, containers=[{"name": "app"}], lastStatus="DEACTIVATING")
    add_stopped(session)
    for failed, waited in ((1, 10.0), (2, 20.0)):
        gatherer.during(seen(replace(ours, failed=failed), old), Decision(), waited)
    assert gatherer.evidence.stopped["t1"].exit_code == 3


def test_where_nobody_counts_failures_tasks_that_do_not_come_up_are_asked_for(
    session: StubbedSession, gatherer: Gatherer
) -> None:
    add_stopped(session)
    for waited in (9.0, 10.0, 11.0):
        gatherer.during(through_the_api(seen(ours, old), "IN_PROGRESS"), Decision(), waited)
    assert gatherer.evidence.stopped["t1"].exit_code == 3


def test_what_stopped_before_is_forgotten(session: StubbedSession, gatherer: Gatherer) -> None:
    add_stopped(session)
    gatherer.forget_stopped()
    session.answers("ecs").add_response("list_tasks", {"taskArns": [TASK]})
    gatherer.look_closer(FAILED_ONCE)
    assert gatherer.evidence.stopped == {}


def test_nothing_is_asked_while_nothing_fails(gatherer: Gatherer) -> None:
    gatherer.during(seen(ours, old), Decision(), 0.0)
    assert gatherer.evidence.stopped == {}


def test_the_last_lines_of_the_failing_container_are_read(session: StubbedSession, gatherer: Gatherer) -> None:
    session.answers("ecs").add_response("describe_services", {"services": []})
    add_stopped(session)
    logs = session.answers("logs")
    asked = {
        "logGroupName": "app-staging-logs",
        "logStreamName": "ecs/app/t1",
        "limit": 20,
        "startFromHead": False,
    }
    # The stream, and then its lines, come a moment later.
    logs.add_client_error("get_log_events", "ResourceNotFoundException", expected_params=asked)
    logs.add_response("get_log_events", {"events": []}, asked)
    logs.add_response("get_log_events", {"events": [{"message": "one\n"}, {"message": "two"}]}, asked)
    gatherer.at_end(FAILED_ONCE)
    assert gatherer.evidence.logs == {"t1": ["one", "two"]}
    assert gatherer.evidence.gaps == []


def test_unhealthy_targets_keep_their_reason(session: StubbedSession, gatherer: Gatherer) -> None:
    def health(state: str, address: str) -> dict[str, Any]:
        detail = {"State": state, "Reason": "Target.FailedHealthChecks", "Description": "status 503"}
        return {"Target": {"Id": address, "Port": 8080}, "TargetHealth": detail}

    targets = [health("unhealthy", "10.0.0.1"), health("draining", "10.0.0.2"), health("healthy", "10.0.0.3")]
    described = {"TargetHealthDescriptions": targets}
    session.answers("elbv2").add_response("describe_target_health", described, {"TargetGroupArn": GROUP})
    running = replace(seen(replace(ours, running=2), old), target_groups=(GROUP,))
    for waited in (1.0, 10.0, 12.0):
        gatherer.during(running, Decision(), waited)
    assert gatherer.evidence.unhealthy == {"10.0.0.1:8080": "Target.FailedHealthChecks: status 503"}
    assert gatherer.evidence.targets == {"unhealthy": 1, "draining": 1, "healthy": 1}
    assert gatherer.evidence.healthy == {"10.0.0.3"}


def test_a_refused_look_up_is_a_gap(session: StubbedSession, gatherer: Gatherer) -> None:
    answers = session.answers("ecs")
    answers.add_client_error("list_tasks", "AccessDeniedException")
    answers.add_response("describe_services", {"services": []})
    answers.add_client_error("list_tasks", "AccessDeniedException")
    gatherer.during(FAILED_ONCE, Decision(), 10.0)
    gatherer.at_end(FAILED_ONCE)
    assert gatherer.evidence.gaps == ["stopped tasks: ListTasks answered AccessDeniedException"]


def test_events_of_trouble_since_the_deployment_began_are_kept_once(gatherer: Gatherer) -> None:
    events = (
        Event("1", NOON + timedelta(seconds=5), "(service app) deployment failed: tasks failed to start."),
        Event("2", NOON + timedelta(seconds=4), "(service app) has started 2 tasks"),
        Event("3", NOON - timedelta(hours=1), "(service app) is unable to place a task"),
    )
    for _ in range(2):
        gatherer.during(replace(seen(ours, old), events=events), Decision(), 0.0)
    assert list(gatherer.evidence.events) == ["1"]


def test_the_reason_of_an_unhealthy_target_is_in_the_services_events(gatherer: Gatherer) -> None:
    message = (
        "(service app) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-2:1:"
        "targetgroup/app/1) due to (reason Health checks failed with these codes: [503])."
    )
    gatherer.during(replace(seen(ours, old), events=(Event("1", NOON, message),)), Decision(), 0.0)
    assert list(gatherer.evidence.unhealthy.values()) == ["Health checks failed with these codes: [503]"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("(service app) (port 8080) is unhealthy in target-group x", True),
        ("(service app) was unable to place a task", True),
        ("(service app) rolling back to deployment x.", True),
        ("(service app) has reached a steady state.", False),
        ("(service app) registered 1 targets in target-group x", False),
    ],
)
def test_events_of_trouble(message: str, expected: bool) -> None:
    assert is_trouble(message) is expected


def test_only_containers_that_log_to_cloudwatch_have_a_stream() -> None:
    assert log_streams(DOCUMENT) == {"app": ("app-staging-logs", "ecs")}
