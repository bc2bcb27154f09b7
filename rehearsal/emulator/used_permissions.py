"""Which role was allowed what, and by which statement: remembered while the emulator runs.

``GET /_rehearsal/permissions`` answers with it. It lives in memory and is gone with the emulator.
"""

from __future__ import annotations

import json
import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

PATH: Final = "/_rehearsal/permissions"
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


def install() -> None:
    """Note every call that IAM allows a role, and answer what was noted."""
    from ministack import app
    from ministack.core import iam_evaluator

    memory = Memory()
    enforce, evaluate, before = iam_evaluator.enforce, iam_evaluator.evaluate, app._handle_pre_body_request

    def noting_enforce(*words: Any, **named: Any) -> Any:  # noqa: ANN401 (ministack's verdict)
        _ALLOWED.set(None)
        refused = enforce(*words, **named)
        allowed = _ALLOWED.get()
        # The resource's own policy may have refused what the role's allowed.
        if refused is None and allowed is not None:
            memory.note(*allowed)
        return refused

    def noting_evaluate(ctx: Any, policies: Any, *limits: Any) -> Any:  # noqa: ANN401
        result = evaluate(ctx, policies, *limits)
        # The first evaluation of a request is of the role's policies, a later one of the resource's.
        if result.decision == "Allow" and _ALLOWED.get() is None and (role := assumed_role(ctx.principal_arn)):
            _ALLOWED.set((Use(*role, result.matched_sid, ctx.action), ctx.resource_arn))
        return result

    async def pre_body(method: str, path: str, *rest: Any) -> Any:  # noqa: ANN401
        if path == PATH and method == "GET":
            return 200, {"Content-Type": "application/json"}, json.dumps(memory.listed()).encode()
        return await before(method, path, *rest)

    iam_evaluator.enforce = noting_enforce
    iam_evaluator.evaluate = noting_evaluate
    app._handle_pre_body_request = pre_body
