"""The services of the repository. Only the standard library: a job may ask before anything is installed."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("services")


def names(root: Path) -> list[str]:
    """The services, sorted: each folder in services/ that has a Dockerfile."""
    return sorted(path.parent.name for path in (root / FOLDER).glob("*/Dockerfile"))
