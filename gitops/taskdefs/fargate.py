"""The sizes of Fargate's tasks, and how a task definition writes them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
"""

from __future__ import annotations

import re

GIB = 1024
# CPU units (1024 are one vCPU) to the memory in MiB that may go with them.
SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1 * GIB, 2 * GIB),
    512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
    1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
    2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
    4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
    8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}


def cpu_units(value: object) -> int | None:
    """CPU units of ``256``, ``0.25 vCPU``; None when it is neither."""
    return _amount(value, "vcpu")


def memory_mib(value: object) -> int | None:
    """MiB of ``512``, ``0.5 GB``; None when it is neither."""
    return _amount(value, "gb")


def _amount(value: object, unit: str) -> int | None:
    match = (
        re.fullmatch(rf"\s*(\d+(?:\.\d+)?)\s*({unit})?\s*", value, re.IGNORECASE) if isinstance(value, str) else None
    )
    if match is None or (match[2] is None and "." in match[1]):
        return None
    return round(float(match[1]) * 1024) if match[2] else int(match[1])
