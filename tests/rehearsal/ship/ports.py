"""Ports for a rehearsal of a test."""

from __future__ import annotations

import random
import socket

# Below what Linux gives to outgoing connections (from 32768): such a one would take the port before we listen.
LOWEST, HIGHEST = 20_000, 32_000


def free_ports() -> int:
    """A port that is free together with the one after it."""
    for _ in range(50):
        port = random.randrange(LOWEST, HIGHEST)  # noqa: S311 (nothing secret)
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports side by side")
