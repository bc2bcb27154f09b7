"""Role sessions the emulator makes itself, and the question whether a session may do something."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass

# Fargate renews the credentials of the execution role; six hours outlast any rehearsal.
LIFETIME = 6 * 3600


@dataclass(frozen=True)
class Refusal:
    """Why IAM refuses; ``authenticated`` is false where the credentials themselves are bad."""

    message: str
    authenticated: bool


def assume_for_service(role_arn: str, session_name: str) -> str:
    """A session of a role for ECS itself, as ecs-tasks assumes it; its access key."""
    from ministack.services import sts

    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    key = "ASIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}",
            "UserId": f"{role}:{session_name}",
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": secrets.token_urlsafe(60),
            "Expiration": time.time() + LIFETIME,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return key


def refusal(
    access_key: str, action: str, resource: str, region: str, context: Mapping[str, str] | None = None
) -> Refusal | None:
    """Why the holder of ``access_key`` may not do ``action`` on ``resource``; None when it may.

    ``context`` has the request's condition keys, such as ``iam:PassedToService``.

    ministack's evaluator decides; without AUTH everything is allowed.
    """
    import ministack.app
    from ministack.core.iam_evaluator import AuthError, enforce

    if not ministack.app.AUTH:
        return None
    denied = enforce(access_key, action, action.split(":", 1)[0], region, resource, dict(context or {}))
    if denied is None:
        return None
    if isinstance(denied, AuthError):
        return Refusal(str(denied.message), authenticated=False)
    explicit = denied.decision == "Deny"
    because = "with an explicit deny" if explicit else f"because no identity-based policy allows the {action} action"
    return Refusal(
        f"User: {denied.principal_arn} is not authorized to perform: {action} on resource: {resource} {because}",
        authenticated=True,
    )
