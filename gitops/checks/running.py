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
from typing import Literal

from gitops.checks.catalogue import Check, Command
from gitops.checks.files import NothingToCheckError
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.tools import NotInstalledError

End = Literal["passed", "failed", "not run"]


@dataclass(frozen=True)
class Result:
    """How one check ended: ``seconds`` of wall time, and what its commands printed."""

    name: str
    end: End
    seconds: float
    output: str


def run(
    checks: Sequence[Check],
    checkout: Checkout,
    *,
    at_once: int,
    must_run: bool,
    report: Callable[[Result], None],
    base: str = "",
) -> list[Result]:
    """Run the checks in a checkout, at most ``at_once`` together; ``report`` gets each result as it ends.

    Where ``must_run``, a check fails whose tool is missing; else it did not run. With a ``base``, those that
    can narrow look at what the change since that commit affects.
    Returns the results in the order of ``checks``. Interrupted, it ends the commands it started.
    """

    async def everything() -> list[Result]:
        slots = asyncio.Semaphore(at_once)

        async def limited(check: Check) -> Result:
            async with slots:
                result = await _run_one(check, checkout, must_run, base)
            report(result)
            return result

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(limited(check)) for check in checks]
        return [task.result() for task in tasks]

    return asyncio.run(everything())


async def _run_one(check: Check, checkout: Checkout, must_run: bool, base: str) -> Result:
    started = time.monotonic()
    end: End = "passed"
    output: list[str] = []
    since = ["--base", base] if check.narrows and base else []
    try:
        # Every command runs, so that one run shows everything there is to correct.
        for command in check.commands(checkout):
            code, text = await _execute([*command, *since], checkout.root)
            end = end if code == 0 else "failed"
            output.append(text if code == 0 else f"{text}{_name(command)} exited with {code}\n")
    except (NothingToCheckError, NotInstalledError) as error:
        end = "failed" if must_run and isinstance(error, NotInstalledError) else "not run"
        output.append(f"{error}\n")
    except (GitopsError, OSError) as error:
        # A program that cannot be started ends its own check, not the run.
        end = "failed"
        output.append(f"error: {error}\n")
    return Result(check.name, end, time.monotonic() - started, "".join(output))


async def _execute(command: Command, folder: Path) -> tuple[int, str]:
    programs = str(Path(sys.executable).parent)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join([programs, os.environ.get("PATH", "")]), "NO_COLOR": "1"},
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
    words = [word for word in command if word != "env" and "=" not in word]
    return words[2] if words[1:2] == ["-m"] else Path(words[0]).name
