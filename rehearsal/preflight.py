"""What must hold before anything starts: free disk, a commit to ship."""

from __future__ import annotations

import shutil
from pathlib import Path

from gitops import git
from gitops.errors import GitopsError

# Measured: the emulator's log and one unpacked image are far below; a base image built from Debian is not.
DISK_BYTES = {"processes": 500_000_000, "containers": 4_000_000_000}


def require_disk(root: Path, runtime: str) -> None:
    """GitopsError unless the clone's disk has room for the runtime's images."""
    free, needed = shutil.disk_usage(root).free, DISK_BYTES[runtime]
    if free < needed:
        raise GitopsError(
            f"{free / 1e9:.1f} GB are free on the disk of {root}; the rehearsal needs {needed / 1e9:.1f} GB",
            fix="free some space",
        )


def dirty_note(root: Path) -> str:
    """One line that says HEAD is shipped and not the changes, or nothing when there are none."""
    changed = git.dirty(root)
    if not changed:
        return ""
    shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
    return f"note: HEAD is shipped, not the {len(changed)} changed files of the work tree ({shown})"
