"""Asking AWS again until something is so, with a clock that a test can hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


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
