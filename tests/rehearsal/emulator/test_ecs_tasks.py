"""A task's life: its start, its health and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rehearsal.emulator.ecs import container_health
from rehearsal.emulator.ecs.container_health import ContainerCheck, Health, Status, checked, of_task, started
from rehearsal.emulator.ecs.starting import execution_role_needs
from rehearsal.emulator.happenings import Told
from rehearsal.emulator.iam.sessions import Permission
from rehearsal.page import loopback
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.conftest import Tell
from tests.rehearsal.emulator.service import Service, lay, no_request_lost

ALWAYS = ["CMD-SHELL", "exit 0"]
NEVER = ["CMD", "python", "-c", "raise SystemExit(1)"]
ASKS = ["CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8080/health')"]


@pytest.fixture(scope="module")
def service(account: Account) -> Iterator[Service]:
    """One task behind a load balancer whose checks come every 5 s, the shortest that AWS allows."""
    laid = lay(account, "lifecycle")
    laid.create(laid.register("v1"))
    yield laid
    laid.delete()


def test_a_target_drains_before_its_task_gets_sigterm(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-connection-draining.html"""
    laid = lay(account, "draining", delay=300)
    laid.create(laid.register("v1"))
    [task], [address] = laid.tasks(), laid.targets()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(laid.page("/slow")))
    asking.start()
    try:
        ask(address, "/asked")
        laid.ecs.stop_task(cluster=laid.name, task=task["taskArn"])
        assert laid.targets()[address] == "draining"
        # Others are served elsewhere by now, and this one's request is still its own.
        assert eventually(lambda: "healthy" in laid.targets().values())
        assert laid.task(task["taskArn"])["lastStatus"] == "DEACTIVATING"
    finally:
        # The service does not catch SIGTERM: it could not answer after it.
        ask(address, "/go")
        asking.join()
    assert answers == [(200, "v1  /slow")]
    assert eventually(lambda: laid.task(task["taskArn"])["lastStatus"] == "STOPPED")
    assert eventually(lambda: list(laid.targets().values()) == ["healthy"])
    laid.delete()


