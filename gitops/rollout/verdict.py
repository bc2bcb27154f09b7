"""How a deployment ended: six ways, each with an exit code of its own."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The end of a deployment, as a person says it."""

    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    TIMED_OUT = "timed out"
    UNPROVEN = "unproven"

    @property
    def exit_code(self) -> int:
        """What the process ends with; 1, 2 and 130 are taken by errors, usage and Ctrl-C."""
        return _EXIT_CODES[self]

    @property
    def meaning(self) -> str:
        """What is true of the service after this verdict."""
        return _MEANINGS[self]


_EXIT_CODES = {
    Verdict.SUCCEEDED: 0,
    Verdict.ROLLED_BACK: 20,
    Verdict.FAILED: 21,
    Verdict.SUPERSEDED: 22,
    Verdict.TIMED_OUT: 23,
    Verdict.UNPROVEN: 24,
}
_MEANINGS = {
    Verdict.SUCCEEDED: "the new revision serves",
    Verdict.ROLLED_BACK: "the revision before it serves again",
    Verdict.FAILED: "the new revision does not serve, and nothing was put back",
    Verdict.SUPERSEDED: "a newer deployment replaced this one",
    Verdict.TIMED_OUT: "the deployment still goes on in ECS",
    Verdict.UNPROVEN: "the service wants no tasks, so nothing was tried",
}
