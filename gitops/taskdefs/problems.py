"""What is wrong with a task definition, and where: collected, so that all of it is reported at once."""

from __future__ import annotations

from typing import NamedTuple

from gitops.taskdefs.paths import Place, spell


class Problem(NamedTuple):
    """One mistake and its place."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{spell(self.place)}: {self.message}"
