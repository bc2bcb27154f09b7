"""Which files the checks look at: what git tracks, and what it would track next."""

from __future__ import annotations

import re
from pathlib import Path

from gitops.errors import GitopsError
from gitops.repository import Checkout

SHELL_SHEBANG = re.compile(rb"#!\s*\S*[/ ](?:ba|da|k)?sh\b")


class NothingToCheckError(GitopsError):
    """The repository has nothing of what a check looks at."""


def repository_files(checkout: Checkout) -> list[Path]:
    """Every file of the repository below its top folder, new ones that git does not ignore included."""
    listing = checkout.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    # A file that was deleted and not committed yet is still listed; a linked one is seen at its target.
    paths = ((Path(name), checkout.root / name) for name in listing.split("\0") if name)
    return sorted({path for path, file in paths if file.is_file() and not file.is_symlink()})


def found(checkout: Checkout, *patterns: str) -> list[Path]:
    """Repository files that match one of some globs, in the order of these."""
    files = repository_files(checkout)
    # Path.match reads a relative pattern from the right, so the number of parts is compared as well.
    return [
        path
        for pattern in patterns
        for path in files
        if len(path.parts) == len(Path(pattern).parts) and path.match(pattern)
    ]


def matching(checkout: Checkout, *patterns: str) -> list[Path]:
    """As ``found``; NothingToCheckError when no file matches any of them."""
    files = found(checkout, *patterns)
    if not files:
        raise NothingToCheckError(f"no file matches {' or '.join(patterns)}")
    return files


def shell_scripts(checkout: Checkout) -> list[Path]:
    """Repository files whose first line names a shell, or whose name ends in .sh."""
    root = checkout.root
    return [path for path in repository_files(checkout) if path.suffix == ".sh" or _runs_in_shell(root / path)]


def texts(checkout: Checkout) -> dict[str, str]:
    """The text of every repository file by its path; binary ones (with a NUL byte) left out."""
    read: dict[str, str] = {}
    for path in repository_files(checkout):
        content = (checkout.root / path).read_bytes()
        if b"\0" not in content:
            read[path.as_posix()] = content.decode("utf-8", errors="replace")
    return read


def _runs_in_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return SHELL_SHEBANG.match(file.readline(200)) is not None
