"""What git says of this clone: commits, their files, and whether the work tree is dirty."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitops.errors import GitopsError


class GitError(GitopsError):
    """A git command that ran and ended with an error."""


def run(root: Path, *words: str) -> str:
    """Standard output of one git command; GitopsError with git's own last line when it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except FileNotFoundError:
        raise GitopsError("git is not on PATH", fix="install git") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise GitError(f"git {words[0]} failed: {last}")
    return done.stdout


def commit(root: Path, revision: str) -> str:
    """The full id of the commit that ``revision`` names; GitopsError when git knows none."""
    try:
        return run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except GitError:
        raise GitopsError(
            f"{revision} is not a commit of this repository", fix="commit or fetch it, or check the spelling"
        ) from None


def dirty(root: Path) -> list[str]:
    """Paths that differ from HEAD, untracked ones included."""
    return [entry[3:] for entry in run(root, "status", "--porcelain", "-z", "--no-renames").split("\0") if entry]


def subject(root: Path, revision: str) -> str:
    """The first line of a commit's message."""
    return run(root, "log", "-1", "--format=%s", revision).strip()


def files(root: Path, revision: str, *folders: str) -> list[str]:
    """The paths of all files of a commit below some folders, sorted by git."""
    listed = run(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, "--", *folders)
    return [path for path in listed.split("\0") if path]


def file(root: Path, revision: str, path: str) -> str:
    """The text of a file at a commit."""
    return run(root, "show", f"{revision}:{path}")


def fork_point(root: Path, one: str, other: str) -> str:
    """The newest commit that two commits share; GitopsError when this clone does not hold one."""
    try:
        return run(root, "merge-base", one, other).strip()
    except GitError:
        raise GitopsError(
            f"{one} and {other} share no commit in this clone", fix="fetch the whole history (git fetch --unshallow)"
        ) from None
