"""What is to be released: one commit of a service, into one environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitops.environments import Environment


@dataclass(frozen=True)
class Release:
    """A commit and how it is taken.

    ``digest`` is the image's where the caller was handed one, else empty.
    ``allow_older`` lets it replace a newer commit. ``rolled_back_from`` names
    the revision that a rollback leaves: the commit has served here before, so
    that its files are not compared again.
    """

    root: Path
    environment: Environment
    service: str
    commit: str
    digest: str = ""
    allow_older: bool = False
    rolled_back_from: str = ""
