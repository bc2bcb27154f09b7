"""What a verification found: each failure with its fix, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitops.errors import GitopsError


@dataclass(frozen=True)
class Failure:
    """One thing that is missing or does not fit; ``coming`` where an apply may be making it at this moment."""

    problem: str
    fix: str
    coming: bool = False


def require(failures: Sequence[Failure], what: str) -> None:
    """Raise GitopsError with every failure on a line of its own, when there is one."""
    if not failures:
        return
    if len(failures) == 1:
        raise GitopsError(f"{what}: {failures[0].problem}", fix=failures[0].fix)
    lines = tuple(f"  {failure.problem} → {failure.fix}" for failure in failures)
    raise GitopsError(f"{what}: {len(failures)} things are missing or do not fit", others=lines)
