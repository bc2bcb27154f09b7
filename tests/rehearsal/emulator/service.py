"""A service behind a load balancer, in a cluster of its own."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from tests.rehearsal.emulator.account import ACCOUNT, REGION, Account, eventually
from tests.rehearsal.emulator.image import push

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


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

    def register(self, version: str, behaviour: str = "serves", **more: Any) -> str:
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
            containerDefinitions=[container],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def create(self, revision: str, count: int = 1) -> None:
        self.ecs.create_service(
            cluster=self.name,
            serviceName=self.name,
            taskDefinition=revision,
            desiredCount=count,
            launchType="FARGATE",
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "web", "containerPort": 8080}],
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            deploymentConfiguration=BREAKER,
        )
        assert eventually(self.steady), self.deployments()

    def update(self, revision: str) -> str:
        answer = self.ecs.update_service(cluster=self.name, service=self.name, taskDefinition=revision)
        return str(answer["service"]["deployments"][0]["id"])

    def newest(self) -> Any:
        """The newest service deployment."""
        [arn, *_] = [
            one["serviceDeploymentArn"]
            for one in self.ecs.list_service_deployments(cluster=self.name, service=self.name)["serviceDeployments"]
        ]
        return self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]

    def described(self) -> Any:
        return self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0]

    def deployments(self) -> list[Any]:
        return list(self.described()["deployments"])

    def steady(self) -> bool:
        deployments = self.deployments()
        return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

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
    iam = account.client("iam")
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
    # Roles are the same in every region.
    of = f"{name}-{region}-execution"
    role = iam.create_role(RoleName=of, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Statement": [{"Effect": "Allow", "Action": permissions, "Resource": "*"}]}
    iam.put_role_policy(RoleName=of, PolicyName="p", PolicyDocument=json.dumps(policy))
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


class Load:
    """Asks for the page all the while; remembers each answer that was not 200."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: list[tuple[int, str]] = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._done.is_set():
            self._answers.append(self._service.page())

    def lost(self) -> list[tuple[int, str]]:
        assert self._answers, "no request was sent"
        return [answer for answer in self._answers if answer[0] != 200]
