"""A service's first commit: its deploy and the apply that makes its stack start from the same push."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitops.rollout.verify.failures import Failure
from gitops.stacks import waiting
from gitops.stacks.waiting import Clock


def wait_helps(failures: Sequence[Failure]) -> bool:
    """Whether there are failures, and all of them may go away by themselves."""
    return bool(failures) and all(failure.coming for failure in failures)


def waited(
    look: Callable[[], tuple[str, list[Failure]]],
    stack: str,
    patience: float,
    clock: Clock,
    say: Callable[[str], None],
) -> tuple[str, list[Failure]]:
    """What ``look`` finds, once more than ``stack`` (in words) is missing or nothing is; the last after ``patience`` s.

    With a patience of 0 it looks once.
    """
    last = look()
    if not patience or not wait_helps(last[1]):
        return last

    def settled() -> tuple[str, list[Failure]] | None:
        nonlocal last
        last = look()
        return None if wait_helps(last[1]) else last

    waiting.until(settled, stack, patience, clock, say)
    return last
