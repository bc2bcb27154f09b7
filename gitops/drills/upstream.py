"""Makes what a service asks fail, in an environment whose file says how."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gitops.environments import Upstream
from gitops.errors import GitopsError
from gitops.rollout.watch import Clock

# Seconds that each failure lasts, between two looks, and in which a failure or its end must show.
LASTS = 3.0
PAUSE = 0.5
SHOWS = 15.0
# The status of `ready` while the upstream fails (RFC 9110: the server is not ready to handle the request).
UNAVAILABLE = "status 503"

Ask = Callable[[str], str]


def fail(
    root: Path, upstream: Upstream, ask: Ask, clock: Clock, say: Callable[[str], None]
) -> tuple[float, tuple[str, ...]]:
    """One failure after the other, then none: when it was told to work again, and what was wrong.

    The page that asks the upstream each time has to say that it fails: else the
    drill would be held with an upstream that works. However this ends, the
    upstream is told to work again.
    """
    problems = []
    try:
        for behaviour in upstream.failing:
            say(f"the upstream is {behaviour}")
            _tell(root, upstream, behaviour)
            until = clock.now() + LASTS
            if not _shows(upstream, ask, clock, UNAVAILABLE):
                problems.append(f"{upstream.ready} does not say that the upstream is {behaviour}")
            clock.sleep(max(0.0, until - clock.now()))
    finally:
        _tell(root, upstream, upstream.normal)
    mended = clock.now()
    say(f"the upstream is {upstream.normal}")
    if not _shows(upstream, ask, clock, ""):
        problems.append(f"{upstream.ready} still fails after the upstream works again")
    return mended, tuple(problems)


def _shows(upstream: Upstream, ask: Ask, clock: Clock, wanted: str) -> bool:
    """Whether ``ready`` answers as wanted, soon."""
    until = clock.now() + SHOWS
    while ask(upstream.ready) != wanted:
        if clock.now() >= until:
            return False
        clock.sleep(PAUSE)
    return True


def _tell(root: Path, upstream: Upstream, behaviour: str) -> None:
    program, *words = upstream.tell
    command = [sys.executable if program == "python" else program, *words, behaviour]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise GitopsError(
            f"the upstream cannot be told to be {behaviour}: {said[-1] if said else f'exit code {done.returncode}'}",
            fix="make rehearse without OPENWEATHER_API_KEY, so that the stand-in runs",
        )
