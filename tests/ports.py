"""Ports of 127.0.0.1 for what tests start."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack

# Below what Linux gives to outgoing connections (from 32768): such a one would take the port before we listen.
LOWEST, HIGHEST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """A port that is free, and that no other test of this run is given."""
    return _free(1)


def free_ports() -> int:
    """A port that is free together with the one after it; neither is given to another test of this run."""
    return _free(2)


def _free(count: int) -> int:
    own = _own(os.environ.get("PYTEST_XDIST_WORKER", ""), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    for _ in range(200):
        first = random.randrange(own.start, own.stop - count + 1)  # noqa: S311 (nothing secret)
        wanted = set(range(first, first + count))
        if not wanted & _given and _bindable(wanted):
            _given.update(wanted)
            return first
    raise AssertionError(f"no {count} free ports side by side from {own.start} to {own.stop - 1}")


def _own(worker: str, workers: int) -> range:
    """The ports of one of pytest-xdist's workers (gw0, gw1 …), so that two never choose the same."""
    size = (HIGHEST - LOWEST) // workers
    lowest = LOWEST + int(worker.removeprefix("gw") or 0) * size
    return range(lowest, lowest + size)


def _bindable(ports: set[int]) -> bool:
    with ExitStack() as stack:
        for port in ports:
            try:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
