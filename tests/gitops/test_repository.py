"""What git is asked, on a real repository, and where what lies."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gitops import repository
from gitops.errors import GitopsError
from gitops.repository import Checkout
from tests.conftest import ROOT
from tests.gitops.conftest import commit, write


@pytest.fixture
def clone(tmp_path: Path) -> Checkout:
    write(tmp_path / "a.txt", "one")
    commit(tmp_path, "the first\n\nwith a body")
    return Checkout(tmp_path)


def test_a_commit_by_every_name(clone: Checkout) -> None:
    full = clone.commit("HEAD")
    assert len(full) == 40
    assert clone.commit("main") == clone.commit(full[:10]) == full
    assert clone.subject(full) == "the first"


@pytest.mark.parametrize("revision", ["nowhere", "", "--all", "HEAD:a.txt", "0" * 40])
def test_what_is_no_commit(clone: Checkout, revision: str) -> None:
    with pytest.raises(GitopsError, match="is not a commit of this repository"):
        clone.commit(revision)


def test_the_work_tree_is_clean_or_named(clone: Checkout) -> None:
    assert clone.dirty() == []
    write(clone.root / "a.txt", "two")
    write(clone.root / "ü b.txt", "new")
    assert clone.dirty() == ["a.txt", "ü b.txt"]


def test_the_files_of_commits_and_of_the_work_tree(clone: Checkout) -> None:
    first = clone.at(clone.commit("HEAD"))
    write(clone.root / "folder/ü b.txt", "new")
    write(clone.root / "a.txt", "two")
    assert (first.paths("folder"), clone.work_tree.paths("folder")) == ([], ["folder/ü b.txt"])
    assert (first.text("folder/ü b.txt"), clone.work_tree.text("folder/ü b.txt")) == (None, "new")
    assert (first.text("none"), clone.work_tree.text("none"), clone.work_tree.text("folder")) == (None, None, None)
    second = clone.at(commit(clone.root))
    assert second.paths("folder") == ["folder/ü b.txt"]
    assert (first.text("a.txt"), second.text("a.txt"), clone.work_tree.text("a.txt")) == ("one", "two", "two")
    assert first.texts("a.txt", "folder") == {"a.txt": "one"}
    assert second.texts("a.txt", "folder") == {"a.txt": "two", "folder/ü b.txt": "new"}
    assert second.texts("nowhere") == {}
    assert clone.fork_point(first.commit, second.commit) == first.commit


def test_every_kind_of_file_of_a_commit(clone: Checkout, tmp_path_factory: pytest.TempPathFactory) -> None:
    (clone.root / "folder").mkdir()
    for name, content in {"empty": b"", "crlf": b"a\r\nb\r\n", "bytes": b"\xff\n\n", "line\nend": b"\nx"}.items():
        (clone.root / "folder" / name).write_bytes(content)
    (clone.root / "folder/link").symlink_to("empty")
    texts = {"empty": "", "crlf": "a\nb\n", "bytes": "\ufffd\n\n", "line\nend": "\nx", "link": "empty"}
    assert clone.at(commit(clone.root)).texts("folder") == {f"folder/{name}": text for name, text in texts.items()}
    copied = clone.copy("HEAD", tmp_path_factory.mktemp("copy"), "folder")
    assert copied.work_tree.texts("folder") == clone.at("HEAD").texts("folder")


def test_which_of_two_commits_came_first(clone: Checkout) -> None:
    first = clone.commit("HEAD")
    write(clone.root / "a.txt", "two")
    second = commit(clone.root)
    clone.git("checkout", "-q", "--orphan", "other")
    apart = commit(clone.root)
    assert clone.is_ancestor(first, second) is True
    assert clone.is_ancestor(second, first) is False
    assert clone.is_ancestor(apart, second) is False, "nothing in common"
    assert clone.is_ancestor("0" * 40, second) is None, "this clone lacks it"


def test_git_itself_is_asked_for_its_last_line(clone: Checkout) -> None:
    with pytest.raises(GitopsError, match=r"git show failed: fatal: .*missing\.txt"):
        clone.git("show", "HEAD:missing.txt")


def test_no_git_on_this_machine(clone: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitopsError, match="git is not on PATH"):
        clone.commit("HEAD")


def test_a_service_is_a_folder_with_a_dockerfile(clone: Checkout) -> None:
    for path in ("services/b/Dockerfile", "services/a/Dockerfile", "services/notes/README.md"):
        write(clone.root / path, "")
    assert clone.services() == ["a", "b"]
    clone.require_service("a")
    with pytest.raises(GitopsError, match=r"no service named notes \(there are: a, b\)"):
        clone.require_service("notes")


def test_the_top_folder_is_found_from_below(clone: Checkout) -> None:
    below = clone.root / repository.ENVIRONMENTS
    below.mkdir(parents=True)
    assert Checkout.around(below) == Checkout.around(clone.root) == clone


# Files that still write a path of the layout themselves: why.
WRITTEN_THERE = {
    "gitops/checks/selection.py": "the table of what a changed path can affect, read as a table",
    "gitops/policy/filled.py": "what a check of a change need not look at",
    "gitops/review/prices.py": "part of a line for people",
    "gitops/supply/attestation.py": "the workflow that signs, as GitHub names it",
    "gitops/verbs/drift.py": "repository.TASKDEFS has it",
}


def test_the_layout_is_written_down_once() -> None:
    path = re.compile(r"(\.github|infra|services|taskdefs|tests/services)/[\w.*/{}-]*")
    found = set()
    for file in (ROOT / "gitops").rglob("*.py"):
        where = file.relative_to(ROOT).as_posix()
        if not where.startswith("gitops/repository.py"):
            texts = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
            found |= {where for text in texts if isinstance(text, str) and path.fullmatch(text)}
    assert found == WRITTEN_THERE.keys()
