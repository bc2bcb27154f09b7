from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops.checks import files
from gitops.errors import GitopsError


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "services" / "weather").mkdir(parents=True)
    (tmp_path / "services" / "weather" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "services" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "run").write_text("#!/usr/bin/env bash\n")
    (tmp_path / "script.py").write_text("#!/usr/bin/env python3\n")
    (tmp_path / "other.sh").write_text("echo\n")
    (tmp_path / "ignored").write_text("#!/bin/sh\n")
    (tmp_path / "picture").write_bytes(b"\x89PNG\0")
    subprocess.run(["git", "-C", str(tmp_path), "add", "run", "other.sh"], check=True)
    return tmp_path


def test_new_files_are_seen_before_they_are_committed_and_ignored_ones_are_not(clone: Path) -> None:
    names = [path.as_posix() for path in files.repository_files(clone)]
    assert "run" in names
    assert "script.py" in names
    assert "ignored" not in names


def test_a_deleted_file_is_left_out(clone: Path) -> None:
    (clone / "run").unlink()
    assert Path("run") not in files.repository_files(clone)


def test_shell_scripts_are_found_by_their_first_line(clone: Path) -> None:
    assert files.shell_scripts(clone) == [Path("other.sh"), Path("run")]


def test_a_glob_matches_at_its_depth_alone(clone: Path) -> None:
    assert files.matching(clone, "services/*/Dockerfile") == [Path("services/weather/Dockerfile")]


def test_a_glob_that_matches_nothing_checks_nothing_and_fails(clone: Path) -> None:
    with pytest.raises(GitopsError, match=r"no file matches nowhere/\*"):
        files.matching(clone, "run", "nowhere/*")


def test_binary_files_have_no_text(clone: Path) -> None:
    assert "picture" not in files.texts(clone)
    assert files.texts(clone)["other.sh"] == "echo\n"
