"""What a call of ECS must be allowed beside its own action on the first resource it names.

Handing over a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
Tags at creation: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.emulator import authorization
from rehearsal.emulator.guard import Permission, before, first_refusal


def needed(action: str, request: Mapping[str, Any], region: str, account: str) -> list[Permission]:
    """The further permissions of an ECS call; ``action`` is its name without ``ecs:``."""
    found = [Permission(f"ecs:{action}", one) for one in authorization.resources(action, request, region, account)[1:]]
    if action == "RegisterTaskDefinition":
        passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        roles = (request.get("executionRoleArn"), request.get("taskRoleArn"))
        found += [Permission("iam:PassRole", role, passed) for role in roles if role]
    if action in ("RegisterTaskDefinition", "CreateService") and request.get("tags"):
        resource = authorization.resource(action, request, region, account)
        found.append(Permission("ecs:TagResource", resource, {"ecs:CreateAction": action}))
    return found


def install() -> None:
    """Ask for them once the call's own action is allowed."""
    from ministack.core.responses import error_response_json, get_account_id, get_region
    from ministack.services import ecs

    def look(caller: str, headers: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401 (ministack's response)
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if not action:
            return None
        refused = first_refusal(caller, needed(action, authorization.request_of(body), get_region(), get_account_id()))
        return refused and error_response_json("AccessDeniedException", refused.message, 400)

    before(ecs, look)