def ask(address: str, path: str) -> None:
    """Ask one task itself, whether the load balancer still does or not."""
    with loopback() as session:
        assert session.get(f"http://{address}:8080{path}", timeout=60).status_code == 200


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html"""
    laid = lay(account, "stubborn")
    laid.create(laid.register("v1", "stubborn", stopTimeout=2))
    [task] = laid.tasks()
    laid.ecs.stop_task(cluster=laid.name, task=task["taskArn"])
    assert eventually(lambda: laid.task(task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = laid.task(task["taskArn"])
    # "137 ... SIGKILL"; the two seconds lie between leaving the target group and the end.
    assert stopped["containers"][0]["exitCode"] == 137
    assert (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() >= 2
    laid.delete()


def test_a_target_that_turns_unhealthy_is_replaced(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"""
    [task] = service.tasks()
    ask(next(iter(service.targets())), "/sicken")
    assert eventually(lambda: service.task(task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = service.task(task["taskArn"])
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"] == f"Task failed ELB health checks in (target-group {service.group})"
    assert eventually(lambda: list(service.targets().values()) == ["healthy"])
    messages = [event["message"] for event in service.described()["events"]]
    identity = task["taskArn"].rsplit("/", 1)[-1]
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
    assert (
        f"(service lifecycle) (task {identity}) (port 8080) is unhealthy in (target-group {service.group}) "
        "due to (reason Health checks failed with these codes: [500])."
    ) in messages
    assert "(service lifecycle) has begun draining connections on 1 tasks." in messages
    assert "(service lifecycle) has reached a steady state." in messages


def test_tasks_that_turn_unhealthy_together_serve_until_others_do(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html (replacement first)"""
    laid = lay(account, "together")
    laid.create(laid.register("v1"), count=2)
    before = {task["taskArn"] for task in laid.tasks()}
    with no_request_lost(laid):
        for address in laid.targets():
            ask(address, "/sicken")
        # With every target unhealthy the load balancer goes on sending to all of them.
        assert eventually(lambda: {laid.task(arn)["lastStatus"] for arn in before} == {"STOPPED"})
    assert {task["lastStatus"] for task in laid.tasks()} == {"RUNNING"}
    assert len(laid.tasks()) == 2
    laid.delete()


def test_a_deployment_waits_for_the_containers_own_health_check(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html"""
    laid = lay(account, "own-check")
    laid.create(laid.register("v1", healthCheck={"command": ASKS, "interval": 5, "retries": 2}))
    [task] = laid.tasks()
    assert (task["healthStatus"], task["containers"][0]["healthStatus"]) == ("HEALTHY", "HEALTHY")
    identity = laid.update(laid.register("v2", healthCheck={"command": NEVER, "interval": 5, "retries": 1}))
    assert eventually(lambda: any(t["startedBy"] == identity for t in laid.tasks("STOPPED")))
    [stopped, *_] = [t for t in laid.tasks("STOPPED") if t["startedBy"] == identity]
    assert stopped["stoppedReason"] == "Task failed container health checks"
    assert stopped["healthStatus"] == "UNHEALTHY"
    # Its target was healthy all the while.
    assert laid.deployments()[0]["rolloutState"] == "IN_PROGRESS"
    assert laid.page()[1].startswith("v")
    laid.update(laid.register("v3", healthCheck={"command": ALWAYS}))
    assert eventually(laid.steady)
    laid.delete()


def test_the_tasks_of_a_service_are_spread_over_the_zones_of_its_subnets(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html"""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zones = {
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]: zone
        for i, zone in enumerate(("eu-west-2a", "eu-west-2b", "eu-west-2c"))
    }
    laid = lay(account, "spread")
    subnets = {"awsvpcConfiguration": {"subnets": list(zones)}}
    laid.create(laid.register("v1"), count=3, loadBalancers=[], networkConfiguration=subnets)
    assert spread(laid) == sorted(zones.items())
    [first, *_] = laid.tasks()
    laid.ecs.stop_task(cluster=laid.name, task=first["taskArn"])
    # The one that takes its place goes where there is none.
    assert eventually(lambda: spread(laid) == sorted(zones.items()))
    laid.delete()


def spread(service: Service) -> list[tuple[str, str]]:
    """Subnet and zone of each running task."""
    return sorted(
        (detail["value"], task["availabilityZone"])
        for task in service.tasks()
        for attachment in task["attachments"]
        for detail in attachment["details"]
        if detail["name"] == "subnetId"
    )


def test_each_container_keeps_its_own_exit_code_and_reason(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html"""
    laid = lay(account, "matched")
    sidecar = {"name": "agent", "essential": False, "command": ["python", "-c", "import time; time.sleep(600)"]}
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    revision = laid.register("v1", "exits", sidecar)
    laid.ecs.run_task(cluster=laid.name, taskDefinition=revision, networkConfiguration=network)
    assert eventually(lambda: bool(laid.tasks("STOPPED")))
    [task] = laid.tasks("STOPPED")
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert eventually(lambda: len(exit_codes(laid.task(task["taskArn"]))) == 2)
    assert exit_codes(laid.task(task["taskArn"])) == {"agent": 143, "web": 7}


def exit_codes(task: Any) -> dict[str, int]:
    return {one["name"]: one["exitCode"] for one in task["containers"] if "exitCode" in one}


def test_tasks_that_never_run_are_slowed_down_until_there_is_another_task_definition(
    account: Account, tell: Tell
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html"""
    laid = lay(account, "throttled")
    tell(Told("pull-failure", service=laid.name, times=100))
    laid.create(laid.register("v1"), steady=False, deploymentConfiguration={"minimumHealthyPercent": 100})
    told = "(service throttled) is unable to consistently start tasks successfully."

    def times() -> int:
        return [event["message"] for event in laid.described()["events"]].count(told)

    assert eventually(lambda: times() == 1)
    tell(Told("normal"))
    failed = len(laid.tasks("STOPPED"))
    # "Even if a task's container command immediately exits ..., the task has already moved to the RUNNING state."
    laid.update(laid.register("v2", "exits"))
    assert eventually(lambda: len(laid.tasks("STOPPED")) > failed + 12, seconds=300)
    assert times() == 1
    laid.update(laid.register("v3"))
    assert eventually(laid.steady)
    laid.delete()


LOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"},
}
STREAM = "arn:aws:logs:eu-west-1:111111111111:log-group:g:log-stream:ecs/web/1a2b"
SIGN_IN = Permission("ecr:GetAuthorizationToken", "*")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"image": "public.example/nginx"}, []),
        ({"image": "111111111111.dkr.ecr.eu-west-2.amazonaws.com/p/web:1"}, [SIGN_IN]),
        ({"image": "127.0.0.1:4566/p/web:1"}, [SIGN_IN]),
        ({"image": "public.example/nginx", "logConfiguration": {"logDriver": "json-file"}}, []),
        (
            {"image": "127.0.0.1:4566/p/web:1", "logConfiguration": LOGS},
            [SIGN_IN, Permission("logs:CreateLogStream", STREAM), Permission("logs:PutLogEvents", STREAM)],
        ),
    ],
)
def test_what_ecs_needs_to_start_a_task(container: dict[str, Any], expected: list[Permission]) -> None:
    definition = {"containerDefinitions": [{"name": "web", **container}]}
    assert execution_role_needs(definition, "1a2b", "111111111111", "eu-west-2") == expected


@pytest.mark.parametrize("missing", ["ecr:GetAuthorizationToken", "logs:CreateLogStream", "logs:PutLogEvents"])
def test_a_task_whose_execution_role_lacks_a_permission_does_not_start(account: Account, missing: str) -> None:
    needs = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    needs += ["logs:CreateLogStream", "logs:PutLogEvents"]
    laid = lay(account, f"lacks-{missing.rsplit(':')[1].lower()}", [one for one in needs if one != missing])
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    laid.ecs.run_task(cluster=laid.name, taskDefinition=laid.register("v1"), networkConfiguration=network)
    assert eventually(lambda: bool(laid.tasks("STOPPED")))
    [task] = laid.tasks("STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert f"not authorized to perform: {missing} on resource" in task["stoppedReason"]


CHECK = ContainerCheck(("true",), interval=20, timeout=5, retries=3, start_period=10)


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (["CMD", "curl", "-f"], ("curl", "-f")),
        (["CMD-SHELL", "curl -f || exit 1"], ("/bin/sh", "-c", "curl -f || exit 1")),
        (["curl", "-f"], ("curl", "-f")),
        (["NONE"], None),
        (None, None),
    ],
)
def test_a_command_is_read_with_the_defaults_of_ecs(given: Any, command: tuple[str, ...] | None) -> None:
    check = ContainerCheck.of({"healthCheck": {"command": given}} if given else {})
    assert check == (command and ContainerCheck(command, interval=30, timeout=5, retries=3, start_period=0))


@pytest.mark.parametrize(
    ("before", "passed", "now", "after"),
    [
        # A new one is healthy after one pass, and asked often until then.
        (started(0), True, 1, Health("HEALTHY", 0, 21)),
        (started(0), False, 1, Health("UNKNOWN", 0, 1.5)),
        # It has startPeriod and then retries times interval.
        (started(0), False, 69.9, Health("UNKNOWN", 0, 70.4)),
        (started(0), False, 70, Health("UNHEALTHY", 0, 90)),
        # Later it takes retries in a row.
        (Health("HEALTHY", 0, 100), False, 100, Health("HEALTHY", 0, 120, failures=1)),
        (Health("HEALTHY", 0, 100, failures=2), False, 100, Health("UNHEALTHY", 0, 120, failures=3)),
        (Health("HEALTHY", 0, 100, failures=2), True, 100, Health("HEALTHY", 0, 120)),
        (Health("UNHEALTHY", 0, 100, failures=3), True, 100, Health("HEALTHY", 0, 120)),
        (Health("UNHEALTHY", 0, 100, failures=3), False, 100, Health("UNHEALTHY", 0, 120, failures=4)),
    ],
)
def test_what_a_check_makes_of_a_container(before: Health, passed: bool, now: float, after: Health) -> None:
    assert checked(before, CHECK, passed, now) == after


def test_one_retry_makes_the_first_failure_count() -> None:
    once = replace(CHECK, retries=1)
    assert checked(Health("HEALTHY", 0, 100), once, False, 100).status == "UNHEALTHY"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["HEALTHY", "HEALTHY"], "HEALTHY"),
        (["HEALTHY", "UNKNOWN"], "UNKNOWN"),
        (["UNKNOWN", "UNHEALTHY"], "UNHEALTHY"),
        ([], "UNKNOWN"),
    ],
)
def test_a_task_is_as_healthy_as_its_essential_containers(statuses: list[Status], expected: Status) -> None:
    assert of_task(statuses) == expected


def test_the_containers_of_a_task_and_of_its_definition_are_matched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """API_Task.html promises no order of containers."""
    check = {"healthCheck": {"command": ALWAYS}}
    defined = [{"name": "agent", "essential": False, **check}, {"name": "app", **check}]
    monkeypatch.setattr(container_health, "containers_of", lambda _: defined)
    described = [
        {"name": "app", "runtimeId": "1", "healthStatus": "HEALTHY"},
        {"name": "agent", "runtimeId": "2", "healthStatus": "UNHEALTHY"},
    ]
    task = {"taskDefinitionArn": "app:1", "containers": described, "_container_essentials": [False, True]}
    assert container_health.status(task) == "HEALTHY"
