"""The rehearsal's own processes: started apart from the terminal, found again, ended whole."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from gitops.errors import GitopsError
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
    created = psutil.Process(process.pid).create_time()
    # It outlives this command on purpose; without this, Python warns of a child that nobody waited for.
    process.returncode = 0
    return Daemon(pid=process.pid, created=created, log=str(log.relative_to(root)))


def find(daemon: Daemon) -> psutil.Process | None:
    """The daemon's process while it lives."""
    try:
        process = psutil.Process(daemon.pid)
        if process.create_time() == daemon.created and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.NoSuchProcess:
        pass
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
    found, unread = _carrying(root, (process for process in psutil.process_iter() if process.pid not in own))
    if unread:
        # A process that the kernel is just starting shows no environment for a moment (execve(2)).
        time.sleep(0.05)
        found += _carrying(root, unread)[0]
    return found


def _carrying(root: Path, processes: Iterable[psutil.Process]) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Of some processes those with the mark, and those that show no environment at all."""
    found: list[psutil.Process] = []
    unread: list[psutil.Process] = []
    for process in processes:
        try:
            environment = process.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if not environment:
            unread.append(process)
        elif environment.get(MARK) == str(root):
            found.append(process)
    return found, unread
