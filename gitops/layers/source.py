"""Where a service's files are read from: the work tree, or a commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitops import git


class Source(Protocol):
    """Files by their path from the repository's root, with forward slashes."""

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""

    def python_files(self, folder: str) -> list[str]:
        """The paths of all Python files below a folder, sorted."""


@dataclass(frozen=True)
class WorkTree:
    """The files as they lie on disk."""

    root: Path

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""
        file = self.root / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    def python_files(self, folder: str) -> list[str]:
        """The paths of all Python files below a folder, sorted."""
        return sorted(path.relative_to(self.root).as_posix() for path in (self.root / folder).rglob("*.py"))


@dataclass(frozen=True)
class Commit:
    """The files as a commit has them; the clone holds the commit."""

    root: Path
    commit: str

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""
        try:
            return git.run(self.root, "cat-file", "blob", f"{self.commit}:{path}")
        except git.GitError:
            return None

    def python_files(self, folder: str) -> list[str]:
        """The paths of all Python files below a folder, sorted."""
        return [path for path in git.files(self.root, self.commit, folder) if path.endswith(".py")]
