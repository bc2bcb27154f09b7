"""README.md names every folder at the top, docs/architecture.md every folder of code, and neither one that is not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import PurePosixPath

import pytest

from tests.conftest import ROOT

# The first column of a table: one folder, or several with commas.
ROW = re.compile(r"^\| ((?:`[^`]+/`(?:, )?)+) \|", re.MULTILINE)


def tracked(*patterns: str) -> list[PurePosixPath]:
    """The files of the repository, those that are new included."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    return [PurePosixPath(name) for name in listed.split("\0") if name and (ROOT / name).exists()]


def at_the_top(files: Iterable[PurePosixPath]) -> set[str]:
    return {f"{path.parts[0]}/" for path in files if len(path.parts) > 1}


def of_code(files: Iterable[PurePosixPath]) -> set[str]:
    return {f"{path.parent}/" for path in files}


def named(document: str) -> set[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return {path for row in ROW.findall(text) for path in re.findall(r"`([^`]+/)`", row)}


@pytest.mark.parametrize(
    ("document", "there"),
    [
        ("README.md", at_the_top(tracked())),
        ("docs/architecture.md", of_code(tracked("gitops/*.py", "rehearsal/*.py"))),
    ],
)
def test_a_map_is_the_tree(document: str, there: set[str]) -> None:
    on_the_map = named(document)
    assert there - on_the_map == set(), f"{document} does not name these"
    assert {name for name in on_the_map if not (ROOT / name).is_dir()} == set(), f"{document} names these in vain"
