"""When each request of a load is due. Open loop: a slow answer never delays the requests after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitops.errors import GitopsError

# Requests a second. One task of 0.25 vCPU answers some 300; more than the highest is a load test, not a drill.
LOWEST_RATE, DEFAULT_RATE, HIGHEST_RATE = 1, 200, 1000
# Seconds one drill may last, and so how many requests it may send.
LONGEST = 1800.0


@dataclass(frozen=True)
class Schedule:
    """``rate`` requests a second for at most ``longest`` seconds."""

    rate: int = DEFAULT_RATE
    longest: float = LONGEST

    def __post_init__(self) -> None:
        """Raise GitopsError for a rate or a time out of bounds: a slip must not become an attack."""
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise GitopsError(
                f"{self.rate} requests a second is out of bounds",
                fix=f"--rate from {LOWEST_RATE} to {HIGHEST_RATE}",
            )
        if not 0 < self.longest <= LONGEST:
            raise GitopsError(f"{self.longest:g} seconds is out of bounds", fix=f"at most {LONGEST:g}")

    @property
    def most(self) -> int:
        """How many requests it can be."""
        return int(self.rate * self.longest)

    def due(self) -> Iterator[float]:
        """Seconds after the start at which each request is due, evenly spaced."""
        for number in range(self.most):
            yield number / self.rate
