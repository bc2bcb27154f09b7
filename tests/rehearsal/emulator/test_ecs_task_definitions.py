"""What ECS refuses of a task definition, by the page or the report that quotes it, and what a family means."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest

from gitops.taskdefs.fargate import SIZES
from rehearsal.emulator.ecs.task_definitions import FARGATE, unregistrable
from tests.rehearsal.emulator.account import Account, allow
from tests.rehearsal.emulator.service import TASKS

CONTAINER: dict[str, Any] = {"name": "web", "image": "example"}
ON_FARGATE: dict[str, Any] = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [CONTAINER],
}
LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}
UNIQUE = "The secret name must be unique and not shared with any new or existing environment variables"
PLAIN = {"environment": [{"name": "KEY", "value": "x"}]}
SECRET = {"secrets": [{"name": "KEY", "valueFrom": "/key"}]}
PID = "Tasks using the Fargate launch type do not support pidMode"
ROLE = "arn:aws:iam::000000000000:role/execution"


def beside(**more: Any) -> dict[str, Any]:
    """One container, with more of it."""
    return {"containerDefinitions": [{**CONTAINER, **more}]}


def depends(on: str, condition: str, **more: Any) -> dict[str, Any]:
    """The container web that depends on another; ``more`` is of a container agent."""
    needs = [{"containerName": on, "condition": condition}]
    return {"containerDefinitions": [{**CONTAINER, "dependsOn": needs}, {**CONTAINER, "name": "agent", **more}]}


def test_gitops_and_the_emulator_agree_on_fargates_sizes() -> None:
    """Written twice on purpose, so that a mistake is not its own judge. Where they differ, this page decides:

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
    """
    assert {cpu: tuple(memory) for cpu, memory in SIZES.items()} == FARGATE


@pytest.mark.parametrize(
    ("cpu", "memory", "refused"),
    [
        ("256", "512", False),
        ("0.25 vCPU", "1 GB", False),
        ("16 vcpu", "120GB", False),
        ("16384", "122880", False),
        ("8192", "17408", True),
        ("256", "99999", True),
        ("512", "512", True),
        ("300", "512", True),
        ("1 GB", "1 vCPU", True),
        ("", "", True),
    ],
)
def test_sizes_that_fargate_lacks(cpu: str, memory: str, refused: bool) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"""
    assert bool(unregistrable({**ON_FARGATE, "cpu": cpu, "memory": memory})) is refused


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        # aws/amazon-ecs-cli#1145
        ({"networkMode": "bridge"}, "Fargate only supports network mode \u2018awsvpc\u2019."),
        ({"networkMode": None}, "Fargate only supports network mode \u2018awsvpc\u2019."),
        # virtual-kubelet/virtual-kubelet#193
        (
            beside(logConfiguration=LOGS),
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (beside(logConfiguration=LOGS) | {"executionRoleArn": ROLE}, None),
        # nathanpeck/aws-cloudformation-fargate#1
        (
            beside(image="1.dkr.ecr.eu-west-2.amazonaws.com/web"),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        # dagster-io/dagster#11622
        (
            beside(**PLAIN, **SECRET),
            f"{UNIQUE} set on the container, such as 'KEY'.",
        ),
        ({"containerDefinitions": [{**CONTAINER, **PLAIN}, {**CONTAINER, "name": "other", **SECRET}]}, None),
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
        *(
            (change, f"Fargate compatible task definitions do not support {name}")
            for name, change in (
                ("constraints", {"placementConstraints": [{"type": "memberOf"}]}),
                ("sourcePath", {"volumes": [{"name": "v", "host": {"sourcePath": "/v"}}]}),
                ("privileged", beside(privileged=True)),
                ("links", beside(links=["other"])),
                ("extraHosts", beside(extraHosts=[{"hostname": "h", "ipAddress": "10.0.0.1"}])),
                ("maxSwap", beside(linuxParameters={"maxSwap": 1})),
            )
        ),
        (beside(links=[], privileged=False, linuxParameters={"initProcessEnabled": True}), None),
        # cn-terraform/terraform-aws-ecs-fargate#2, aws/aws-cdk#29619
        ({"ipcMode": "task"}, "Tasks using the Fargate launch type do not support ipcMode."),
        ({"pidMode": "host"}, f"{PID} 'host'. The supported value for pidMode is 'task'."),
        ({"pidMode": "task"}, None),
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html, boto/boto3#2436
        (depends("web", "START"), "Container web cannot depend on web."),
        (depends("nobody", "START"), "Container web cannot depend on nobody."),
        (depends("agent", "HEALTHY"), "Container web waits for a health check that agent does not have."),
        (depends("agent", "SUCCESS"), "Container web waits for the end of agent, which is essential."),
        (depends("agent", "HEALTHY", healthCheck={"command": ["CMD", "true"]}), None),
        (depends("agent", "COMPLETE", essential=False), None),
        (beside(essential=False), "A task definition has at least one essential container."),
        (
            {"containerDefinitions": [{**CONTAINER, "name": f"c{number}"} for number in range(11)]},
            "A task definition has 10 containers at most.",
        ),
    ],
)
def test_what_ecs_refuses_on_fargate(change: dict[str, Any], problem: str | None) -> None:
    assert unregistrable({**ON_FARGATE, **change}) == problem


def test_sizes_networks_and_roles_are_free_outside_fargate() -> None:
    logging = [{**CONTAINER, "logConfiguration": LOGS}]
    assert unregistrable({"requiresCompatibilities": ["EC2"], "cpu": "1", "memory": "1"}) is None
    assert unregistrable({"networkMode": "bridge", "containerDefinitions": logging}) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"memory": "99999"}, "No Fargate configuration exists"), ({"networkMode": "host"}, "only supports network mode")],
)
def test_register_refuses_it(account: Account, change: dict[str, Any], problem: str) -> None:
    ecs = account.client("ecs")
    with pytest.raises(botocore.exceptions.ClientError, match=f"ClientException.*{problem}"):
        ecs.register_task_definition(family="odd", **{**ON_FARGATE, **change})
    assert ecs.list_task_definitions(familyPrefix="odd")["taskDefinitionArns"] == []


def test_ecs_fills_in_what_it_describes(account: Account) -> None:
    """https://docs.aws.amazon.com/cli/latest/reference/ecs/register-task-definition.html (examples), and for a volume
    aws-cloudformation/cloudformation-coverage-roadmap#1283
    """
    check = {"command": ["CMD", "true"]}
    given = beside(image="127.0.0.1:1/web", portMappings=[{"containerPort": 80}], healthCheck=check)
    volume = {"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}
    role = account.role("filled", allow("ecr:*"), principal=TASKS)
    answer = account.client("ecs").register_task_definition(
        family="filled", **{**ON_FARGATE, **given}, volumes=[volume], executionRoleArn=role
    )
    [container] = answer["taskDefinition"]["containerDefinitions"]
    assert container["portMappings"] == [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
    assert container["healthCheck"] == {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3}
    empty = ("environment", "mountPoints", "systemControls", "volumesFrom")
    assert [container[name] for name in empty] == [[], [], [], []]
    [volume] = answer["taskDefinition"]["volumes"]
    assert volume["efsVolumeConfiguration"]["rootDirectory"] == "/"
    assert "proxyConfiguration" not in answer["taskDefinition"]


def register(ecs: Any, family: str) -> str:
    containers = [{"name": "web", "image": "127.0.0.1:1/web"}]
    answer = ecs.register_task_definition(family=family, containerDefinitions=containers)
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
