"""A service behind a load balancer, in a cluster of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.rehearsal.emulator.account import ACCOUNT, REGION, Account, allow, eventually
from tests.rehearsal.emulator.image import push

TASKS = {"Service": "ecs-tasks.amazonaws.com"}


@dataclass
class Service:
    """One ECS service called like everything else that belongs to it."""

    account: Account
    name: str
    host: str
    group: str
    role: str
    region: str = REGION

    def __post_init__(self) -> None:
        self.ecs = self.client("ecs")

    def client(self, name: str) -> Any:
        return self.account.client(name, region=self.region)

    def register(self, version: str, behaviour: str = "serves", *beside: dict[str, Any], **more: Any) -> str:
        """A revision of one container, which ``more`` says more of, and those ``beside`` it, of the same image."""
        image = push(self.account, self.name, version, behaviour, registry=f"{ACCOUNT}/{self.region}")
        container = {
            "name": "web",
            "image": image,
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 5,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": self.name,
                    "awslogs-region": self.region,
                    "awslogs-stream-prefix": "ecs",
                },
            },
            **more,
        }
        answer = self.ecs.register_task_definition(
            family=self.name,
            cpu="256",
            memory="512",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            executionRoleArn=self.role,
            containerDefinitions=[{"image": image, **one} for one in (*beside, container)],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def create(self, revision: str, count: int = 1, *, steady: bool = True, **more: Any) -> Any:
        """The service as CreateService answers it; once it is steady, unless told otherwise."""
        request = {
            "cluster": self.name,
            "serviceName": self.name,
            "taskDefinition": revision,
            "desiredCount": count,
            "launchType": "FARGATE",
            "loadBalancers": [{"targetGroupArn": self.group, "containerName": "web", "containerPort": 8080}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
            **more,
        }
        made = self.ecs.create_service(**request)["service"]
        assert not steady or eventually(self.steady), self.deployments()
        return made

    def update(self, revision: str, **more: Any) -> str:
        """The id of the deployment that an update makes."""
        answer = self.ecs.update_service(cluster=self.name, service=self.name, taskDefinition=revision, **more)
        return str(answer["service"]["deployments"][0]["id"])

    def listed(self, **more: Any) -> list[Any]:
        """The service deployments, the newest first."""
        answer = self.ecs.list_service_deployments(cluster=self.name, service=self.name, **more)
        return list(answer["serviceDeployments"])

    def deployment(self, arn: str = "") -> Any:
        """A service deployment, the newest unless another is named."""
        arn = arn or self.listed()[0]["serviceDeploymentArn"]
        answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
        assert answer["failures"] == []
        return answer["serviceDeployments"][0]

    def described(self) -> Any:
        return self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0]

    def deployments(self) -> list[Any]:
        return list(self.described()["deployments"])

    def steady(self) -> bool:
        deployments = self.deployments()
        return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

    def task(self, arn: str) -> Any:
        return self.ecs.describe_tasks(cluster=self.name, tasks=[arn])["tasks"][0]

    def tasks(self, status: str = "RUNNING") -> list[Any]:
        arns = self.ecs.list_tasks(cluster=self.name, desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"]) if arns else []

    def page(self, path: str = "/") -> tuple[int, str]:
        return self.account.get(self.host, path)

    def log(self, task: Any) -> list[str]:
        stream = f"ecs/web/{task['taskArn'].rsplit('/', 1)[1]}"
        logs = self.client("logs")
        events = logs.get_log_events(logGroupName=self.name, logStreamName=stream)["events"]
        return [event["message"] for event in events]

    def targets(self) -> dict[str, str]:
        health = self.client("elbv2").describe_target_health(TargetGroupArn=self.group)
        return {t["Target"]["Id"]: t["TargetHealth"]["State"] for t in health["TargetHealthDescriptions"]}

    def delete(self) -> None:
        self.ecs.delete_service(cluster=self.name, service=self.name, force=True)


def lay(
    account: Account,
    name: str,
    permissions: str | list[str] = "*",
    interval: int = 5,
    delay: int = 2,
    region: str = REGION,
) -> Service:
    """Everything a service needs but the service itself; seconds between health checks, and to drain at most."""
    account.client("ecr", region=region).create_repository(repositoryName=name)
    account.client("logs", region=region).create_log_group(logGroupName=name)
    account.client("ecs", region=region).create_cluster(clusterName=name)
    # Roles are the same in every region.
    role = account.role(f"{name}-{region}-execution", allow(permissions), principal=TASKS)
    elb = account.client("elbv2", region=region)
    balancer = elb.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    group = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=8080,
        TargetType="ip",
        VpcId="vpc-1",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=interval,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}]
    )
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return Service(account, name, balancer["DNSName"], group, role, region)


@contextmanager
def no_request_lost(service: Service) -> Iterator[None]:
    """Ask for the page all the while; AssertionError in the end where an answer was not 200, or none was asked for."""
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(service.page())

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            yield
        finally:
            done.set()
    assert [one.exception() for one in asking] == [None, None]
    assert {status for status, _ in answers} == {200}, answers
