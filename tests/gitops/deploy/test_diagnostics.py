"""Why a deployment fails: which stopped tasks count, what stopped them, what never heals, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops import ecs_answers
from gitops.deploy.decision import Decision
from gitops.deploy.diagnostics import (
    Diagnostics,
    StoppedTask,
    essential,
    group,
    is_trouble,
    log_streams,
    never_heals,
    stopped_task,
)
from gitops.deploy.poller import Calls
from gitops.ecs_answers import Balanced, Event
from tests.gitops.deploy.described import NEW, NOON, TARGET, StubbedSession, old, ours, run_on, seen, through_the_api


def described(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:eu-west-2:1:task/demo/t{number}",
        "taskDefinitionArn": NEW,
        "startedBy": TARGET.deployment_id,
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "app", "exitCode": 1}],
        **changes,
    }


def stopped(number: int = 1, **changes: Any) -> StoppedTask:
    """What stopped a task whose container app is the essential one."""
    return stopped_task(ecs_answers.task(described(number, **changes)), {"app"})


def test_the_address_is_that_of_the_tasks_interface() -> None:
    details = [{"name": "subnetId", "value": "subnet-1"}, {"name": "privateIPv4Address", "value": "10.0.0.9"}]
    assert [stopped(attachments=[{"details": found}]).address for found in (details, [])] == ["10.0.0.9", ""]


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
    assert ecs_answers.task(described(**changes)).has_failed(TARGET.deployment_id) is expected


@pytest.mark.parametrize(
    ("containers", "name", "code"),
    [
        # A container that nobody declared cannot be the cause, and may stand anywhere.
        ([{"name": "agent", "exitCode": 2}, {"name": "app", "exitCode": 3}], "app", 3),
        ([{"name": "agent", "reason": "CannotPullContainerError"}, {"name": "app", "exitCode": 0}], "app", 0),
        # Of the essential ones: out of memory, then a code of its own, then what only followed from the stop.
        ([{"name": "app", "exitCode": 1}, {"name": "side", "exitCode": 137, "reason": "OutOfMemory"}], "side", 137),
        ([{"name": "app", "exitCode": 143}, {"name": "side", "exitCode": 1}], "side", 1),
        ([{"name": "app", "exitCode": 137}, {"name": "side", "reason": "CannotPullContainerError"}], "side", None),
        ([{"name": "app", "exitCode": 0}, {"name": "side", "exitCode": 137}], "side", 137),
        ([{"name": "agent", "exitCode": 2}], "agent", 2),
        ([], "", None),
    ],
)
def test_the_culprit_is_essential_and_did_not_just_obey(
    containers: list[dict[str, Any]], name: str, code: int | None
) -> None:
    culprit = ecs_answers.task(described(containers=containers)).culprit({"app", "side"})
    assert (culprit.name, culprit.exit_code) == (name, code)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (
            {"containers": [{"name": "app", "exitCode": 137}]},
            "app was killed with exit code 137 (SIGKILL: out of memory, or still running at its stopTimeout)",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 143}], "stoppedReason": "Task failed ELB health checks in (x)"},
            "app failed the load balancer's health checks",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 0}], "stoppedReason": "Task failed container health checks"},
            "app failed its own health checks",
        ),
        ({"stoppedReason": "OutOfMemoryError: Container killed"}, "app ran out of memory (exit code 1)"),
        (
            {"containers": [{"name": "app", "reason": "CannotPullContainerError: no"}]},
            "app: CannotPullContainerError: no",
        ),
        (
            {"containers": [{"name": "app", "exitCode": 0}]},
            "app exited with code 0, and a service's container must not exit",
        ),
        ({"containers": [], "stopCode": "TaskFailedToStart", "stoppedReason": "no secret"}, "no secret"),
        ({"containers": [{"name": "app"}], "stopCode": "TaskFailedToStart", "stoppedReason": ""}, "TaskFailedToStart"),
        ({"containers": [], "stopCode": "", "stoppedReason": ""}, "ECS gives no reason"),
    ],
)
def test_the_cause_is_the_most_exact_one_there_is(changes: dict[str, Any], cause: str) -> None:
    assert group([stopped(**changes)])[0].cause == cause


def test_tasks_that_stopped_alike_are_one_group_the_largest_first() -> None:
    alike = [stopped(n, stoppedReason=f"task t{n} failed ELB health checks") for n in (1, 2, 3)]
    other = stopped(4, containers=[{"name": "app", "exitCode": 137}])
    groups = group([other, *alike])
    assert [(one.count, one.example.exit_code) for one in groups] == [(3, 1), (1, 137)]
    # How unhealthy tasks obeyed their end does not part them.
    ends: list[dict[str, Any]] = [{"exitCode": 0}, {"exitCode": 137}, {}]
    unhealthy = [stopped(stoppedReason="Task failed ELB health checks", containers=[{"name": "app"} | e]) for e in ends]
    assert [one.count for one in group(unhealthy)] == [3]


def not_started(reason: str, exit_code: int | None = None, container_reason: str = "") -> StoppedTask:
    return StoppedTask("t1", "TaskFailedToStart", reason, "app", exit_code, container_reason)


@pytest.mark.parametrize(
    "task",
    [
        not_started("CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"),
        not_started("Task failed to start", container_reason="CannotPullContainerError: denied"),
        not_started("ResourceInitializationError: unable to retrieve secrets: invalid ssm parameters: /app/KEY"),
        not_started("ResourceInitializationError: AccessDeniedException: User is not authorized"),
        not_started("CannotCreateContainerError: no such command"),
    ],
)
def test_what_no_try_heals(task: StoppedTask) -> None:
    assert never_heals([task])


@pytest.mark.parametrize(
    "task",
    [
        not_started("CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout"),
        not_started("ResourceInitializationError: unable to pull secrets: context deadline exceeded"),
        not_started("ResourceInitializationError: ThrottlingException: Rate exceeded"),
        not_started("Essential container in task exited", exit_code=1),
        # The code called AWS and was refused: it ran, and its own exit code says so.
        not_started("AccessDenied", exit_code=3),
        not_started("Task failed ELB health checks in (target-group x)"),
    ],
)
def test_what_another_try_may_heal(task: StoppedTask) -> None:
    assert never_heals([task]) == ""


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
def diagnostics(session: StubbedSession) -> Diagnostics:
    return Diagnostics(TARGET, DOCUMENT, run_on(session), Calls())


def add_stopped(session: StubbedSession, **changes: Any) -> None:
    answers = session.answers("ecs")
    answers.add_response(
        "list_tasks", {"taskArns": [TASK]}, {"cluster": "demo", "serviceName": "app", "desiredStatus": "STOPPED"}
    )
    answers.add_response("describe_tasks", {"tasks": [described(**changes)]}, {"cluster": "demo", "tasks": [TASK]})


def test_stopped_tasks_are_looked_up_when_a_failure_is_new(session: StubbedSession, diagnostics: Diagnostics) -> None:
    # Nothing is asked while nothing fails.
    diagnostics.during(seen(ours, old), Decision(), 0.0)
    add_stopped(session)
    # It waits until two more calls keep the average under one a second.
    diagnostics.during(FAILED_ONCE, Decision(), 2.0)
    assert diagnostics.evidence.stopped == {}
    for waited in (3.0, 4.0, 9.0):
        diagnostics.during(FAILED_ONCE, Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].exit_code == 1


def test_a_task_that_was_still_stopping_is_described_again(session: StubbedSession, diagnostics: Diagnostics) -> None:
    add_stopped(session, containers=[{"name": "app"}], lastStatus="DEACTIVATING")
    add_stopped(session)
    for failed, waited in ((1, 10.0), (2, 20.0)):
        diagnostics.during(seen(replace(ours, failed=failed), old), Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].exit_code == 1


def test_where_nobody_counts_failures_tasks_that_do_not_come_up_are_asked_for(
    session: StubbedSession, diagnostics: Diagnostics
) -> None:
    add_stopped(session)
    for waited in (9.0, 10.0, 11.0):
        diagnostics.during(through_the_api(seen(ours, old), "IN_PROGRESS"), Decision(), waited)
    assert diagnostics.evidence.stopped["t1"].exit_code == 1


def test_what_stopped_before_is_forgotten(session: StubbedSession, diagnostics: Diagnostics) -> None:
    add_stopped(session)
    diagnostics.forget_stopped()
    session.answers("ecs").add_response("list_tasks", {"taskArns": [TASK]})
    diagnostics.look_closer(FAILED_ONCE)
    assert diagnostics.evidence.stopped == {}


def test_the_last_lines_of_the_failing_container_are_read(session: StubbedSession, diagnostics: Diagnostics) -> None:
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
    diagnostics.at_end(FAILED_ONCE)
    assert diagnostics.evidence.logs == {"t1": ["one", "two"]}
    assert diagnostics.evidence.gaps == []


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
        Event("3", NOON - timedelta(hours=1), "(service app) is unable to place a task"),
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


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("(service app) (port 8080) is unhealthy in target-group x", True),
        ("(service app) was unable to place a task", True),
        ("(service app) rolling back to deployment x.", True),
        ("service app is unable to consistently start tasks successfully.", True),
        ("service app operations are being throttled. Will try again later.", True),
        ("service app was unable to reach steady state because task set x was unable to scale in.", True),
        ("(service app) (deployment ecs-svc/1) deployment failed: tasks failed to start.", True),
        ("(service app) (deployment ecs-svc/1) deployment completed.", False),
        ("(service fail-over) has started 1 tasks: (task 1).", False),
        ("(service app) has reached a steady state.", False),
        ("(service app) registered 1 targets in target-group x", False),
    ],
)
def test_events_of_trouble(message: str, expected: bool) -> None:
    assert is_trouble(message) is expected


def test_only_containers_that_log_to_cloudwatch_have_a_stream() -> None:
    assert log_streams(DOCUMENT) == {"app": ("app-staging-logs", "ecs")}


def test_a_container_is_essential_unless_it_says_otherwise() -> None:
    containers = [{"name": "app"}, {"name": "agent", "essential": False}, {"name": "proxy", "essential": True}, {}]
    assert essential({"containerDefinitions": containers}) == {"app", "proxy"}
    assert essential({}) == set()
