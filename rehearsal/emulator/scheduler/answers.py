"""The form of ECS's answers: no key without a value, and times to the millisecond.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

# Keys that AWS leaves out where they have no value; ministack answers "" for them.
OPTIONAL = frozenset(
    {
        "executionRoleArn",
        "group",
        "ipcMode",
        "pidMode",
        "platformFamily",
        "platformVersion",
        "roleArn",
        "startedBy",
        "stopCode",
        "stoppedReason",
        "taskRoleArn",
    }
)


def install() -> None:
    """Correct every answer on its way out."""
    from ministack.services import ecs

    finalize = ecs._normalize_ecs_timestamps
    ecs._ts_to_epoch = epoch
    ecs._normalize_ecs_timestamps = lambda payload, field_name=None: without_empty(finalize(payload, field_name))


def epoch(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Seconds since 1970 of a time as text; anything else as it is. ministack drops the fraction."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        return value


def without_empty(payload: Any) -> Any:  # noqa: ANN401 (any JSON)
    """The answer without the keys that AWS would leave out."""
    if isinstance(payload, dict):
        return {
            name: without_empty(value)
            for name, value in payload.items()
            if not (name in OPTIONAL and value in ("", None))
        }
    return [without_empty(item) for item in payload] if isinstance(payload, list) else payload
