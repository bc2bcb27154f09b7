"""What roles may do in ECS, decided and then enforced.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.further_permissions import needed
from rehearsal.emulator.guard import Permission
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import Service, lay

ECS = "arn:aws:ecs:eu-west-2:000000000000"
TASK_ROLE = "arn:aws:iam::000000000000:role/t"
PASSED = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


@pytest.mark.parametrize(
    ("action", "request_", "expected"),
    [
        ("DescribeServices", {"cluster": "c", "services": ["a"]}, []),
        (
            "DescribeServices",
            {"cluster": "c", "services": ["a", "b"]},
            [Permission("ecs:DescribeServices", f"{ECS}:service/c/b")],
        ),
        ("RegisterTaskDefinition", {"family": "f"}, []),
        (
            "RegisterTaskDefinition",
            {"family": "f", "taskRoleArn": TASK_ROLE, "tags": [{"key": "commit", "value": "x"}]},
            [
                Permission("iam:PassRole", TASK_ROLE, PASSED),
                Permission(
                    "ecs:TagResource", f"{ECS}:task-definition/f:*", {"ecs:CreateAction": "RegisterTaskDefinition"}
                ),
            ],
        ),
        ("ListTasks", {"cluster": "c"}, []),
    ],
)
def test_what_a_call_needs_beside_its_own_action(
    action: str, request_: dict[str, Any], expected: list[Permission]
) -> None:
    assert needed(action, request_, "eu-west-2", "000000000000") == expected


def role(account: Account, name: str, *statements: dict[str, Any]) -> Any:
    """ECS as a role with these statements."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = json.dumps({"Statement": list(statements)})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return account.client("ecs", account.assume(made))


def allow(action: str | list[str], resource: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": conditions}


def register(ecs: Any, service: Service) -> Any:
    return ecs.register_task_definition(
        family="permitted",
        executionRoleArn=service.role,
        containerDefinitions=[{"name": "web", "image": "example"}],
        tags=[{"key": "commit", "value": "x"}],
    )


def test_registering_needs_the_right_to_pass_the_roles_and_to_tag(account: Account) -> None:
    laid = lay(account, "passing")
    registers = allow("ecs:RegisterTaskDefinition")
    passes = allow("iam:PassRole", laid.role, StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    tags = allow("ecs:TagResource", f"{ECS}:task-definition/permitted:*")
    with pytest.raises(ClientError, match=rf"AccessDenied.* iam:PassRole on resource: {laid.role}"):
        register(role(account, "passes-nothing", registers, tags), laid)
    elsewhere = allow("iam:PassRole", laid.role, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    with pytest.raises(ClientError, match=r"AccessDenied.* iam:PassRole"):
        register(role(account, "passes-to-ec2", registers, elsewhere, tags), laid)
    with pytest.raises(ClientError, match=r"AccessDenied.* ecs:TagResource"):
        register(role(account, "tags-nothing", registers, passes), laid)
    assert register(role(account, "registers", registers, passes, tags), laid)["taskDefinition"]["revision"] == 1


def test_service_deployments_are_permitted_by_their_own_arns(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment-permissions.html"""
    laid = lay(account, "watched")
    laid.create(laid.register("v1"))
    watches = role(
        account,
        "watches",
        allow("ecs:ListServiceDeployments", f"{ECS}:service/watched/*"),
        allow("ecs:DescribeServiceDeployments", f"{ECS}:service-deployment/watched/*"),
        allow("ecs:DescribeServiceRevisions", f"{ECS}:service-revision/watched/*"),
    )
    [one] = watches.list_service_deployments(cluster="watched", service="watched")["serviceDeployments"]
    arn = one["serviceDeploymentArn"]
    assert watches.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert watches.describe_service_revisions(serviceRevisionArns=[one["targetServiceRevisionArn"]])["serviceRevisions"]
    with pytest.raises(ClientError, match=r"AccessDenied.* ecs:StopServiceDeployment"):
        watches.stop_service_deployment(serviceDeploymentArn=arn)
    with pytest.raises(ClientError, match="AccessDenied"):
        watches.list_service_deployments(cluster="other", service="watched")
    stops = role(account, "stops", allow("ecs:StopServiceDeployment", f"{ECS}:service-deployment/watched/*"))
    with pytest.raises(ClientError, match="ConflictException"):
        stops.stop_service_deployment(serviceDeploymentArn=arn)
    laid.delete()
    assert eventually(lambda: not laid.tasks())
