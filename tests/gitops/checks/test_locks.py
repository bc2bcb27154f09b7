from __future__ import annotations

from pathlib import Path

import pytest

from gitops.checks import locks

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
