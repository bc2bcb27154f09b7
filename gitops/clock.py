"""The time, and waiting: with a clock that a test can hold."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

_SAID_EVERY = 60.0

Found = TypeVar("Found")


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that a test needs neither.

    ``now`` gives seconds that only grow, ``sleep`` lets seconds pass, ``chance``
    is a number from 0 to 1, and ``utc`` is the date and time as people write them.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    utc: Callable[[], datetime] = _utc

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
        self, look: Callable[[], Found | None], what: str, limit: float, say: Callable[[str], None]
    ) -> Found | None:
        """What ``look`` gives once that is not None, asked for ``limit`` seconds; None when they have passed.

        ``say`` is told at once what is waited for, then every minute. With a limit of 0 it is asked once.
        """
        told: float | None = None
        for passed in self.ticks(longest=10.0, limit=limit):
            if (found := look()) is not None:
                return found
            if passed < limit and (told is None or passed - told >= _SAID_EVERY):
                told = passed
                say(f"waiting for {what}: {passed:.0f} of at most {limit:.0f} s")
        return None


# The machine's own, where a caller has no other.
SYSTEM = Clock()
