"""What the checks read of the repository's files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops.checks import files, locks
from gitops.checks.files import NothingToCheckError
from gitops.repository import Checkout
from tests.gitops.conftest import write


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    texts = {
        ".gitignore": "ignored\n",
        "services/weather/Dockerfile": "FROM scratch\n",
        "services/Dockerfile": "FROM scratch\n",
        "run": "#!/usr/bin/env bash\n",
        "script.py": "#!/usr/bin/env python3\n",
        "other.sh": "echo\n",
        "ignored": "#!/bin/sh\n",
        "picture": "PNG\0",
    }
    for path, text in texts.items():
        write(tmp_path / path, text)
    subprocess.run(["git", "-C", str(tmp_path), "add", "run", "other.sh"], check=True)
    return tmp_path


def test_files_are_seen_before_they_are_committed_and_ignored_and_deleted_ones_are_not(clone: Path) -> None:
    (clone / "run").unlink()
    seen = [".gitignore", "other.sh", "picture", "script.py", "services/Dockerfile", "services/weather/Dockerfile"]
    assert [path.as_posix() for path in files.repository_files(Checkout(clone))] == seen


def test_shell_scripts_are_found_by_their_first_line(clone: Path) -> None:
    assert files.shell_scripts(Checkout(clone)) == [Path("other.sh"), Path("run")]


def test_a_glob_matches_at_its_depth_alone_and_globs_that_all_match_nothing_leave_nothing(clone: Path) -> None:
    assert files.matching(Checkout(clone), "services/*/Dockerfile") == [Path("services/weather/Dockerfile")]
    assert files.matching(Checkout(clone), "run", "nowhere/*") == [Path("run")]
    with pytest.raises(NothingToCheckError, match=r"no file matches here/\* or nowhere/\*"):
        files.matching(Checkout(clone), "here/*", "nowhere/*")


def test_binary_files_have_no_text(clone: Path) -> None:
    assert "picture" not in files.texts(Checkout(clone))
    assert files.texts(Checkout(clone))["other.sh"] == "echo\n"


HASH = "--hash=sha256:" + "a" * 64


def test_an_exact_lock_has_no_problem() -> None:
    text = f"""\
# made by make lock
flask==3.1.2 \\
    {HASH} \\
    {HASH}
    # via weather
uv[x]==0.9 ; python_version > '3' {HASH}
"""
    assert locks.problems("requirements/dev.txt", text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("flask==3.1.2\n", "no sha256 hash: flask==3.1.2"),
        (f"flask>=3 {HASH}\n", "not pinned with ==: flask>=3"),
        (f"flask==3.* {HASH}\n", "not pinned with ==: flask==3.*"),
        (f"flask @ https://example.com/flask.whl {HASH}\n", "not pinned with =="),
        ("flask==3.1.2 --hash=sha256:abc\n", "no sha256 hash"),
        ("flask==3.1.2 --hash=md5:" + "a" * 32 + "\n", "no sha256 hash"),
        (f"--index-url https://example.com\nflask==3.1.2 {HASH}\n", "option not allowed in a lock: --index-url"),
        (f"--extra-index-url=https://u:p@example.com\nflask==3.1.2 {HASH}\n", "--extra-index-url"),
        (f"-e .\nflask==3.1.2 {HASH}\n", "option not allowed in a lock: -e"),
        ("# nothing\n", "holds no requirement"),
    ],
)
def test_what_is_not_exact_is_named(text: str, problem: str) -> None:
    found = locks.problems("r.txt", text)
    assert len(found) == 1
    assert problem in found[0]
    assert "u:p" not in found[0]


def test_a_source_that_nobody_compiled_is_named() -> None:
    sources = [Path("requirements/dev.in"), Path("requirements/new.in")]
    assert locks.without_lock(sources, [Path("requirements/dev.txt")]) == [
        "requirements/new.in: has no new.txt beside it"
    ]
