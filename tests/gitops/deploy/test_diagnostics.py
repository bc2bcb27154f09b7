"""The evidence of a deployment that fails: when it is looked up, what of it is kept, and what could not be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops.deploy.decision import Decision
from gitops.deploy.diagnostics import Diagnostics, is_trouble, log_streams, unhealthy_reason
from gitops.deploy.poller import Calls
from gitops.ecs_answers import Balanced, Event
from tests.gitops.deploy.answers import SEEN
from tests.gitops.deploy.described import (
    NOON,
    TARGET,
    TASK,
    StubbedSession,
    described_task,
    old,
    ours,
    run_on,
    seen,
    stopped,
    through_the_api,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"startedBy": "ecs-svc/other"}, False),
        ({"startedBy": "app"}, False),
        # Nothing is said of why: it was not stopped, or not yet.
        ({"stoppedReason": ""}, False),
        ({"stoppedReason": "Scaling activity initiated by (deployment ecs-svc/new)"}, False),
    ],
)
def test_only_our_own_failures_count(changes: dict[str, Any], expected: bool) -> None:
    assert stopped(**changes).has_failed(TARGET.deployment_id) is expected


OPTIONS = {"awslogs-group": "app-staging-logs", "awslogs-stream-prefix": "ecs", "awslogs-region": "us-east-1"}
LOGS = {"logDriver": "awslogs", "options": OPTIONS}
DOCUMENT = {"containerDefinitions": [{"name": "quiet"}, {"name": "app", "logConfiguration": LOGS}]}
FAILED_ONCE = seen(replace(ours, failed=1), old)
UNHEALTHY = {"State": "unhealthy"}
GROUP = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/app/1"


@pytest.fixture
def diagnostics(session: StubbedSession) -> Diagnostics:
    return Diagnostics(TARGET, DOCUMENT, run_on(session), Calls())


def add_stopped(session: StubbedSession, **changes: Any) -> None:
    answers = session.answers("ecs")
    asked, arns = {"cluster": "demo", "serviceName": "app", "desiredStatus": "STOPPED"}, [f"{TASK}t1"]
    answers.add_response("list_tasks", {"taskArns": arns}, asked)
    answers.add_response("describe_tasks", {"tasks": [described_task(**changes)]}, {"cluster": "demo", "tasks": arns})


def test_stopped_tasks_are_looked_up_when_a_failure_is_new(session: StubbedSession, diagnostics: Diagnostics) -> None:
    # Nothing is asked while nothing fails.
    diagnostics.during(seen(ours, old), Decision(), 0.0)
    add_stopped(session)
    # It waits until two more calls keep the average under one a second.
    diagnostics.during(FAILED_ONCE, Decision(), 2.0)
    assert diagnostics.evidence.stopped == {}
    for waited in (3.0, 4.0, 9.0):
        diagnostics.during(FAILED_ONCE, Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].containers[0].exit_code == 3


def test_a_task_that_was_still_stopping_is_described_again(session: StubbedSession, diagnostics: Diagnostics) -> None:
    add_stopped(session, containers=[{"name": "app"}], lastStatus="DEACTIVATING")
    # It has its exit code before its stop code.
    add_stopped(session, stopCode="")
    add_stopped(session)
    for failed, waited in ((1, 10.0), (2, 20.0), (3, 30.0)):
        diagnostics.during(seen(replace(ours, failed=failed), old), Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].containers[0].exit_code == 3


def test_where_nobody_counts_failures_tasks_that_do_not_come_up_are_asked_for(
    session: StubbedSession, diagnostics: Diagnostics
) -> None:
    add_stopped(session)
    for waited in (9.0, 10.0, 11.0):
        diagnostics.during(through_the_api(seen(ours, old), "IN_PROGRESS"), Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].containers[0].exit_code == 3


def test_what_stopped_before_is_forgotten(session: StubbedSession, diagnostics: Diagnostics) -> None:
    add_stopped(session)
    diagnostics.forget_stopped()
    session.answers("ecs").add_response("list_tasks", {"taskArns": [f"{TASK}t1"]})
    diagnostics.look_closer(FAILED_ONCE)
    assert (diagnostics.evidence.stopped, diagnostics.evidence.gaps) == ({}, [])


def test_the_last_lines_of_the_failing_container_are_read(
    session: StubbedSession, diagnostics: Diagnostics, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions: list[dict[str, Any]] = []
    client = session.client

    def asked_for(name: str, **where: Any) -> Any:
        regions.append(where)
        return client(name)

    monkeypatch.setattr(session, "client", asked_for)
    session.answers("ecs").add_response("describe_services", {"services": []})
    add_stopped(session)
    logs = session.answers("logs")
    asked = {
        "logGroupName": "app-staging-logs",
        "logStreamName": "ecs/app/t1",
        "limit": 20,
        "startFromHead": False,
    }
    # The stream, and then its lines, come a moment later; a page may be empty with more behind it.
    logs.add_client_error("get_log_events", "ResourceNotFoundException", expected_params=asked)
    logs.add_response("get_log_events", {"events": []}, asked)
    logs.add_response("get_log_events", {"nextBackwardToken": "b/1"}, asked)
    found = {"events": [{"message": "one\n"}, {"message": "two"}, {}], "nextBackwardToken": "b/2"}
    logs.add_response("get_log_events", found, asked | {"nextToken": "b/1"})
    diagnostics.at_end(FAILED_ONCE)
    assert diagnostics.evidence.logs == {("t1", "app"): ["one", "two", ""]}
    assert diagnostics.evidence.gaps == []
    assert regions == [{"region_name": "us-east-1"}]


def test_what_could_not_be_had_is_a_gap_and_no_member_of_an_answer_is_needed(
    session: StubbedSession, diagnostics: Diagnostics
) -> None:
    session.answers("ecs").add_response("describe_services", {})
    diagnostics.evidence.stopped["t2"] = stopped("t2", 4)
    add_stopped(session)
    balancer, logs = session.answers("elbv2"), session.answers("logs")
    balancer.add_client_error("describe_target_health", "ThrottlingException")
    balancer.add_response("describe_target_health", {})
    balancer.add_response("describe_target_health", {"TargetHealthDescriptions": [{"TargetHealth": UNHEALTHY}, {}]})
    for _ in range(2 * 4):
        logs.add_response("get_log_events", {})
    groups = tuple(Balanced(f"{GROUP}{number}", "app", 8080) for number in range(3))
    diagnostics.at_end(replace(FAILED_ONCE, balanced=groups))
    assert diagnostics.evidence.groups == {f"{GROUP}1": {}, f"{GROUP}2": {"unhealthy": 1, "": 1}}
    assert diagnostics.evidence.targets == {"unhealthy": 1, "": 1}
    assert diagnostics.evidence.gaps == [
        "target health: DescribeTargetHealth answered ThrottlingException",
        "log lines: app-staging-logs has none of app in task t2",
        "log lines: app-staging-logs has none of app in task t1",
    ]


def test_unhealthy_targets_keep_their_reason(session: StubbedSession, diagnostics: Diagnostics) -> None:
    def health(state: str, address: str) -> dict[str, Any]:
        detail = {"State": state, "Reason": "Target.FailedHealthChecks", "Description": "status 503"}
        return {"Target": {"Id": address, "Port": 8080}, "TargetHealth": detail}

    targets = [health("unhealthy", "10.0.0.1"), health("draining", "10.0.0.2"), health("healthy", "10.0.0.3")]
    described = {"TargetHealthDescriptions": targets}
    session.answers("elbv2").add_response("describe_target_health", described, {"TargetGroupArn": GROUP})
    running = replace(seen(replace(ours, running=2), old), balanced=(Balanced(GROUP, "app", 8080),))
    for waited in (1.0, 10.0, 12.0):
        diagnostics.during(running, Decision(), waited)
    assert diagnostics.evidence.unhealthy == {"10.0.0.1:8080": "Target.FailedHealthChecks: status 503"}
    assert diagnostics.evidence.targets == {"unhealthy": 1, "draining": 1, "healthy": 1}
    assert diagnostics.evidence.healthy == {"10.0.0.3"}


def test_a_refused_look_up_is_a_gap(session: StubbedSession, diagnostics: Diagnostics) -> None:
    answers = session.answers("ecs")
    answers.add_client_error("list_tasks", "AccessDeniedException")
    answers.add_response("describe_services", {"services": []})
    answers.add_client_error("list_tasks", "AccessDeniedException")
    diagnostics.during(FAILED_ONCE, Decision(), 10.0)
    diagnostics.at_end(FAILED_ONCE)
    assert diagnostics.evidence.gaps == ["stopped tasks: ListTasks answered AccessDeniedException"]


def test_events_of_trouble_since_the_deployment_began_are_kept_once(diagnostics: Diagnostics) -> None:
    events = (
        Event("1", NOON + timedelta(seconds=5), "(service app) deployment failed: tasks failed to start."),
        Event("2", NOON + timedelta(seconds=4), "(service app) has started 2 tasks"),
        Event("3", NOON - timedelta(hours=1), "(service app) was unable to place a task"),
    )
    for _ in range(2):
        diagnostics.during(replace(seen(ours, old), events=events), Decision(), 0.0)
    assert list(diagnostics.evidence.events) == ["1"]


def test_the_reason_of_an_unhealthy_target_is_in_the_services_events(diagnostics: Diagnostics) -> None:
    message = (
        "(service app) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-2:1:"
        "targetgroup/app/1) due to (reason Health checks failed with these codes: [503])."
    )
    diagnostics.during(replace(seen(ours, old), events=(Event("1", NOON, message),)), Decision(), 0.0)
    assert list(diagnostics.evidence.unhealthy.values()) == ["Health checks failed with these codes: [503]"]


@pytest.mark.parametrize(("where", "message", "reason"), SEEN["trouble"])
def test_events_of_trouble(where: str, message: str, reason: str) -> None:
    assert is_trouble(message), where
    assert unhealthy_reason(message) == reason


@pytest.mark.parametrize(("where", "message"), SEEN["no trouble"])
def test_events_of_the_ordinary_course(where: str, message: str) -> None:
    assert not is_trouble(message), where


def test_only_containers_that_log_to_cloudwatch_have_a_stream() -> None:
    assert log_streams(DOCUMENT) == {"app": ("app-staging-logs", "ecs", "us-east-1")}
