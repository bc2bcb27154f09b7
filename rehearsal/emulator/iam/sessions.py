"""What a role's session may do, asked of ministack's evaluator, and which permissions it has used.

Which role was allowed what, and by which statement, is remembered in memory while the emulator runs, and answered by
``GET`` of ``USED_PERMISSIONS``.
"""

from __future__ import annotations

import json
import secrets
import string
import threading
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rehearsal.emulator.seams import original, replace

# Fargate renews the credentials of the execution role; six hours outlast any rehearsal.
LIFETIME = 6 * 3600


@dataclass(frozen=True)
class Refusal:
    """Why IAM refuses; ``authenticated`` is false where the credentials themselves are bad."""

    message: str
    authenticated: bool


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


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


def first_refusal(caller: str, permissions: Iterable[Permission]) -> Refusal | None:
    """The first permission that the caller lacks, in IAM's words."""
    from ministack.core.responses import get_region

    asked = (refusal(caller, one.action, one.resource, get_region(), one.context) for one in permissions)
    return next((refused for refused in asked if refused is not None), None)


# Enough to see what a permission was used on; a task's or an image's name is new each time.
RESOURCES_KEPT: Final = 5


class Use(NamedTuple):
    """An action that a role was allowed, and the Sid of the statement that allowed it."""

    account: str
    role: str
    sid: str
    action: str


@dataclass
class Kept:
    """How often, and the first few resources."""

    count: int = 0
    resources: list[str] = field(default_factory=list)


@dataclass
class Memory:
    """All uses so far: at most one for each role, statement and action, however many calls are made."""

    _kept: dict[Use, Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, use: Use, resource: str) -> None:
        """Remember one use."""
        with self._lock:
            kept = self._kept.setdefault(use, Kept())
            kept.count += 1
            if len(kept.resources) < RESOURCES_KEPT and resource not in kept.resources:
                kept.resources.append(resource)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Every use, as an HTTP answer."""
        return 200, {"Content-Type": "application/json"}, json.dumps(self.listed()).encode()

    def listed(self) -> list[dict[str, Any]]:
        """Every use as JSON has it, sorted."""
        with self._lock:
            return [
                {**use._asdict(), "count": kept.count, "resources": list(kept.resources)}
                for use, kept in sorted(self._kept.items(), key=lambda item: item[0])
            ]


def assumed_role(principal_arn: str) -> tuple[str, str] | None:
    """Account and name of the role whose session this is; None for another principal."""
    parts = principal_arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("assumed-role/"):
        return None
    return parts[4], parts[5].split("/")[1]


# What the evaluator said of the caller's own policies, for the request at hand.
_ALLOWED: ContextVar[tuple[Use, str] | None] = ContextVar("allowed", default=None)


def install() -> Memory:
    """Note every call that IAM allows a role, in what is returned."""
    memory = Memory()

    def enforce(*words: Any, **named: Any) -> Any:  # noqa: ANN401 (ministack's verdict)
        _ALLOWED.set(None)
        refused = original("core.iam_evaluator", "enforce")(*words, **named)
        allowed = _ALLOWED.get()
        # The resource's own policy may have refused what the role's allowed.
        if refused is None and allowed is not None:
            memory.note(*allowed)
        return refused

    def evaluate(ctx: Any, policies: Any, *limits: Any) -> Any:  # noqa: ANN401
        result = original("core.iam_evaluator", "evaluate")(ctx, policies, *limits)
        # The first evaluation of a request is of the role's policies, a later one of the resource's.
        if result.decision == "Allow" and _ALLOWED.get() is None and (role := assumed_role(ctx.principal_arn)):
            _ALLOWED.set((Use(*role, result.matched_sid, ctx.action), ctx.resource_arn))
        return result

    replace("core.iam_evaluator", "enforce", enforce)
    replace("core.iam_evaluator", "evaluate", evaluate)
    return memory
