"""What the kernel alone knows of a process: /proc/PID/stat.

Its fields: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# include/linux/sched.h
PF_KTHREAD = 0x0020_0000


@dataclass(frozen=True)
class Stat:
    """``started`` is in seconds since the boot, which no step of the clock moves."""

    kernel: bool
    started: float


def stat(pid: int) -> Stat | None:
    """What /proc says of a process; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return parsed(text, os.sysconf("SC_CLK_TCK"))


def parsed(text: str, ticks: int) -> Stat:
    """A line of /proc/PID/stat, where a second has ``ticks`` ticks."""
    # A program's name may hold blanks and brackets; what follows it begins with the third field.
    fields = text.rpartition(")")[2].split()
    return Stat(kernel=bool(int(fields[9 - 3]) & PF_KTHREAD), started=int(fields[22 - 3]) / ticks)
