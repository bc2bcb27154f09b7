"""What a comparison with git found, as plain data, and which of it is drift."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from gitops.review.masking import REFERENCES, SECRET_NAME, SECRET_VALUE, STRUCTURES
from gitops.rollout.masking import MASK, mask

# drift: what runs is not what git says. unproven: it could not be compared. note: as it may be, and worth knowing.
Level = Literal["drift", "unproven", "note"]

NONE = 0
FOUND = 32
UNPROVEN = 33

_LONGEST = 200
_STEP = re.compile(r"[/.\[\]]")


class Finding(msgspec.Struct, frozen=True):
    """One difference, with the value in git, the one that runs, and the next step ("" where there is none)."""

    level: Level
    what: str
    expected: str = ""
    actual: str = ""
    next: str = ""


class Compared(msgspec.Struct, frozen=True):
    """One stack or service. Of a stack, how many resources were compared, and how many of a type were not.

    ``about`` says of a service what serves, in words.
    """

    kind: Literal["stack", "service"]
    name: str
    findings: tuple[Finding, ...] = ()
    checked: int = 0
    not_checked: dict[str, int] = {}
    about: str = ""

    @property
    def level(self) -> Level | None:
        """The worst of its findings; None when there is none."""
        return worst(one.level for one in self.findings)


class Drift(msgspec.Struct, frozen=True):
    """One environment against one commit. These names are what ``gitops drift --json`` prints: only add to them."""

    environment: str
    commit: str
    compared: tuple[Compared, ...]

    @property
    def exit_code(self) -> int:
        """Drift that is known counts more than what could not be compared."""
        level = worst(one.level for one in self.compared)
        return {"drift": FOUND, "unproven": UNPROVEN}.get(level or "", NONE)


def worst(levels: Iterable[Level | None]) -> Level | None:
    """The one that counts most; None for none."""
    found = set(levels)
    order: tuple[Level, ...] = ("drift", "unproven", "note")
    return next((level for level in order if level in found), None)


def shown(path: str, value: object) -> str:
    """A value at a path, as one short line in which nothing looks like a secret any more."""
    text = "" if value is None else " ".join(str(value).split())
    steps = set(_STEP.split(path))
    # Under the references stands where a secret is, not what it is.
    named = not steps & REFERENCES and any(SECRET_NAME.search(step) for step in steps - STRUCTURES)
    if text and (named or SECRET_VALUE.search(text)):
        return MASK
    text = mask(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
