"""End a rehearsal: nothing of it stays running, and nothing stays outside the clone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from gitops.errors import GitopsError
from rehearsal import daemons, state

# Kept: a base image and packages that took a minute to make, and the logs that say what happened.
KEPT = {"cache", "logs", "lock"}


def stop(root: Path, say: Callable[[str], None]) -> None:
    """End the clone's rehearsal and say what was ended."""
    with state.locked(root):
        ended = end_all(root)
    say(f"stopped: {', '.join(ended)}" if ended else "no rehearsal was running in this clone")


def end_all(root: Path) -> list[str]:
    """End the emulator (which ends its tasks), the stand-in, and whatever else carries this clone's mark.

    A damaged state file is no obstacle: the mark alone finds every process.
    """
    ended = []
    try:
        running = state.load(root)
    except GitopsError:
        running = None
    for name, daemon in (running.daemons if running else {}).items():
        process = daemons.find(daemon)
        if process is not None:
            # The emulator gives each task its stopTimeout (30 s) before it goes itself.
            daemons.end(process, seconds=45)
            ended.append(name)
    for process in daemons.marked(root):
        daemons.end(process, seconds=5)
        ended.append(f"pid {process.pid}")
    ended += remove_containers(root)
    clear(root)
    return ended


def clear(root: Path) -> None:
    """Remove the state of a rehearsal that no longer runs, and keep what is worth keeping."""
    for path in (root / state.FOLDER).iterdir():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_containers(root: Path) -> list[str]:
    """Remove this rehearsal's containers and images where an engine answers; what was removed."""
    from rehearsal.runtimes import containers

    return containers.remove_all(root / state.FOLDER)
