"""Which commits a deploy brought, or a rollback took back: those whose pull requests are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops import git
from gitops.errors import GitopsError
from gitops.rollout.age import is_ancestor

# Each is a call to GitHub; a deploy of more is told to the newest.
MOST = 50


@dataclass(frozen=True)
class Moved:
    """The commits between what served before and what was deployed, newest first, and in which direction."""

    commits: tuple[str, ...]
    taken_back: bool


def moved(root: Path, before: str, after: str, folders: Iterable[str]) -> Moved:
    """What lies between two commits and touches ``folders``, as the branch took it in; at least the newer commit.

    ``before`` is empty or unknown to this clone where nothing was live: then ``after`` stands alone.
    """
    after = git.commit(root, after)
    try:
        before = git.commit(root, before) if before else ""
    except GitopsError:
        before = ""
    if not before or before == after:
        return Moved((after,), taken_back=False)
    taken_back = bool(is_ancestor(root, after, before))
    old, new = (after, before) if taken_back else (before, after)
    words = ["rev-list", "--first-parent", f"--max-count={MOST}", f"{old}..{new}", "--", *folders]
    return Moved(tuple(git.run(root, *words).split()) or (new,), taken_back)
