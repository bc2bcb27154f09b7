"""The small actions that hand files from job to job, run as their steps run them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rehearsal.runner.replacements import FOLDER
from tests.rehearsal.runner.test_actions import run


def upload(place: Path, name: str, source: str, **variables: str) -> tuple[int, str]:
    given = {"NAME": name, "FROM": source, "IF_NONE": "error", "DAYS": "7"} | variables
    script = str(FOLDER / "upload-artifact/upload.py")
    return run([sys.executable, script], place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


def download(place: Path, **variables: str) -> tuple[int, str]:
    given = {"NAME": "", "PATTERN": "", "TO": "taken", "MERGE": "false"} | variables
    script = str(FOLDER / "download-artifact/download.py")
    return run([sys.executable, script], place, REHEARSAL_ARTIFACTS=str(place / "store"), **given)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file kept as review-a, a folder as review-b, and one more of another name."""
    (tmp_path / "folder").mkdir()
    for path in ("a.md", "folder/b.md", "c.md"):
        (tmp_path / path).write_text(path)
    for name, source in (("review-a", "a.md"), ("review-b", "folder"), ("other", "c.md")):
        assert upload(tmp_path, name, source)[0] == 0
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({"PATTERN": "review-*", "MERGE": "true"}, {"a.md", "b.md"}),
        ({"PATTERN": "review-*"}, {"review-a/a.md", "review-b/b.md"}),
        ({"NAME": "other"}, {"c.md"}),
        ({}, {"review-a/a.md", "review-b/b.md", "other/c.md"}),
        ({"PATTERN": "nothing-*"}, set()),
    ],
    ids=["merged", "apart", "by name", "all", "none fits"],
)
def test_what_was_kept_is_brought(kept: Path, asked: dict[str, str], taken: set[str]) -> None:
    code, said = download(kept, **asked)
    assert code == 0, said
    found = kept / "taken"
    assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == taken


def test_what_nobody_kept_is_an_error(kept: Path) -> None:
    code, said = download(kept, NAME="plan")
    assert code == 1
    assert "no artifact plan in this run (there are: other, review-a, review-b)" in said


@pytest.mark.parametrize(
    ("name", "source", "variables", "said"),
    [
        ("review-a", "a.md", {}, "has an artifact review-a already"),
        ("a/b", "a.md", {}, "cannot be called"),
        ("new", "nowhere", {}, "no files were found at nowhere"),
        ("new", "a.md", {"IF_NONE": "perhaps"}, "if-no-files-found: perhaps"),
        ("new", "a.md", {"DAYS": "a week"}, "retention-days: a week"),
    ],
)
def test_what_cannot_be_kept_is_an_error(
    kept: Path, name: str, source: str, variables: dict[str, str], said: str
) -> None:
    code, output = upload(kept, name, source, **variables)
    assert code == 1
    assert said in output


def test_nothing_to_keep_is_a_warning_where_it_may_be(kept: Path) -> None:
    code, said = upload(kept, "new", "nowhere", IF_NONE="warn")
    assert (code, "::warning::no files were found" in said) == (0, True)
    assert not (kept / "store/new").exists()
