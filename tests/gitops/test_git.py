"""What git is asked, on a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import git
from gitops.errors import GitopsError
from tests.gitops.conftest import commit, write


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    write(tmp_path / "a.txt", "one")
    commit(tmp_path, "the first\n\nwith a body")
    return tmp_path


def test_a_commit_by_every_name(clone: Path) -> None:
    full = git.commit(clone, "HEAD")
    assert len(full) == 40
    assert git.commit(clone, "main") == git.commit(clone, full[:10]) == full
    assert git.subject(clone, full) == "the first"


@pytest.mark.parametrize("revision", ["nowhere", "", "--all", "HEAD:a.txt", "0" * 40])
def test_what_is_no_commit(clone: Path, revision: str) -> None:
    with pytest.raises(GitopsError, match="is not a commit of this repository"):
        git.commit(clone, revision)


def test_the_work_tree_is_clean_or_named(clone: Path) -> None:
    assert git.dirty(clone) == []
    write(clone / "a.txt", "two")
    write(clone / "ü b.txt", "new")
    assert git.dirty(clone) == ["a.txt", "ü b.txt"]


def test_files_and_their_text_at_a_commit(clone: Path) -> None:
    first = git.commit(clone, "HEAD")
    write(clone / "folder/ü b.txt", "new")
    write(clone / "a.txt", "two")
    second = commit(clone)
    assert git.files(clone, first, "folder") == []
    assert git.files(clone, second, "folder") == ["folder/ü b.txt"]
    assert (git.file(clone, first, "a.txt"), git.file(clone, second, "a.txt")) == ("one", "two")
    assert git.fork_point(clone, first, second) == first


def test_git_itself_is_asked_for_its_last_line(clone: Path) -> None:
    with pytest.raises(GitopsError, match=r"git show failed: fatal: .*missing\.txt"):
        git.file(clone, "HEAD", "missing.txt")


def test_no_git_on_this_machine(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitopsError, match="git is not on PATH"):
        git.commit(clone, "HEAD")
