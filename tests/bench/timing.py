"""Seconds of a command, and how one figure is printed."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def seconds(command: Sequence[str], cwd: Path) -> float:
    """Wall time of one command; it must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - started


def median(command: Sequence[str], cwd: Path, rounds: int = 7) -> float:
    """The middle of several runs, the first one (cold files) left out."""
    seconds(command, cwd)
    return statistics.median(seconds(command, cwd) for _ in range(rounds))


def line(what: str, value: float, bar: str, baseline: str, ratio: float) -> None:
    """One row: the figure, the bar it should stay under, and its ratio to the baseline."""
    print(f"{what:<52} {value:8.2f} s   (bar {bar:>7})   {ratio:6.2f} × {baseline}", flush=True)
