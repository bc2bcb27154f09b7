"""What became of the requests of a load: sent, lost, slow, and how long answers took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Seconds after which an answer counts as slow, and after which a request counts as lost.
SLOW = 1.0
UNANSWERED = 10.0


@dataclass(frozen=True)
class Request:
    """One request: when it was due (seconds on the load's clock), how long after that its answer was
    complete, and what was wrong with the answer ("" when nothing was).

    Counted from when it was *due*: were it from when it was sent, a stall of the
    service would delay the sending too and hide itself (coordinated omission).
    """

    due: float
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Tally:
    """The numbers of a load; times in seconds, 0 without a request."""

    sent: int
    slow: int
    p50: float
    p99: float
    longest: float
    rate: float
    problems: tuple[tuple[str, int], ...] = ()
    first_lost: float | None = None

    @property
    def lost(self) -> int:
        """Requests without a good answer."""
        return sum(count for _, count in self.problems)


def status_problem(status: int) -> str:
    """What is wrong with an answer's status; nothing below 400."""
    return "" if status < 400 else f"status {status}"


def tally(requests: Iterable[Request]) -> Tally:
    """Count; ``rate`` is requests a second between the first and the last, ``first_lost`` is when that was due."""
    every = sorted(requests, key=lambda one: one.due)
    if not every:
        return Tally(0, 0, 0.0, 0.0, 0.0, 0.0)
    took = sorted(one.seconds for one in every)
    lost = [one for one in every if one.problem]
    span = every[-1].due - every[0].due
    return Tally(
        sent=len(every),
        slow=sum(one.seconds > SLOW for one in every if not one.problem),
        p50=percentile(took, 50),
        p99=percentile(took, 99),
        longest=took[-1],
        rate=(len(every) - 1) / span if span else 0.0,
        problems=tuple(Counter(one.problem for one in lost).most_common()),
        first_lost=lost[0].due if lost else None,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted values: one that was measured, none made up between two."""
    rank = max(1, math.ceil(len(ordered) * percent / 100))
    return ordered[rank - 1]
