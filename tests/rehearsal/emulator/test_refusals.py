from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest

from rehearsal.emulator.scheduler.refusals import unknown_size
from tests.rehearsal.emulator.account import Account

CONTAINER = {"name": "web", "image": "example"}


@pytest.mark.parametrize(
    ("cpu", "memory", "refused"),
    [
        ("256", "512", False),
        ("0.25 vCPU", "1 GB", False),
        ("256", "99999", True),
        ("512", "512", True),
        ("300", "512", True),
        ("", "", True),
    ],
)
def test_sizes_that_fargate_lacks(cpu: str, memory: str, refused: bool) -> None:
    data = {"requiresCompatibilities": ["FARGATE"], "cpu": cpu, "memory": memory}
    assert bool(unknown_size(data)) is refused


def test_sizes_are_free_outside_fargate() -> None:
    assert unknown_size({"requiresCompatibilities": ["EC2"], "cpu": "1", "memory": "1"}) is None


def test_register_refuses_a_pair_that_fargate_lacks(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"""
    with pytest.raises(botocore.exceptions.ClientError, match="No Fargate configuration exists"):
        account.client("ecs").register_task_definition(
            family="odd",
            cpu="256",
            memory="99999",
            requiresCompatibilities=["FARGATE"],
            containerDefinitions=[CONTAINER],
        )


def register(ecs: Any, family: str) -> str:
    answer = ecs.register_task_definition(
        family=family,
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[CONTAINER],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def test_update_refuses_a_revision_that_does_not_exist_or_is_inactive(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="refusals")
    register(ecs, "refused")
    ecs.create_service(cluster="refusals", serviceName="refused", taskDefinition="refused", desiredCount=0)
    with pytest.raises(botocore.exceptions.ClientError, match="TaskDefinition not found"):
        ecs.update_service(cluster="refusals", service="refused", taskDefinition="refused:99")
    second = register(ecs, "refused")
    ecs.deregister_task_definition(taskDefinition=second)
    with pytest.raises(botocore.exceptions.ClientError, match="TaskDefinition is inactive"):
        ecs.update_service(cluster="refusals", service="refused", taskDefinition=second)


def test_a_family_means_its_newest_active_revision(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html"""
    ecs = account.client("ecs")
    first, second = register(ecs, "newest"), register(ecs, "newest")
    described = ecs.describe_task_definition(taskDefinition="newest")["taskDefinition"]
    assert described["taskDefinitionArn"] == second
    ecs.deregister_task_definition(taskDefinition=second)
    described = ecs.describe_task_definition(taskDefinition="newest")["taskDefinition"]
    assert described["taskDefinitionArn"] == first
    assert "taskRoleArn" not in described
