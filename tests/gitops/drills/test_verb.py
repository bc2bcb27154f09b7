"""What gitops drill refuses before it touches anything."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.verbs import drill
from tests.gitops.conftest import Gitops
from tests.gitops.drills.server import DEMO, SERVICE

HERE = msgspec.structs.replace(DEMO, environment="local", aws_config_file=".state/config")


@pytest.mark.parametrize(
    ("environment", "typed", "fix"),
    [
        (DEMO, None, "--confirm staging"),
        *[(DEMO, other, "type staging") for other in ("", "production", "Staging", "staging ")],
        (HERE, "staging", "type local"),
    ],
)
def test_nothing_is_touched_without_the_environments_name(environment: Environment, typed: str, fix: str) -> None:
    with pytest.raises(GitopsError, match="nothing was touched") as refused:
        drill._confirm(environment, typed, ["roll"], SERVICE)
    assert fix in str(refused.value.fix)


def test_its_name_is_enough_and_the_rehearsal_needs_none() -> None:
    drill._confirm(DEMO, "staging", ["roll"], SERVICE)
    drill._confirm(HERE, None, ["roll"], SERVICE)


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
@pytest.mark.usefixtures("repository")
def test_what_is_out_of_bounds_is_one_line(gitops: Gitops, words: list[str], said: str) -> None:
    done = gitops("drill", "staging", "--confirm", "staging", *words)
    assert done.code == 1
    assert said in done.err


def test_of_several_services_one_is_named(gitops: Gitops, repository: Path) -> None:
    (repository / "infra/environments/staging/web.yaml").write_text("parameters: {}\n")
    done = gitops("drill", "staging", "--confirm", "staging")
    assert (done.code, done.err) == (
        1,
        "error: which service of staging? (its services: app, web) → --service NAME\n",
    )


def test_an_unknown_drill_is_a_usage_error(gitops: Gitops) -> None:
    assert gitops("drill", "staging", "--drill", "earthquake").code == 2
