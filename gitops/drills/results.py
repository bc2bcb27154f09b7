"""What drills came to: whether each was held, from its numbers alone, for a terminal and for a job summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitops.drills.load import SLOW, UNANSWERED, Tally
from gitops.text import hide, plain, table

# Seconds that the load may fall behind its own schedule before its numbers say nothing.
BEHIND = 1.0
COLUMNS = ("drill", "sent:", "lost:", "slow:", "p50:", "p99:", "recovered:", "result", "what was done")


@dataclass(frozen=True)
class Result:
    """One drill: its numbers, the seconds until the service was whole again, and what it noticed itself.

    ``recovered`` is None when it was not seen to recover; ``within`` is how long it
    may take; ``behind`` how late (at most) the load was; ``may_lose`` that it is an outage.
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
    may_lose: bool = False


def failures(result: Result) -> tuple[str, ...]:
    """Everything for which the drill counts as failed; nothing for one that was skipped."""
    if result.skipped:
        return ()
    found = list(result.problems)
    numbers = result.tally
    if numbers.sent == 0:
        found.append("no request was sent, so nothing was proven")
    if numbers.lost and not result.may_lose:
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


def legend(rate: int, where: str) -> str:
    """What the columns mean."""
    return (
        f"{rate} requests a second to {where}, each timed from when it was due. "
        f"Lost: no answer below status 400 in {UNANSWERED:g} s. Slow: over {SLOW:g} s."
    )


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """A row of COLUMNS for each drill."""
    found: list[tuple[str, ...]] = []
    for one in results:
        if one.skipped:
            found.append((one.kind, "", "", "", "", "", "", "not applicable", one.skipped))
            continue
        numbers = one.tally
        recovered = "not" if one.recovered is None else f"{one.recovered:.1f} s"
        found.append(
            (
                one.kind,
                f"{numbers.sent:,}",
                f"{numbers.lost:,}",
                f"{numbers.slow:,}",
                f"{numbers.p50 * 1000:.1f} ms",
                f"{numbers.p99 * 1000:.0f} ms",
                recovered,
                "failed" if failures(one) else "held",
                one.said,
            )
        )
    return found


def text(results: Sequence[Result]) -> str:
    """An aligned table, numbers to the right."""
    lines = []
    named = [tuple(name.rstrip(":") for name in COLUMNS), *rows(results)]
    widths = [max(map(len, column)) for column in zip(*named, strict=True)]
    sides = [">" if name.endswith(":") else "<" for name in COLUMNS]
    for row in named:
        cells = (f"{value:{side}{width}}" for value, side, width in zip(row, sides, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "─" * max(len(line) for line in lines))
    return hide("\n".join(lines))


def verdict(results: Sequence[Result]) -> str:
    """How many of the drills were held, and what they lost."""
    drilled = [one for one in results if not one.skipped]
    held = sum(not failures(one) for one in drilled)
    lost = sum(one.tally.lost for one in drilled)
    words = [f"{held} of {len(drilled)} held", f"{lost:,} {'request' if lost == 1 else 'requests'} lost"]
    if skipped := len(results) - len(drilled):
        words.append(f"{skipped} not applicable")
    return ", ".join(words)


def markdown(title: str, legend_line: str, results: Sequence[Result]) -> str:
    """The same as a section of a job summary: verdict first, with why each failed drill failed."""
    lines = [f"### {title}: {verdict(results)}", "", plain(legend_line), ""]
    lines += table(COLUMNS, [[plain(value) for value in row] for row in rows(results)])
    found = [f"- {one.kind}: {plain(problem)}" for one in results for problem in failures(one)]
    return "\n".join([*lines, *(["", *found] if found else [])])
