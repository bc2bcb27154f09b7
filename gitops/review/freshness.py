"""Whether the rendered files are what base and overlays say: only then is their difference the whole one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gitops import environments
from gitops.errors import GitopsError
from gitops.review.markdown import code, plain
from gitops.taskdefs import tree

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


def freshness(root: Path) -> Freshness:
    """Render everything below a root in memory and compare."""
    try:
        texts = tree.expected(root, tree.services(root), environments.load_all(root))
    except GitopsError as error:
        return Freshness(problems=(error.problem, *error.others))
    return Freshness(stale=tuple(_stale(root, texts)))


def _stale(root: Path, texts: dict[Path, str]) -> Sequence[str]:
    orphans = tree.orphans(root, [], texts)
    changed = [path for path, text in texts.items() if not _holds(root / path, text)]
    return [path.as_posix() for path in sorted([*changed, *orphans])]


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False
