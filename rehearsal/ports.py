"""Whether a port of 127.0.0.1 is free, and who has it when it is not."""

from __future__ import annotations

import socket

import psutil

from gitops.errors import GitopsError


def owner(port: int) -> str:
    """Which process listens on a port, as far as this user may see."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                break
    return "another user's process"


def require_free(port: int, purpose: str) -> None:
    """GitopsError, naming who has it, unless the port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise GitopsError(
                f"port {port}, for the {purpose}, is taken by {owner(port)}",
                fix="choose another: make rehearse PORT=4700",
            ) from None
