"""The review as one Markdown text that fits into a comment: verdict, risks, folded detail, footer."""

from __future__ import annotations

from collections.abc import Sequence

from gitops.review.changes import Change
from gitops.review.costs import Costs
from gitops.review.markdown import COMMENT_BUDGET, code, fence, fold, plain

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
    """The review of some changes, at most ``budget`` bytes of UTF-8 (and never less than the summary needs).

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
    # A change of the base meets every environment: one line for all of them.
    met: dict[str, list[str]] = {}
    for change in changes:
        for risk in change.risks:
            met.setdefault(risk, []).append(plain(change.subject))
    lines = [f"- **{', '.join(subjects)}**: {risk}" for risk, subjects in met.items()]
    shown = _cut(lines, RISKS_BUDGET)
    if len(shown) < len(lines):
        shown.append(f"- … and {len(lines) - len(shown)} more risks")
    return ["\n".join(shown)] if shown else []


def _detail(change: Change) -> str:
    added = sum(line.startswith("+") for line in change.diff[2:])
    removed = sum(line.startswith("-") for line in change.diff[2:])
    return fold(f"{change.subject}: {change.kind} (+{added} −{removed})", fence(change.diff, "diff"))


def _left_out(subjects: list[str], run_url: str) -> list[str]:
    if not subjects:
        return []
    where = "in the summary of the run linked below" if run_url else "in what gitops diff --budget 1000000 prints"
    lines = [f"- {plain(subject)}" for subject in subjects]
    shown = _cut(lines, LEFT_OUT_BUDGET - 500)
    if len(shown) < len(lines):
        shown.append(f"- … and {len(lines) - len(shown)} more")
    return [f"Too long for a comment; the detail of these stands {where}:\n\n" + "\n".join(shown)]


def _cut(lines: list[str], budget: int) -> list[str]:
    """The first lines that fit, whole."""
    shown: list[str] = []
    for line in lines:
        budget -= _size([line])
        if budget < 0:
            break
        shown.append(line)
    return shown


def _size(texts: list[str]) -> int:
    # Two for the empty line that joins a text to the next.
    return sum(len(text.encode()) + 2 for text in texts)
