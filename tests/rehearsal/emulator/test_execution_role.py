"""A task starts only where its execution role may do what ECS does for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.emulator.guard import Permission
from rehearsal.emulator.scheduler.execution_role import needed
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import lay

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
    assert needed(definition, "1a2b", "111111111111", "eu-west-2") == expected


@pytest.mark.parametrize("missing", ["ecr:GetAuthorizationToken", "logs:CreateLogStream", "logs:PutLogEvents"])
def test_a_task_whose_execution_role_lacks_a_permission_does_not_start(account: Account, missing: str) -> None:
    name = f"lacks-{missing.rsplit(':')[1].lower()}"
    laid = lay(account, name)
    denies = {"Statement": [{"Effect": "Deny", "Action": missing, "Resource": "*"}]}
    account.client("iam").put_role_policy(
        RoleName=f"{name}-execution", PolicyName="lacks", PolicyDocument=json.dumps(denies)
    )
    ecs = account.client("ecs")
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    revision = laid.register("v1")
    ecs.run_task(cluster=name, taskDefinition=revision, launchType="FARGATE", networkConfiguration=network)
    assert eventually(lambda: bool(laid.tasks("STOPPED")))
    [task] = laid.tasks("STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    assert f"not authorized to perform: {missing} on resource" in task["stoppedReason"]
