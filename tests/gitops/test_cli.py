"""The command itself: help, wrong words, and how it ends when something ends it."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops import cli
from gitops.errors import GitopsError
from gitops.verbs import render
from tests.gitops.conftest import Gitops, commit, write


def test_help_lists_every_verb(gitops: Gitops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = gitops("--help")
    assert outcome.code == 0
    listed = [line.split()[0] for line in outcome.out.splitlines() if line.startswith("    ") and line.split()]
    assert [word for word in listed if word in cli.VERBS] == list(cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(gitops: Gitops, verb: str) -> None:
    importlib.import_module(f"gitops.verbs.{verb.replace('-', '_')}")
    outcome = gitops(verb, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: gitops {verb}")


def test_no_word_at_all_shows_the_help_and_is_a_usage_error(gitops: Gitops) -> None:
    outcome = gitops()
    assert outcome.code == 2
    assert outcome.out.startswith("usage: gitops")


@pytest.mark.parametrize("words", [("rendr",), ("--frobnicate",), ("render", "--frobnicate")])
def test_wrong_words_are_a_usage_error(repository: Path, gitops: Gitops, words: tuple[str, ...]) -> None:
    outcome = gitops(*words)
    assert outcome.code == 2
    assert words[-1] in outcome.err
    assert not (repository / "taskdefs/app/rendered").exists()


def test_outside_of_a_repository(gitops: Gitops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = gitops("render")
    assert outcome.code == 1
    assert outcome.err == f"error: there is no infra/environments at or above {tmp_path} → change into your clone\n"


def test_a_folder_below_the_top_will_do(repository: Path, gitops: Gitops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "taskdefs/app")
    assert gitops("render").code == 0
    assert (repository / "taskdefs/app/rendered/staging.json").exists()


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (GitopsError("it is broken", fix="mend it"), 1, "error: it is broken → mend it\n"),
        (GitopsError("rolled back", exit_code=20), 20, "error: rolled back\n"),
        (GitopsError("a", others=("b",), fix="c"), 1, "error: a\nb → c\n"),
        (KeyboardInterrupt(), 130, "interrupted: run the same command again to go on\n"),
        (OSError(errno.ENOSPC, "No space left on device", "x.json"), 1, "error: x.json: No space left on device\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: this machine: No space left on device\n"),
    ],
)
def test_an_end_is_one_line_and_a_code(
    repository: Path,
    gitops: Gitops,
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    code: int,
    line: str,
) -> None:
    def run(_: object) -> int:
        raise raised

    monkeypatch.setattr(render, "run", run)
    outcome = gitops("render")
    assert (outcome.code, outcome.err) == (code, line)


def test_a_reader_that_goes_away_is_not_success_and_no_traceback(repository: Path) -> None:
    write(repository / "taskdefs/app/staging.json", {})
    commit(repository)
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "gitops", "render"],
            cwd=repository,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    assert (done.returncode, done.stderr) == (141, "")
