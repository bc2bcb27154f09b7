"""The services of the repository. Only the standard library: a job may ask before anything is installed."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("services")
# What a deploy of a service is made of, a folder of its name in each: its image and its rendered task definition.
PARTS = (FOLDER.name, "taskdefs")


def names(root: Path) -> list[str]:
    """The services, sorted: each folder in services/ that has a Dockerfile."""
    return sorted(path.parent.name for path in (root / FOLDER).glob("*/Dockerfile"))


def folders(service: str) -> list[str]:
    """What a deploy of a service is made of, as paths below the root."""
    return [f"{part}/{service}" for part in PARTS]
