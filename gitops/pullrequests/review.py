"""The comment that a pull request's reviewers read: the diff, then what each environment's stacks would change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from gitops.review.markdown import COMMENT_BUDGET, plain

SUBJECT = "gitops-review"
DIFF = "diff"
# The marker, and a line for each part that does not fit or is missing.
FRAME = 2_000


def plan_of(environment: str) -> str:
    """The name of an environment's plan among the parts."""
    return f"plan-{environment}"


def wanted(environments: Iterable[str]) -> list[str]:
    """The names of all parts, in the order in which they are read."""
    return [DIFF, *map(plan_of, environments)]


def share(environments: int) -> int:
    """The characters of each part, so that all of them fit into one comment."""
    return (COMMENT_BUDGET - FRAME) // (1 + environments)


def write_part(folder: Path, name: str, text: str) -> None:
    """Leave one part where comment-review looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")


def read_parts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The parts that are there."""
    return {name: path.read_text(encoding="utf-8") for name in names if (path := folder / f"{name}.md").is_file()}


def compose(names: Iterable[str], parts: Mapping[str, str], run_url: str = "") -> str:
    """The text of the comment, of at most the characters that GitHub takes.

    A part that is missing is said: silence would read as "no changes". One
    that does not fit is left out whole and said too.
    """
    where = f"[the run]({run_url})" if run_url.startswith("https://") else "the run"
    room = COMMENT_BUDGET - FRAME
    said: list[str] = []
    for name in names:
        text = parts.get(name, "").strip()
        size = len(text) + 2
        if not text:
            said.append(f"**{plain(name)} is missing**: its job did not end well; see {where}.")
        elif size > room:
            said.append(f"**{plain(name)} is too long** for this comment; it stands in the summary of {where}.")
        else:
            said.append(text)
            room -= size
    return "\n\n".join(said)
