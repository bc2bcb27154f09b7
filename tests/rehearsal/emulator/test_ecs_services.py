"""What ECS does with a service, a test per behaviour; each names the AWS page that describes it."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.cloudformation.resource_types import typed
from rehearsal.emulator.ecs.services import epoch, without_empty
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import Service, lay, no_request_lost


@pytest.fixture(scope="module")
def service(account: Account) -> Iterator[Service]:
    """Two tasks of version v1 behind a load balancer."""
    laid = lay(account, "rolling")
    account.client("ssm").put_parameter(Name="/rolling/KEY", Value="hush", Type="SecureString")
    laid.create(laid.register("v1", secrets=[{"name": "KEY", "valueFrom": "/rolling/KEY"}]), count=2)
    yield laid
    laid.delete()


def test_every_path_of_a_load_balancers_name_reaches_the_task_which_has_its_secret_decrypted(service: Service) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html and
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
    """
    for path in ("/", "/health", "/v2/", "/_ministack/health"):
        assert service.page(path) == (200, f"v1 hush {path}")


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


def test_a_stopped_task_is_replaced_and_no_request_is_lost(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html"""
    before = {task["taskArn"] for task in service.tasks()}
    stopped = sorted(before)[0]
    with no_request_lost(service):
        service.ecs.stop_task(cluster=service.name, task=stopped, reason="a test")
        assert eventually(lambda: list(service.targets().values()) == ["healthy", "healthy"])
        assert eventually(lambda: len({t["taskArn"] for t in service.tasks()} - before) == 1)
        assert eventually(lambda: service.task(stopped)["lastStatus"] == "STOPPED")
    task = service.task(stopped)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "a test")
    # 128 + 15: this service does not catch SIGTERM.
    assert task["containers"][0]["exitCode"] == 143


def test_a_roll_loses_no_request_and_stops_the_old_tasks(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"""
    old = {task["taskArn"] for task in service.tasks()}
    revision = service.register("v2")
    with no_request_lost(service):
        identity = service.update(revision)
        assert eventually(service.steady), service.deployments()
        assert eventually(lambda: all(service.task(arn)["lastStatus"] == "STOPPED" for arn in old))
    assert service.page()[1].startswith("v2")
    assert service.deployments()[0]["id"] == identity
    reasons = {service.task(arn)["stoppedReason"] for arn in old}
    assert all(reason.startswith("Scaling activity initiated by (deployment ecs-svc/") for reason in reasons)


def test_a_revision_that_exits_is_rolled_back_while_the_old_page_answers(service: Service) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    [good] = service.deployments()
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (startedBy)
    assert {task["startedBy"] for task in service.tasks()} == {good["id"]}
    revision = service.register("v3", "exits")
    with no_request_lost(service):
        identity = service.update(revision)
        assert eventually(service.steady), service.deployments()
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
    sick.create(sick.register("v1", "sick"), steady=False)
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
    started = laid.create(laid.register("v1", **more), steady=False)
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
    assert eventually(lambda: laid.task(tasks[0]["taskArn"])["lastStatus"] == "STOPPED")
    assert laid.targets() == {}
    assert "deleted" not in " ".join(" ".join(p.cmdline()) for p in children(account))


def children(account: Account) -> list[psutil.Process]:
    return psutil.Process(account.process.pid).children(recursive=True)


def test_a_request_gets_the_types_of_the_api() -> None:
    request = {
        "desiredCount": "2",
        "enableExecuteCommand": "true",
        "serviceName": "8080",
        "loadBalancers": [{"containerPort": "8080", "containerName": "web"}],
        "unknown": "1",
    }
    assert typed("ecs", "CreateService", request) == {
        "desiredCount": 2,
        "enableExecuteCommand": True,
        "serviceName": "8080",
        "loadBalancers": [{"containerPort": 8080, "containerName": "web"}],
        "unknown": "1",
    }


def test_a_service_has_what_its_template_says(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html"""
    laid = lay(account, "by-stack")
    properties = {
        "ServiceName": laid.name,
        "Cluster": laid.name,
        "TaskDefinition": laid.register("v1"),
        "DesiredCount": "1",
        "LaunchType": "FARGATE",
        # As a parameter passes a number.
        "LoadBalancers": [{"TargetGroupArn": laid.group, "ContainerName": "web", "ContainerPort": "8080"}],
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
        "Tags": [{"Key": "Project", "Value": "p"}],
        "AvailabilityZoneRebalancing": "DISABLED",
        "EnableECSManagedTags": True,
        "HealthCheckGracePeriodSeconds": "30",
        "PropagateTags": "SERVICE",
    }
    template = {"Resources": {"Service": {"Type": "AWS::ECS::Service", "Properties": properties}}}
    account.stack("create", laid.name, json.dumps(template))
    service = laid.described()
    assert service["loadBalancers"][0]["containerPort"] == 8080
    assert service["availabilityZoneRebalancing"] == "DISABLED"
    assert service["healthCheckGracePeriodSeconds"] == 30
    assert eventually(laid.steady)
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
    arns = laid.ecs.list_tasks(cluster=laid.name)["taskArns"]
    [task] = laid.ecs.describe_tasks(cluster=laid.name, tasks=arns, include=["TAGS"])["tasks"]
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {
        "Project": "p",
        "aws:ecs:serviceName": "by-stack",
        "aws:ecs:clusterName": "by-stack",
    }
    account.stack("update", laid.name, json.dumps(template).replace("DISABLED", "ENABLED"))
    assert laid.described()["availabilityZoneRebalancing"] == "ENABLED"
    account.stack("delete", laid.name)


BOUNDED = """
Resources:
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: boundary
      PolicyDocument: {Statement: [{Effect: Allow, Action: "ecs:ListClusters", Resource: "*"}]}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: bounded
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]}
      PermissionsBoundary: !Ref Boundary
      Policies: [{PolicyName: all, PolicyDocument: {Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}}]
"""


def test_a_role_can_do_no_more_than_its_boundary(account: Account) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
    account.stack("create", "bounded", BOUNDED)
    ecs = account.client("ecs", account.assume("arn:aws:iam::000000000000:role/bounded"))
    ecs.list_clusters()
    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.list_task_definitions()
    account.stack("delete", "bounded")


def test_keys_without_a_value_are_left_out() -> None:
    container = {"environment": [{"value": ""}], "exitCode": None}
    payload = {"tasks": [{"stopCode": "", "group": "service:x", "containers": [container]}]}
    kept = {"tasks": [{"group": "service:x", "containers": [{"environment": [{"value": ""}]}]}]}
    assert without_empty(payload) == kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01T00:00:00.250Z", 1767225600.25),
        ("2026-01-01T00:00:00+00:00", 1767225600.0),
        (1767225600, 1767225600),
        ("yesterday", "yesterday"),
        (None, None),
    ],
)
def test_times_keep_their_milliseconds(value: object, expected: object) -> None:
    assert epoch(value) == expected
