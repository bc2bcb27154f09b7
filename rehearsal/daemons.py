"""The rehearsal's own processes: started apart from the terminal, found again, ended whole."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from gitops.errors import GitopsError
from rehearsal import marks, proc
from rehearsal.state import Daemon

# Every process of a rehearsal inherits this variable; stopping looks for it, so that none is forgotten.
MARK = "FAIRWEATHER_REHEARSAL"


def start(root: Path, command: Sequence[str], log: Path, environment: dict[str, str]) -> Daemon:
    """Start a process in a session of its own, its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, MARK: str(root)},
            start_new_session=True,
        )
    # Nobody has waited for it yet, so that it stands in /proc even when it has ended.
    born = proc.stat(process.pid)
    # It outlives this command on purpose; without this, Python warns of a child that nobody waited for.
    process.returncode = 0
    return Daemon(pid=process.pid, started=born.started if born else 0.0, log=str(log.relative_to(root)))


def find(daemon: Daemon) -> psutil.Process | None:
    """The daemon's process while it lives."""
    known = proc.stat(daemon.pid)
    if known is None or known.started != daemon.started:
        return None
    try:
        process = psutil.Process(daemon.pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def last_line(root: Path, daemon: Daemon) -> str:
    """The last line that the daemon wrote, the cause when it ended."""
    try:
        lines = (root / daemon.log).read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return "its log is gone"
    return lines[-1].strip() if lines else "it wrote nothing"


def wait_until_ready(root: Path, name: str, daemon: Daemon, ready: Callable[[], bool], seconds: float = 60) -> None:
    """Return once ``ready()`` holds; GitopsError when the daemon ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if find(daemon) is None:
            raise GitopsError(f"the {name} ended while starting: {last_line(root, daemon)}", fix=f"read {daemon.log}")
        if time.monotonic() > deadline:
            raise GitopsError(f"the {name} does not answer after {seconds:.0f} s", fix=f"read {daemon.log}")
        time.sleep(0.05)


def end(process: psutil.Process, seconds: float) -> None:
    """SIGTERM, then SIGKILL after ``seconds``."""
    try:
        process.terminate()
        process.wait(seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        pass


def marked(root: Path) -> list[psutil.Process]:
    """Every process that carries this clone's mark, this one and its parents left out."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return marks.marked(MARK, str(root), without=own)
