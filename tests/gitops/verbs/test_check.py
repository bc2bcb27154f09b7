from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gitops.checks.catalogue import CHECKS
from gitops.checks.running import Result
from gitops.errors import GitopsError
from gitops.verbs import check
from gitops.verbs import test as test_verb

ROOT = Path(__file__).parents[3]


def test_the_list_names_every_check_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(argparse.Namespace(root=ROOT, names=[], list=True)) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == sorted(one.name for one in CHECKS)


def test_an_unknown_check_is_a_wrong_use_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GitopsError, match="no check named lock ") as caught:
        check.run(argparse.Namespace(root=ROOT, names=["locks", "lock"], list=False))
    assert caught.value.exit_code == 2
    assert capsys.readouterr().out == ""


def test_a_named_check_runs_alone_and_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(argparse.Namespace(root=ROOT, names=["dockerfile"], list=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   dockerfile ")
    assert lines[-1] == "1 of 1 checks passed"


def test_the_summary_holds_what_failed_whatever_it_printed() -> None:
    text = check.summary([Result("good", True, 1.0, "fine"), Result("bad", False, 0.25, "```\n</details>\n")])
    assert text.startswith("### checks: 1 of 2 passed; bad failed\n")
    assert "| good | passed | 1.0 |" in text
    assert "| bad | **failed** | 0.2 |" in text
    assert "fine" not in text
    assert "\n    ```\n    </details>\n" in text


def test_the_first_line_of_the_summary_is_the_verdict() -> None:
    assert check.summary([Result("good", True, 1.0, "")]).splitlines()[0] == "### checks: 1 of 1 passed"


def test_the_tests_of_a_service_are_in_its_own_folder() -> None:
    assert test_verb.tests_of(ROOT, "weather") == Path("tests/services/weather")


@pytest.mark.parametrize("service", ["wether", "../gitops", ""])
def test_an_unknown_service_is_named(service: str) -> None:
    with pytest.raises(GitopsError, match="there are: "):
        test_verb.tests_of(ROOT, service)
