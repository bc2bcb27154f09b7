"""A service that was made: its own tests and every check pass, and branches that each add one merge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops import environments
from gitops.checks import locks
from gitops.cli import main
from gitops.contract import agree
from gitops.images import source
from gitops.repository import BASE, Checkout
from gitops.tools import tool
from tests.conftest import ROOT
from tests.gitops.conftest import ENVIRONMENT, Gitops, commit, write
from tests.gitops.newservice.conftest import copy, everything

# A dash and a folder of another name: what follows from the name is not the name itself.
NAME, MODULE, PATH = "wind-alerts", "wind_alerts", "/v1/wind/*"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert main(["new-service", NAME, "--path", PATH]) == 0
    commit(root)
    return root


def run(root: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(made: Path) -> None:
    assert " passed" in run(made, "gitops", "test", NAME)


def test_its_image_is_made_as_hadolint_asks(made: Path) -> None:
    words = [tool("hadolint"), "--no-color", f"services/{NAME}/Dockerfile"]
    done = subprocess.run(words, cwd=made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    final = source.final_stage((made / f"services/{NAME}/Dockerfile").read_text(), {})
    assert final.command == ("gunicorn", f"{MODULE}:create_app()")


@pytest.mark.parametrize(
    "words",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy", "--cache-dir", os.devnull, f"services/{NAME}/{MODULE}", f"tests/services/{MODULE}"],
        ["gitops", "render", "--check"],
        ["gitops.contract.agree"],
        ["gitops.checks.locks"],
    ],
    ids=" ".join,
)
def test_the_checks_pass(made: Path, words: list[str]) -> None:
    run(made, *words)


def test_it_is_one_of_the_services(made: Path) -> None:
    assert run(made, "gitops", "changed", "--json").strip() == json.dumps(sorted([*Checkout(ROOT).services(), NAME]))


def test_nothing_of_the_starter_is_left(made: Path) -> None:
    files = [*(made / f"services/{NAME}").rglob("*"), *(made / f"tests/services/{MODULE}").rglob("*")]
    texts = [path.read_text() for path in files if path.is_file() and "__pycache__" not in path.parts]
    assert len(texts) > 10
    assert not [text for text in texts if "starter" in text.lower() or "weather" in text.lower()]
    assert any('PREFIX = "/v1/wind"' in text for text in texts)


def remove(root: Path, service: str) -> None:
    """As docs/new-service.md says."""
    for folder in (f"services/{service}", f"taskdefs/{service}", f"tests/services/{service}"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for entry in root.glob(f"infra/environments/*/{service}.yaml"):
        entry.unlink()


def require_good(root: Path, gitops: Gitops) -> None:
    for words in (["render", "--check"], ["diff"], ["lint"]):
        outcome = gitops(*words)
        assert outcome.code == 0, outcome.err
        assert "Does not render" not in outcome.out
    assert agree.main() == 0
    for words in (["ruff", "check"], ["ruff", "format", "--check"], ["gitops.checks.locks"]):
        run(root, *words)


def test_two_branches_that_each_add_a_service_merge(repository: Path, gitops: Gitops) -> None:
    base, checkout = commit(repository), Checkout(repository)
    there = checkout.services()
    for service in ("alerts", "maps"):
        checkout.git("checkout", "-q", "-b", service, base)
        assert gitops("new-service", service).code == 0
        assert {line[:2] for line in checkout.git("status", "--porcelain").splitlines()} == {"??"}
        commit(repository, service)
    checkout.git("-c", "user.name=t", "-c", "user.email=t@t", "merge", "-q", "--no-edit", "alerts")
    assert len(checkout.git("rev-list", "--merges", "HEAD").split()) == 1
    require_good(repository, gitops)
    for environment in environments.load_all(checkout).values():
        assert list(environment.services) == sorted(["alerts", "maps", *there])


def test_a_service_takes_the_place_of_the_only_one(repository: Path, gitops: Gitops) -> None:
    base = commit(repository)
    (only,) = Checkout(repository).services()
    remove(repository, only)
    assert gitops("new-service", "maps").code == 0
    commit(repository, "maps")
    require_good(repository, gitops)
    assert "removed" in gitops("diff", "--base", base).out
    assert only not in "".join(path for path in everything(repository) if not path.startswith(".git/"))


def test_the_first_service_of_a_repository_that_holds_environments_alone(
    tmp_path: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder of services or tests, no settings of ruff; what its tests need comes with it."""
    write(tmp_path / "infra/environments/staging.yaml", ENVIRONMENT.format(name="staging", account="1" * 12))
    parameters = "{ListenerPriority: {Type: Number}, PathPatterns: {Type: CommaDelimitedList}}"
    write(tmp_path / "infra/cloudformation/service.yaml", f"Parameters: {parameters}\nResources: {{A: {{Type: B}}}}\n")
    (tmp_path / "infra/environments/deep").mkdir()
    monkeypatch.chdir(tmp_path / "infra/environments/deep")
    outcome = gitops("new-service", "maps")
    assert outcome.code == 0, outcome.err
    monkeypatch.chdir(tmp_path)
    assert gitops("render", "--check").code == 0
    assert (tmp_path / "taskdefs/maps" / BASE).exists()
    assert " passed" in run(tmp_path, "pytest", "-q", "tests")
    assert locks.problems("lock", (tmp_path / "services/maps/requirements.txt").read_text()) == []
    assert "    # via -r services/maps/requirements.in\n" in (tmp_path / "services/maps/requirements.txt").read_text()


@pytest.mark.parametrize(
    ("lock", "taken"),
    [
        (lambda text: text.replace("flask==", "flask==99."), True),
        # Of a lock that lacks what it needs it takes nothing.
        (lambda _: "flask==99\n", False),
    ],
)
def test_it_has_the_versions_that_another_service_has(
    repository: Path, gitops: Gitops, lock: Callable[[str], str], taken: bool
) -> None:
    (only,) = Checkout(repository).services()
    theirs = repository / f"services/{only}/requirements.txt"
    theirs.write_text(lock(theirs.read_text()))
    assert gitops("new-service", "maps").code == 0
    text = (repository / "services/maps/requirements.txt").read_text()
    assert "flask==" in text
    assert ("flask==99" in text) == taken
