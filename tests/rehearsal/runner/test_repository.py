"""The commits that stand for those on GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops import environments, git
from rehearsal.runner import command
from rehearsal.runner.events import NEW
from rehearsal.runner.repository import Repository, settings, without_scan
from rehearsal.runner.workflows import read
from tests.conftest import ROOT
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import Clone

STAND_IN = "http://127.0.0.1:9999"


def test_the_stand_ins_address_is_all_that_changes_in_the_task_definitions() -> None:
    changed = settings(ROOT, STAND_IN)
    assert set(changed) == {f"taskdefs/weather/{name}.json" for name in environments.deployed(ROOT)}
    for path, text in changed.items():
        before = json.loads((ROOT / path).read_text())
        after = json.loads(text)
        (container,) = after.pop("containerDefinitions")
        assert container == {"name": "${service}", "environment": [{"name": "OPENWEATHER_URL", "value": STAND_IN}]}
        before.pop("containerDefinitions", None)
        assert after == before


def test_the_scan_is_all_that_changes_in_the_environments(tmp_path: Path) -> None:
    changed = without_scan(ROOT)
    assert changed
    for path, text in changed.items():
        before = (ROOT / path).read_text()
        differing = [(a, b) for a, b in zip(before.splitlines(), text.splitlines(), strict=True) if a != b]
        assert differing == [("requires: [provenance, image-scan]", "requires: [provenance]")]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clones.make(tmp_path_factory.mktemp("commits") / "fairweather", 0, "processes")


@pytest.fixture
def repository(clone: Clone, tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "github", clone.path, environments.load(ROOT, "staging").github, STAND_IN)
    made.make()
    return made


def test_a_push_goes_on_from_the_one_before_and_the_same_commit_moves_nothing(
    repository: Repository, clone: Clone
) -> None:
    before, first = repository.push("HEAD")
    assert before == NEW
    assert repository.push("HEAD") == (NEW, first)
    source = clone.commit("empty")
    before, second = repository.push("HEAD")
    assert before == first
    parents = git.run(repository.folder, "rev-list", "--parents", "-1", second).split()[1:]
    assert parents == [first, source]
    _, again = repository.push("HEAD", anew=True)
    assert again != second
    assert git.run(repository.folder, "diff", "--name-only", second, again) == ""
    assert git.dirty(repository.folder) == []


def test_a_pull_request_is_run_on_its_merge(repository: Repository, clone: Clone) -> None:
    base = repository.with_settings("HEAD")
    (clone.path / "README.md").write_text("changed")
    clone.commit("change")
    head = repository.with_settings("HEAD")
    merge = repository.merged(base, head)
    assert git.fork_point(repository.folder, base, merge) == base
    assert git.run(repository.folder, "diff", "--name-only", base, merge).split() == ["README.md"]


def test_everything_is_asked_for_what_it_needs() -> None:
    every = read(ROOT)
    planned = dict(command.everything(ROOT, every))
    assert list(planned)[:2] == ["infrastructure", "service"]
    assert list(planned)[-1] == "teardown"
    assert planned["service"] == {}
    # Staging's registry holds production's images: production is the first to go.
    assert planned["teardown"] == {"environment": "production", "confirm": "production"}
