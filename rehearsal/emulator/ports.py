"""Whether a port is free, and who has it when it is not."""

from __future__ import annotations

import socket

import psutil

from gitops.errors import GitopsError


def require_free(host: str, port: int) -> None:
    """Raise GitopsError naming the process that listens on ``port`` already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise GitopsError(
                f"port {port} on {host} cannot be used: {error.strerror}{_holder(port)}",
                fix="stop that, or choose another port",
            ) from None


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
        owner = next(
            (c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port),
            None,
        )
        if owner is None:
            return ""
        process = psutil.Process(owner)
        return f", by process {owner} ({' '.join(process.cmdline())[:80] or process.name()})"
    except psutil.Error:
        return ", by another user's process"
