"""Runs checks side by side, as many as there are cores, and tells each one's result as it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.checks.catalogue import Check, Command
from gitops.errors import GitopsError


@dataclass(frozen=True)
class Result:
    """How one check ended: ``seconds`` of wall time, and what its commands printed."""

    name: str
    passed: bool
    seconds: float
    output: str


def cores() -> int:
    """The cores this process may use, which a container may have limited."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(checks: Sequence[Check], root: Path, *, at_once: int, report: Callable[[Result], None]) -> list[Result]:
    """Run the checks in ``root``, at most ``at_once`` together; ``report`` gets each result as it ends.

    Returns the results in the order of ``checks``. Interrupted, it ends the commands it started.
    """
    return asyncio.run(_run_all(checks, root, at_once, report))


async def _run_all(checks: Sequence[Check], root: Path, at_once: int, report: Callable[[Result], None]) -> list[Result]:
    slots = asyncio.Semaphore(at_once)

    async def limited(check: Check) -> Result:
        async with slots:
            result = await _run_one(check, root)
        report(result)
        return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(limited(check)) for check in checks]
    return [task.result() for task in tasks]


async def _run_one(check: Check, root: Path) -> Result:
    started = time.monotonic()
    passed = True
    output: list[str] = []
    try:
        # Every command runs, so that one run shows everything there is to correct.
        for command in check.commands(root):
            code, text = await _execute(command, root)
            passed = passed and code == 0
            output.append(text if code == 0 else f"{text}{_name(command)} exited with {code}\n")
    except GitopsError as error:
        passed = False
        output.append(f"error: {error}\n")
    return Result(check.name, passed, time.monotonic() - started, "".join(output))


async def _execute(command: Command, root: Path) -> tuple[int, str]:
    folder = str(Path(sys.executable).parent)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=root,
        env={**os.environ, "PATH": os.pathsep.join([folder, os.environ.get("PATH", "")]), "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    try:
        text, _ = await process.communicate()
    except asyncio.CancelledError:
        # The whole group: a verb that runs a checker of its own would leave it behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
    return process.returncode or 0, text.decode("utf-8", errors="replace")


def _name(command: Command) -> str:
    """The tool, or the module that Python was started with."""
    return command[2] if command[1:2] == ["-m"] else Path(command[0]).name
