"""Processes found by a variable of their environment, those included that are just starting."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import psutil

from rehearsal import proc

# Seconds that the kernel may take to start a process on a machine with no time to spare.
STARTS_WITHIN = 2.0
_PAUSE = 0.02


def marked(name: str, value: str, without: Collection[int] = ()) -> list[psutil.Process]:
    """Every process with ``name=value`` in its environment, but those with an id of ``without``.

    Waits, at most ``STARTS_WITHIN`` seconds, for processes that do not show theirs yet.
    """
    found = []
    unread = [process for process in psutil.process_iter() if process.pid not in without]
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        looks = [(process, _environment(process)) for process in unread]
        found += [process for process, environment in looks if environment and environment.get(name) == value]
        unread = [process for process, environment in looks if environment is None]
        if not unread or time.monotonic() > deadline:
            return found
        time.sleep(_PAUSE)


def _environment(process: psutil.Process) -> Mapping[str, str] | None:
    """A process's environment, empty where it has none or hides it; None while the kernel starts it.

    Within execve(2) /proc shows neither environment nor command line, so an empty
    environment counts only between two looks at the same command line.
    """
    try:
        command = process.cmdline()
        environment = process.environ()
        if environment or (command and process.cmdline() == command):
            return environment
    except psutil.Error:
        return {}
    known = proc.stat(process.pid)
    return {} if known is None or known.kernel else None
