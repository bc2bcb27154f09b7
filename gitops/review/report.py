"""The review as one Markdown text that fits into a comment, and whether the rendered files are fresh.

Only where they are what base and overlays say is their difference the whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gitops import environments
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.review.changes import Change
from gitops.review.prices import Costs
from gitops.taskdefs import tree
from gitops.text import COMMENT_BUDGET, code, fence, fit, fold, plain

# The shares of the two lists of one line each, so that neither can push the other out.
RISKS_BUDGET = 12_000
LEFT_OUT_BUDGET = 4_000
NO_COSTS = Costs()


def report(
    changes: Sequence[Change],
    base: str,
    head: str,
    run_url: str = "",
    budget: int = COMMENT_BUDGET,
    *,
    warning: str = "",
    costs: Costs = NO_COSTS,
) -> str:
    """The review of some changes, at most ``budget`` characters (and never less than the summary needs).

    The same changes give the same bytes. ``base`` and ``head`` name the two
    states; ``run_url`` is where the whole of it stands. A ``warning`` that the
    files are not what they should be is the first line, and nothing below
    it says that nothing changes.
    """
    top = [warning, _verdict(changes, warning), *_risks(changes), "\n".join(f"- {line}" for line in costs.lines)]
    link = f" · [the run]({run_url})" if run_url.startswith("https://") else ""
    bottom = [costs.at_rest, f"From {code(base)} to {code(head)}{link}"]
    top, bottom = ([text for text in texts if text] for texts in (top, bottom))
    folds = [_detail(change) for change in changes]
    room = budget - _size([*top, *bottom]) - LEFT_OUT_BUDGET
    shown: list[str] = []
    left_out: list[str] = []
    for change, text in zip(changes, folds, strict=True):
        if _size([text]) <= room:
            shown.append(text)
            room -= _size([text])
        else:
            left_out.append(change.subject)
    return "\n\n".join([*top, *shown, *_left_out(left_out, run_url), *bottom]) + "\n"


def _verdict(changes: Sequence[Change], warning: str) -> str:
    if not changes and warning:
        return "The files that are there do not differ from the base: that says nothing yet."
    if not changes:
        return "**No changes** in rendered task definitions and environments."
    kinds = [change.kind for change in changes]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "changed", "removed"))
    risks = len({risk for change in changes for risk in change.risks})
    said = "no risk found" if not risks else "1 risk to look at" if risks == 1 else f"{risks} risks to look at"
    return f"**Rendered task definitions and environments: {counts}; {said}.**"


def _risks(changes: Sequence[Change]) -> list[str]:
    # A change of the base meets every environment: one line for all of them. What is first in one is before what is
    # second in another, for each has its worst first.
    met: dict[str, list[str]] = {}
    for rank, number in sorted((rank, number) for number, one in enumerate(changes) for rank in range(len(one.risks))):
        met.setdefault(changes[number].risks[rank], []).append(plain(changes[number].subject))
    shown = _fitting([f"- **{', '.join(subjects)}**: {risk}" for risk, subjects in met.items()], RISKS_BUDGET, " risks")
    return ["\n".join(shown)] if shown else []


def _fitting(lines: list[str], budget: int, what: str = "") -> list[str]:
    shown = fit(lines, budget)
    return shown if len(shown) == len(lines) else [*shown, f"- … and {len(lines) - len(shown)} more{what}"]


def _detail(change: Change) -> str:
    added = sum(line.startswith("+") for line in change.diff[2:])
    removed = sum(line.startswith("-") for line in change.diff[2:])
    return fold(f"{change.subject}: {change.kind} (+{added} −{removed})", fence(change.diff, "diff"))


def _left_out(subjects: list[str], run_url: str) -> list[str]:
    if not subjects:
        return []
    where = "in the summary of the run linked below" if run_url else "in what gitops diff --budget 1000000 prints"
    shown = _fitting([f"- {plain(subject)}" for subject in subjects], LEFT_OUT_BUDGET - 500)
    return [f"Too long for a comment; the detail of these stands {where}:\n\n" + "\n".join(shown)]


def _size(texts: list[str]) -> int:
    # Two for the empty line that joins a text to the next.
    return sum(len(text) + 2 for text in texts)


# So many are named; the rest is counted.
NAMED = 6


class Freshness(NamedTuple):
    """Rendered files that are stale, missing or left over, or why nothing could be rendered."""

    stale: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What a reviewer has to know first, as Markdown; empty when all is fresh."""
        if self.problems:
            more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
            return (
                f"**Does not render**: {plain(self.problems[0])}{more}. "
                "`gitops render` lists it all; below stand the files as they were rendered before."
            )
        if self.stale:
            named = [code(path) for path in self.stale[:NAMED]]
            more = f" and {len(self.stale) - NAMED} more" if len(self.stale) > NAMED else ""
            return (
                f"**Stale**: {', '.join(named)}{more} — run `gitops render`. "
                "Base, overlay or environment say something else than what stands there and below."
            )
        return ""


def freshness(checkout: Checkout) -> Freshness:
    """Render everything of a checkout in memory and compare."""
    try:
        texts = tree.expected(checkout, tree.services(checkout), environments.load_all(checkout))
    except GitopsError as error:
        return Freshness(problems=(error.problem, *error.others))
    changed = [path for path, text in texts.items() if not _holds(checkout.root / path, text)]
    return Freshness(stale=tuple(path.as_posix() for path in sorted([*changed, *tree.orphans(checkout, [], texts)])))


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False
