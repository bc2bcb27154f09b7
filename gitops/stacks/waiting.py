"""Asking AWS again until something is so, with a clock that a test can hold."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

# Seconds for what an apply makes that began with the same push. Long enough where nobody has to approve it, and
# half of a build's 20 minutes are left for the build.
PATIENCE = 600.0
_SAID_EVERY = 60.0

Found = TypeVar("Found")


@dataclass(frozen=True)
class Clock:
    """The time and how to let it pass, both in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def ticks(self, longest: float = 5.0, limit: float | None = None) -> Iterator[float]:
        """Yield the seconds passed, first at once, then after growing pauses.

        Pauses grow from 0.1 s to ``longest``, so that what is quick is seen
        quickly and what is slow does not meet AWS's throttling. Ends after
        ``limit`` seconds; never when None.
        """
        start = self.now()
        pause = 0.1
        while True:
            passed = self.now() - start
            yield passed
            if limit is not None and passed >= limit:
                return
            self.sleep(pause)
            pause = min(pause * 1.4, longest)


def until(
    look: Callable[[], Found | None], what: str, limit: float, clock: Clock, say: Callable[[str], None]
) -> Found | None:
    """What ``look`` gives once that is not None, asked for ``limit`` seconds; None when they have passed.

    ``say`` is told at once what is waited for, then every minute. With a limit of 0 it is asked once.
    """
    told: float | None = None
    for passed in clock.ticks(longest=10.0, limit=limit):
        if (found := look()) is not None:
            return found
        if passed < limit and (told is None or passed - told >= _SAID_EVERY):
            told = passed
            say(f"waiting for {what}: {passed:.0f} of at most {limit:.0f} s")
    return None


def seconds(text: str) -> float:
    """Seconds as an option's value; ArgumentTypeError for what is no number, negative or without end."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"not a number of seconds from 0: {text}")
    return value
