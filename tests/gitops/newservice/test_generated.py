"""A service as it was made: its tests pass, and so do the checks of the repository, with nothing done by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.cli import main
from tests.conftest import ROOT
from tests.gitops.newservice.conftest import copy

# A dash and a folder of another name: what follows from the name is not the name itself.
NAME, MODULE, PATH = "wind-alerts", "wind_alerts", "/v1/wind/*"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy(tmp_path_factory.mktemp("made"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert main(["new-service", NAME, "--path", PATH]) == 0
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


@pytest.mark.parametrize(
    "words",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy", "--cache-dir", os.devnull, f"services/{NAME}/{MODULE}", f"tests/services/{MODULE}"],
        ["gitops", "render", "--check"],
    ],
    ids=" ".join,
)
def test_the_checks_pass(made: Path, words: list[str]) -> None:
    run(made, *words)


def test_it_is_one_of_the_services(made: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(made)], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", str(made), "add", "--all"], check=True)
    subprocess.run(["git", "-C", str(made), *author, "commit", "--quiet", "--message", "new"], check=True)
    assert run(made, "gitops", "changed", "--json").strip() == '["weather", "wind-alerts"]'


def test_nothing_of_the_starter_is_left(made: Path) -> None:
    files = [*(made / f"services/{NAME}").rglob("*"), *(made / f"tests/services/{MODULE}").rglob("*")]
    texts = [path.read_text() for path in files if path.is_file() and "__pycache__" not in path.parts]
    assert len(texts) > 10
    assert not [text for text in texts if "starter" in text.lower() or "weather" in text.lower()]
    assert any('PREFIX = "/v1/wind"' in text for text in texts)
