"""What a call of ECS must be allowed beside its own action on the first resource it names.

Handing over a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
Tags at creation: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator import authorization
from rehearsal.emulator.sessions import refusal


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


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
    import ministack.app
    from ministack.core.responses import error_response_json, get_account_id, get_region
    from ministack.core.router import extract_access_key_id
    from ministack.services import ecs

    handle = ecs.handle_request

    async def handle_request(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
    ) -> Any:  # noqa: ANN401 (ministack's response)
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if action and ministack.app.AUTH:
            caller = extract_access_key_id(headers, query_params)
            request = authorization.request_of(body)
            for one in needed(action, request, get_region(), get_account_id()):
                refused = refusal(caller, one.action, one.resource, get_region(), one.context)
                if refused is not None:
                    return error_response_json("AccessDeniedException", refused.message, 400)
        return await handle(method, path, headers, body, query_params)

    ecs.handle_request = handle_request
