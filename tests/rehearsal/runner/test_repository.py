"""The commits that stand for those on GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops import environments
from gitops.repository import Checkout
from rehearsal.runner import command
from rehearsal.runner.events import NEW
from rehearsal.runner.repository import Repository, settings, without_scan
from rehearsal.runner.workflows import read
from tests.conftest import ROOT
from tests.gitops.conftest import ENVIRONMENT, write
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import Clone

LEADS = {"app": {"UPSTREAM_URL": "http://127.0.0.1:9999", "ANOTHER": "unused"}, "nowhere": {"UPSTREAM_URL": "x"}}


def test_the_stand_ins_address_is_all_that_changes_in_the_task_definitions(repository_of_app: Path) -> None:
    """Where the base has such a variable; an overlay's own variables and containers stay."""
    changed = settings(Checkout(repository_of_app), LEADS)
    led = {"name": "UPSTREAM_URL", "value": "http://127.0.0.1:9999"}
    assert {path: json.loads(text) for path, text in changed.items()} == {
        "taskdefs/app/staging.json": {"containerDefinitions": [{"name": "${service}", "environment": [led]}]},
        "taskdefs/app/production.json": {
            "cpu": "512",
            "containerDefinitions": [
                {"name": "sidecar", "cpu": 64},
                {"name": "${service}", "environment": [{"name": "CITY", "value": "Rome"}, led]},
            ],
        },
    }


def test_without_a_stand_in_nothing_changes(repository_of_app: Path) -> None:
    assert settings(Checkout(repository_of_app), {}) == {}
    assert settings(Checkout(repository_of_app), {"app": {"ANOTHER": "unused"}}) == {}


@pytest.fixture
def repository_of_app(tmp_path: Path) -> Path:
    for name in ("staging", "production"):
        write(tmp_path / f"infra/environments/{name}.yaml", ENVIRONMENT.format(name=name, account="1" * 12))
    here = ENVIRONMENT.format(name="local", account="0" * 12) + "aws_config_file: .state/config\n"
    write(tmp_path / "infra/environments/local.yaml", here)
    for name in ("staging", "production", "local"):
        write(tmp_path / f"infra/environments/{name}/app.yaml", "parameters: {}\n")
    asks = {"name": "${service}", "environment": [{"name": "UPSTREAM_URL", "value": "https://upstream.example"}]}
    write(tmp_path / "taskdefs/app/base.json", {"containerDefinitions": [asks, {"name": "sidecar"}]})
    write(tmp_path / "taskdefs/app/staging.json", {})
    city = {"name": "CITY", "value": "Rome"}
    own = [{"name": "sidecar", "cpu": 64}, {"name": "${service}", "environment": [city]}]
    write(tmp_path / "taskdefs/app/production.json", {"cpu": "512", "containerDefinitions": own})
    return tmp_path


def test_the_scan_is_all_that_changes_in_the_environments(tmp_path: Path) -> None:
    changed = without_scan(Checkout(ROOT))
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
    github = environments.load(Checkout(ROOT), "staging").github
    made = Repository(Checkout(tmp_path / "github"), Checkout(clone.path), github, LEADS)
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
    parents = repository.checkout.git("rev-list", "--parents", "-1", second).split()[1:]
    assert parents == [first, source]
    _, again = repository.push("HEAD", anew=True)
    assert again != second
    assert repository.checkout.git("diff", "--name-only", second, again) == ""
    assert repository.checkout.dirty() == []


def test_a_pull_request_is_run_on_its_merge(repository: Repository, clone: Clone) -> None:
    base = repository.with_settings("HEAD")
    (clone.path / "README.md").write_text("changed")
    clone.commit("change")
    head = repository.with_settings("HEAD")
    merge = repository.merged(base, head)
    assert repository.checkout.fork_point(base, merge) == base
    assert repository.checkout.git("diff", "--name-only", base, merge).split() == ["README.md"]


def test_everything_is_asked_for_what_it_needs() -> None:
    every = read(Checkout(ROOT))
    planned = dict(command.everything(Checkout(ROOT), every))
    assert list(planned)[:2] == ["infrastructure", "service"]
    assert list(planned)[-1] == "teardown"
    assert planned["service"] == {}
    # Staging's registry holds production's images: production is the first to go.
    assert planned["teardown"] == {"environment": "production", "confirm": "production"}
