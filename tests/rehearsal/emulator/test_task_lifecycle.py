"""How a task starts, stops and is replaced, a test per behaviour; each names the AWS page that describes it."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.load import Load
from tests.rehearsal.emulator.service import Service, lay

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


def described(service: Service, arn: str) -> dict[str, Any]:
    [task] = service.ecs.describe_tasks(cluster=service.name, tasks=[arn])["tasks"]
    return dict(task)


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
        assert described(laid, task["taskArn"])["lastStatus"] == "DEACTIVATING"
    finally:
        # The service does not catch SIGTERM: it could not answer after it.
        ask(address, "/go")
        asking.join()
    assert answers == [(200, "v1  /slow")]
    assert eventually(lambda: described(laid, task["taskArn"])["lastStatus"] == "STOPPED")
    assert eventually(lambda: list(laid.targets().values()) == ["healthy"])
    laid.delete()


def ask(address: str, path: str) -> None:
    """Ask one task itself, whether the load balancer still does or not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}:8080{path}", timeout=60) as answer:
        assert answer.status == 200


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html"""
    laid = lay(account, "stubborn")
    laid.create(laid.register("v1", "stubborn", stopTimeout=2))
    [task] = laid.tasks()
    laid.ecs.stop_task(cluster=laid.name, task=task["taskArn"])
    assert eventually(lambda: described(laid, task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = described(laid, task["taskArn"])
    # "137 ... SIGKILL"; the two seconds lie between leaving the target group and the end.
    assert stopped["containers"][0]["exitCode"] == 137
    assert (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() >= 2
    laid.delete()


def test_a_target_that_turns_unhealthy_is_replaced(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"""
    [task] = service.tasks()
    ask(next(iter(service.targets())), "/sicken")
    assert eventually(lambda: described(service, task["taskArn"])["lastStatus"] == "STOPPED")
    stopped = described(service, task["taskArn"])
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
    with Load(laid) as load:
        for address in laid.targets():
            ask(address, "/sicken")
        assert eventually(lambda: {described(laid, arn)["lastStatus"] for arn in before} == {"STOPPED"})
    # With every target unhealthy the load balancer goes on sending to all of them.
    assert load.lost() == []
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
    laid.ecs.create_service(
        cluster=laid.name,
        serviceName=laid.name,
        taskDefinition=laid.register("v1"),
        desiredCount=3,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": list(zones)}},
    )
    assert eventually(laid.steady)
    assert spread(laid) == sorted(zones.items())
    [first, *_] = laid.tasks()
    laid.ecs.stop_task(cluster=laid.name, task=first["taskArn"])
    # The one that takes its place goes where there is none.
    assert eventually(lambda: spread(laid) == sorted(zones.items()))
    laid.delete()


def spread(service: Service) -> list[tuple[str, str]]:
    """Subnet and zone of each running task."""
    found = []
    for task in service.tasks():
        details = {d["name"]: d["value"] for a in task["attachments"] for d in a["details"]}
        found.append((details.get("subnetId", ""), task["availabilityZone"]))
    return sorted(found)
