"""What ECS does with tasks, a test per behaviour; each names the AWS page that describes it."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.load import Load
from tests.rehearsal.emulator.service import Service, lay


@pytest.fixture(scope="module")
def service(account: Account) -> Iterator[Service]:
    """Two tasks of version v1 behind a load balancer."""
    laid = lay(account, "rolling")
    account.client("ssm").put_parameter(Name="/rolling/KEY", Value="hush", Type="SecureString")
    laid.create(laid.register("v1", secrets=[{"name": "KEY", "valueFrom": "/rolling/KEY"}]), count=2)
    yield laid
    laid.delete()


def test_the_page_comes_from_the_task_with_its_secret_decrypted(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html"""
    assert service.page() == (200, "v1 hush /")


def test_every_path_of_a_load_balancers_name_reaches_the_task(service: Service) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html"""
    for path in ("/health", "/v2/", "/_ministack/health"):
        assert service.account.get(service.host, path) == (200, f"v1 hush {path}")


def test_a_clients_connection_outlives_those_to_the_targets(service: Service) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    connection = http.client.HTTPConnection("127.0.0.1", service.account.port)
    for _ in range(2):
        connection.request("GET", "/", headers={"Host": service.host})
        answer = connection.getresponse()
        # The target itself answers "Connection: close".
        assert (answer.status, answer.getheader("Connection")) == (200, None)
        answer.read()
    connection.close()


def test_each_task_listens_on_a_loopback_address_of_its_own(service: Service) -> None:
    addresses = service.targets()
    assert len(addresses) == 2
    assert set(addresses.values()) == {"healthy"}
    assert all(address.startswith("127.") and address != "127.0.0.1" for address in addresses)


def test_a_task_carries_the_id_of_its_deployment(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (startedBy)"""
    [deployment] = service.deployments()
    assert {task["startedBy"] for task in service.tasks()} == {deployment["id"]}


def test_a_stopped_task_is_replaced_and_no_request_is_lost(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html"""
    before = {task["taskArn"] for task in service.tasks()}
    stopped = sorted(before)[0]
    with Load(service) as load:
        service.ecs.stop_task(cluster=service.name, task=stopped, reason="a test")
        assert eventually(lambda: list(service.targets().values()) == ["healthy", "healthy"])
        assert eventually(lambda: len({t["taskArn"] for t in service.tasks()} - before) == 1)
        assert eventually(lambda: describe(service, stopped)["lastStatus"] == "STOPPED")
    assert load.lost() == []
    task = describe(service, stopped)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "a test")
    # 128 + 15: this service does not catch SIGTERM.
    assert task["containers"][0]["exitCode"] == 143


def test_a_roll_loses_no_request_and_stops_the_old_tasks(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"""
    old = {task["taskArn"] for task in service.tasks()}
    revision = service.register("v2")
    with Load(service) as load:
        identity = service.update(revision)
        assert eventually(service.steady), service.deployments()
        assert eventually(lambda: all(describe(service, arn)["lastStatus"] == "STOPPED" for arn in old))
    assert load.lost() == []
    assert service.page()[1].startswith("v2")
    assert service.deployments()[0]["id"] == identity
    reasons = {describe(service, arn)["stoppedReason"] for arn in old}
    assert all(reason.startswith("Scaling activity initiated by (deployment ecs-svc/") for reason in reasons)


def test_a_revision_that_exits_is_rolled_back_while_the_old_page_answers(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    [good] = service.deployments()
    revision = service.register("v3", "exits")
    with Load(service) as load:
        identity = service.update(revision)
        assert eventually(service.steady), service.deployments()
    assert load.lost() == []
    newest = service.newest()
    assert newest["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert newest["status"] == "ROLLBACK_SUCCESSFUL"
    # A failed deployment leaves the list once the service is steady again.
    assert [d["id"] for d in service.deployments()] == [good["id"]]
    failed = [task for task in service.tasks("STOPPED") if task["startedBy"] == identity]
    assert len(failed) >= 3
    for task in failed:
        if task["stopCode"] == "EssentialContainerExited":
            assert task["containers"][0]["exitCode"] == 7
            # The last line before the end is there by the time the task is STOPPED.
            assert service.log(task)[-1] == "the configuration is broken"


def test_an_unhealthy_target_is_never_sent_a_request_and_its_task_is_replaced(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"""
    sick = lay(account, "sick", interval=5)
    sick.ecs.create_service(
        cluster="sick",
        serviceName="sick",
        taskDefinition=sick.register("v1", "sick"),
        desiredCount=1,
        launchType="FARGATE",
        loadBalancers=[{"targetGroupArn": sick.group, "containerName": "web", "containerPort": 8080}],
    )
    assert eventually(lambda: list(sick.targets().values()) == ["initial"])
    assert sick.page()[0] == 503
    assert sick.deployments()[0]["rolloutState"] == "IN_PROGRESS"
    assert eventually(lambda: bool(sick.tasks("STOPPED")))
    [task, *_] = sick.tasks("STOPPED")
    assert task["stopCode"] == "ServiceSchedulerInitiated"
    assert task["stoppedReason"].startswith("Task failed ELB health checks in (target-group")
    sick.delete()


@pytest.mark.parametrize(
    ("name", "permissions", "secret", "reason"),
    [
        ("limited-ecr", ["ecr:*", "logs:*"], True, r"ResourceInitializationError.*ssm:GetParameters"),
        (
            "limited-ssm",
            ["ssm:*", "logs:*", "ecr:GetAuthorizationToken"],
            False,
            r"CannotPullContainerError.*ecr:BatchGetImage",
        ),
    ],
)
def test_what_the_execution_role_may_not_do_stops_the_task(
    account: Account, name: str, permissions: list[str], secret: bool, reason: str
) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html"""
    laid = lay(account, name, permissions)
    account.client("ssm").put_parameter(Name=f"/{name}/KEY", Value="x", Type="SecureString")
    more: dict[str, Any] = {"secrets": [{"name": "KEY", "valueFrom": f"/{name}/KEY"}]} if secret else {}
    revision = laid.register("v1", **more)
    started = laid.ecs.create_service(
        cluster=name,
        serviceName=name,
        taskDefinition=revision,
        desiredCount=1,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
    )["service"]
    assert eventually(lambda: laid.deployments()[0]["rolloutState"] == "FAILED")
    [task, *_] = laid.tasks("STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert re.search(reason, task["stoppedReason"], re.DOTALL), task["stoppedReason"]
    assert started["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    laid.delete()


def test_a_deleted_service_leaves_no_process_and_no_target(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html"""
    laid = lay(account, "deleted")
    laid.create(laid.register("v1"))
    assert laid.page()[0] == 200
    tasks = laid.tasks()
    laid.delete()
    assert eventually(lambda: describe(laid, tasks[0]["taskArn"])["lastStatus"] == "STOPPED")
    assert laid.targets() == {}
    assert "deleted" not in " ".join(" ".join(p.cmdline()) for p in children(account))


def children(account: Account) -> list[psutil.Process]:
    return psutil.Process(account.process.pid).children(recursive=True)


def describe(service: Service, arn: str) -> dict[str, Any]:
    [task] = service.ecs.describe_tasks(cluster=service.name, tasks=[arn])["tasks"]
    return dict(task)
