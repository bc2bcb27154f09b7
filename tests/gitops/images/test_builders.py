"""Which builder is used, and what is built from: a commit, never the work tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops.errors import GitopsError
from gitops.images import builders, docker_build, source
from gitops.images.registry import Login
from tests.gitops.conftest import commit, write

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("wanted", "allowed", "engine", "expected"),
    [
        ("pack", ["docker"], True, "pack"),
        ("docker", ["pack"], False, "docker"),
        ("", ["docker", "pack"], True, "docker"),
        ("", ["docker", "pack"], False, "pack"),
        ("", ["pack", "docker"], True, "pack"),
    ],
)
def test_the_builder_asked_for_else_the_first_that_works(
    wanted: str, allowed: list[str], engine: bool, expected: str
) -> None:
    assert builders.choose(wanted, allowed, lambda: engine) == expected


def test_no_builder_that_works_is_an_error() -> None:
    with pytest.raises(GitopsError, match="no Docker engine answers"):
        builders.choose("", ["docker"], lambda: False)


def test_an_unknown_builder_is_an_error() -> None:
    with pytest.raises(GitopsError, match="no builder named podman"):
        builders.choose("podman", ["docker"], lambda: True)


class FakeRepository:
    """A repository in which a tag appears once it was pushed."""

    name, uri = "demo/app", "reg.example/demo/app"

    def __init__(self, *digests: str | None) -> None:
        self.digests = list(digests)

    def login(self) -> Login:
        return Login("AWS", "password")

    def digest(self, tag: str) -> str | None:
        assert len(tag) == 40
        return self.digests.pop(0)


@pytest.fixture
def built_from(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def build_and_push(_: object, __: str, folder: Path, ___: Login) -> None:
        seen.append((folder / "page.txt").read_text())

    monkeypatch.setattr(docker_build, "build_and_push", build_and_push)
    return seen


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    write(tmp_path / "services/app/Dockerfile", "FROM x\n")
    write(tmp_path / "services/app/page.txt", "committed")
    return tmp_path


def build(clone: Path, revision: str, *digests: str | None) -> str:
    repository: Any = FakeRepository(*digests)
    return str(builders.build(clone, repository, "app", revision, "docker"))


def test_the_commit_is_built_and_not_the_work_tree(clone: Path, built_from: list[str]) -> None:
    revision = commit(clone)
    write(clone / "services/app/page.txt", "changed since")
    assert build(clone, revision, DIGEST) == f"reg.example/demo/app:{revision}@{DIGEST}"
    assert built_from == ["committed"]


def test_a_push_that_another_run_won_is_its_image(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise GitopsError("the tag is immutable")

    monkeypatch.setattr(docker_build, "build_and_push", refused)
    revision = commit(clone)
    assert build(clone, revision, DIGEST).endswith(DIGEST)
    with pytest.raises(GitopsError, match="immutable"):
        build(clone, revision, None)


def test_a_push_that_left_nothing_is_an_error(clone: Path, built_from: list[str]) -> None:
    with pytest.raises(GitopsError, match="not in the registry after the push"):
        build(clone, commit(clone), None)
    assert built_from == ["committed"]


def test_a_commit_without_the_service_is_an_error(clone: Path, tmp_path: Path) -> None:
    revision = commit(clone)
    with pytest.raises(GitopsError, match="has no folder services/other"):
        source.unpack(clone, revision, "other", tmp_path / "into")
