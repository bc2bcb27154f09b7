"""What drills came to, for a terminal and for a job summary."""

from __future__ import annotations

from collections.abc import Sequence

from gitops.drills.judge import Result, failures
from gitops.drills.tally import SLOW, UNANSWERED
from gitops.review.markdown import plain

COLUMNS = ("drill", "sent", "lost", "slow", "p50", "p99", "recovered", "result", "what was done")


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
    table = [COLUMNS, *rows(results)]
    widths = [max(len(row[column]) for row in table) for column in range(len(COLUMNS))]
    right = range(1, 7)
    lines = []
    for row in table:
        cells = [
            f"{value:>{width}}" if column in right else f"{value:<{width}}"
            for column, (value, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "─" * max(len(line) for line in lines))
    return "\n".join(lines)


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
    lines = [f"### {title}: {verdict(results)}", "", legend_line, "", f"| {' | '.join(COLUMNS)} |"]
    lines.append("|---|" + "---:|" * 6 + "---|---|")
    lines += [f"| {' | '.join(plain(value) for value in row)} |" for row in rows(results)]
    found = [f"- {one.kind}: {plain(problem)}" for one in results for problem in failures(one)]
    return "\n".join([*lines, *(["", *found] if found else [])])
