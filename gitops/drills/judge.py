"""Whether a drill was held, from its numbers alone."""

from __future__ import annotations

from dataclasses import dataclass

from gitops.drills.tally import Tally

# Seconds that the load may fall behind its own schedule before its numbers say nothing.
BEHIND = 1.0


@dataclass(frozen=True)
class Result:
    """One drill: its numbers, the seconds until the service was whole again, and what it noticed itself.

    ``recovered`` is None when it was not seen to recover; ``within`` is how long it
    may take; ``behind`` how late (at most) the load was.
    """

    kind: str
    said: str
    tally: Tally
    recovered: float | None
    within: float
    began: float = 0.0
    behind: float = 0.0
    problems: tuple[str, ...] = ()
    skipped: str = ""


def failures(result: Result) -> tuple[str, ...]:
    """Everything for which the drill counts as failed; nothing for one that was skipped."""
    if result.skipped:
        return ()
    found = list(result.problems)
    numbers = result.tally
    if numbers.sent == 0:
        found.append("no request was sent, so nothing was proven")
    if numbers.lost:
        reasons = ", ".join(f"{count} × {problem}" for problem, count in numbers.problems)
        when = f"; the first {_when((numbers.first_lost or 0.0) - result.began)}"
        found.append(f"{numbers.lost} of {numbers.sent} requests were lost: {reasons}{when}")
    if result.recovered is None:
        found.append(f"it did not recover within {result.within:g} s")
    elif result.recovered > result.within:
        found.append(f"it recovered after {result.recovered:.1f} s, not within {result.within:g} s")
    if result.behind > BEHIND:
        found.append(f"this machine was {result.behind:.1f} s behind with sending: lower the rate")
    return tuple(found)


def _when(seconds: float) -> str:
    return f"{seconds:.1f} s after it began" if seconds >= 0 else f"{-seconds:.1f} s before it began"
