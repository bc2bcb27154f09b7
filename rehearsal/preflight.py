"""What must hold before anything starts: free ports, free disk, a commit to ship."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import psutil

from gitops import git
from gitops.errors import GitopsError

# Measured: the emulator's log and one unpacked image are far below; a base image built from Debian is not.
DISK_BYTES = {"processes": 500_000_000, "containers": 4_000_000_000}


def port_owner(port: int) -> str:
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


def require_free_port(port: int, purpose: str) -> None:
    """GitopsError, naming who has it, unless 127.0.0.1:port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise GitopsError(
                f"port {port}, for the {purpose}, is taken by {port_owner(port)}",
                fix="choose another: make rehearse PORT=4700",
            ) from None


def require_disk(root: Path, runtime: str) -> None:
    """GitopsError unless the clone's disk has room for the runtime's images."""
    free, needed = shutil.disk_usage(root).free, DISK_BYTES[runtime]
    if free < needed:
        raise GitopsError(
            f"{free / 1e9:.1f} GB are free on the disk of {root}; the rehearsal needs {needed / 1e9:.1f} GB",
            fix="free some space",
        )


def dirty_note(root: Path) -> str:
    """One line that says HEAD is shipped and not the changes, or nothing when there are none."""
    changed = git.dirty(root)
    if not changed:
        return ""
    shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
    return f"note: HEAD is shipped, not the {len(changed)} changed files of the work tree ({shown})"
