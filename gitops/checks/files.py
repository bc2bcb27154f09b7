"""Which files the checks look at: what git tracks, and what it would track next."""

from __future__ import annotations

import re
from pathlib import Path

from gitops import git
from gitops.errors import GitopsError

SHELL_SHEBANG = re.compile(rb"#!\s*\S*[/ ](?:ba|da|k)?sh\b")


def repository_files(root: Path) -> list[Path]:
    """Every file of the repository relative to ``root``, new ones that git does not ignore included."""
    listing = git.run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    # A file that was deleted and not committed yet is still listed; a linked one is seen at its target.
    paths = (Path(name) for name in listing.split("\0") if name)
    return sorted({path for path in paths if (root / path).is_file() and not (root / path).is_symlink()})


def matching(root: Path, *patterns: str) -> list[Path]:
    """Repository files that match a glob; GitopsError when a glob matches none, for then it checks nothing."""
    files = repository_files(root)
    found: list[Path] = []
    for pattern in patterns:
        # Path.match reads a relative pattern from the right, so the number of parts is compared as well.
        depth = len(Path(pattern).parts)
        matches = [path for path in files if len(path.parts) == depth and path.match(pattern)]
        if not matches:
            raise GitopsError(f"no file matches {pattern}", fix="restore it, or correct gitops/checks/catalogue.py")
        found += matches
    return found


def shell_scripts(root: Path) -> list[Path]:
    """Repository files whose first line names a shell, or whose name ends in .sh."""
    return [path for path in repository_files(root) if path.suffix == ".sh" or _runs_in_shell(root / path)]


def texts(root: Path) -> dict[str, str]:
    """The text of every repository file by its path; binary ones (with a NUL byte) left out."""
    found: dict[str, str] = {}
    for path in repository_files(root):
        content = (root / path).read_bytes()
        if b"\0" not in content:
            found[path.as_posix()] = content.decode("utf-8", errors="replace")
    return found


def _runs_in_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return SHELL_SHEBANG.match(file.readline(200)) is not None
