"""How a scan ends, as exit codes that a workflow and a person can tell apart."""

from __future__ import annotations

from gitops.errors import GitopsError

NONE_FOUND = 0
FOUND = 30
UNPROVEN = 31


def unproven(problem: str) -> GitopsError:
    """The error for a scan that could not ask: it must never read as "none found"."""
    return GitopsError(
        f"not scanned: {problem}",
        fix="run it again when the database answers; this is no statement that there is none",
        exit_code=UNPROVEN,
    )
