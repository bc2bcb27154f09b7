from __future__ import annotations

import pytest

from gitops import cli, environments
from gitops.errors import GitopsError
from gitops.verbs import drill
from tests.conftest import ROOT

STAGING, REHEARSAL = environments.load(ROOT, "staging"), environments.load(ROOT, "rehearsal")


def test_a_real_environment_is_not_touched_without_its_name() -> None:
    with pytest.raises(GitopsError, match="nobody can type") as refused:
        drill._confirm(STAGING, None, ["roll"], "weather")
    assert refused.value.fix == "--confirm staging"


@pytest.mark.parametrize("typed", ["", "production", "Staging", "staging "])
def test_another_name_is_refused(typed: str) -> None:
    with pytest.raises(GitopsError, match="nothing was touched"):
        drill._confirm(STAGING, typed, ["roll"], "weather")


def test_its_name_is_enough_and_the_rehearsal_needs_none() -> None:
    drill._confirm(STAGING, "staging", ["roll"], "weather")
    drill._confirm(REHEARSAL, None, ["roll"], "weather")


def test_a_wrong_name_is_refused_for_the_rehearsal_too() -> None:
    with pytest.raises(GitopsError, match="nothing was touched"):
        drill._confirm(REHEARSAL, "staging", ["roll"], "weather")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "5000"], "5000 requests a second is out of bounds"),
        (["--times", "0"], "0 times is out of bounds"),
        (["--times", "51"], "51 times is out of bounds"),
        (["--within", "0"], "0 s is out of bounds"),
        (["--within", "1e9"], "1e+09 s is out of bounds"),
        (["--path", "https://elsewhere/"], "not a path"),
        (["--path", "/a b"], "not a path"),
        (["--service", "wether"], "wether is not a service of staging"),
    ],
)
def test_what_is_out_of_bounds_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drill", "staging", "--confirm", "staging", *words]) == 1
    assert said in capsys.readouterr().err


def test_an_unknown_drill_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["drill", "staging", "--drill", "earthquake"])
    assert ended.value.code == 2
