"""A copy of what a new service is made from and put into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT

PARTS = (
    "infra",
    "taskdefs",
    "services",
    "pyproject.toml",
    "tests/conftest.py",
    "tests/services/conftest.py",
)


def copy(into: Path) -> Path:
    """Copy this repository's parts into a folder."""
    for part in PARTS:
        source, target = ROOT / part, into / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return into


def everything(root: Path) -> dict[str, bytes]:
    """Every file's content by its path, hidden ones too; an empty folder counts."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this repository's parts; the test stands in it."""
    monkeypatch.chdir(copy(tmp_path))
    return tmp_path
