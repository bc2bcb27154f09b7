"""What ECS itself does to start a task, asked of the execution role before anything is started.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
The image's layers and the secrets are asked for where they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.emulator.guard import Permission
from rehearsal.emulator.sessions import refusal


def needed(definition: Mapping[str, Any], task_id: str, account: str, region: str) -> list[Permission]:
    """The permissions, for a task of this task definition."""
    found = []
    containers = definition["containerDefinitions"]
    if any(_from_ecr(container["image"]) for container in containers):
        found.append(Permission("ecr:GetAuthorizationToken", "*"))
    for container in containers:
        logging = container.get("logConfiguration") or {}
        if logging.get("logDriver") == "awslogs":
            options = logging["options"]
            stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container['name']}/{task_id}"
            group = f"log-group:{options['awslogs-group']}:log-stream:{stream}"
            arn = f"arn:aws:logs:{options.get('awslogs-region', region)}:{account}:{group}"
            found += [Permission(action, arn) for action in ("logs:CreateLogStream", "logs:PutLogEvents")]
    return found


def _from_ecr(image: str) -> bool:
    # The emulator's registry is on loopback, with a port; AWS's has its account and region in its name.
    return image.startswith("127.0.0.1:") or ".dkr.ecr." in image


def require(definition: Mapping[str, Any], session: str, task_arn: str) -> None:
    """Raise ministack's error for a start that the execution role (its session's key) may not make."""
    from ministack.services import ecs

    region, account, task_id = task_arn.split(":")[3], task_arn.split(":")[4], task_arn.rsplit("/", 1)[-1]
    for one in needed(definition, task_id, account, region):
        refused = refusal(session, one.action, one.resource, region, one.context)
        if refused is not None:
            raise ecs._SecretResolutionError(f"AccessDeniedException: {refused.message}")
