"""Environment files: what is read, the names that follow, and every kind of mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import environments
from gitops.errors import GitopsError
from tests.gitops.conftest import ENVIRONMENT

GOOD = ENVIRONMENT.format(name="staging", account="1" * 12)


def place(root: Path, text: str, name: str = "staging") -> None:
    folder = root / environments.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    staging = environments.load(tmp_path, "staging")
    assert (staging.account, staging.region, staging.services) == ("1" * 12, "eu-west-2", {"app": {}})
    assert (staging.builders, staging.aws_config_file, staging.github.branch) == (["docker"], None, "main")


def test_names_by_convention(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    staging = environments.load(tmp_path, "staging")
    assert staging.cluster == "demo-staging"
    assert staging.family("app") == "app-staging"
    assert staging.repository("app") == "demo/app"
    assert staging.stack_name("network") == "demo-staging-network"
    assert staging.stack_name("service", "app") == "demo-staging-service-app"


def test_all_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("staging", "production"):
        place(tmp_path, ENVIRONMENT.format(name=name, account="1" * 12), name)
    assert environments.names(tmp_path) == ["production", "staging"]
    assert list(environments.load_all(tmp_path)) == ["production", "staging"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "staging.yaml is not YAML: "),
        ("\x00", "staging.yaml is not YAML: "),
        (GOOD + "region: eu-west-1\n", "the key region stands twice"),
        ("", "Expected `object`, got `null`"),
        ("- staging", "Expected `object`, got `array`"),
        (GOOD + "colour: blue\n", "unknown field `colour`"),
        (GOOD.replace("region: eu-west-2\n", ""), "missing required field `region`"),
        (GOOD.replace('"111111111111"', "111111111111"), "Expected `str`, got `int` - at `$.account`"),
        (GOOD.replace('"111111111111"', '"1111"'), 'account is not 12 digits: "1111"'),
        (GOOD.replace("{app: {}}", "{app: {MinTasks: 2}}"), "Expected `str`, got `int` - at `$.services"),
        (GOOD.replace("environment: staging", "environment: other"), "says environment: other"),
        (GOOD + "builders: [kaniko]\n", "Invalid enum value 'kaniko' - at `$.builders"),
        (GOOD.replace("owner: o,", ""), "missing required field `owner` - at `$.github`"),
    ],
)
def test_a_mistake_is_one_line_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    place(tmp_path, text)
    with pytest.raises(GitopsError) as caught:
        environments.load(tmp_path, "staging")
    assert words in str(caught.value)
    assert str(caught.value).startswith("infra/environments/staging.yaml")
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["stagin", "../environments/staging", ""])
def test_an_unknown_environment_is_named_with_those_that_exist(tmp_path: Path, name: str) -> None:
    place(tmp_path, GOOD)
    with pytest.raises(GitopsError, match=r"no environment named .* \(there are: staging\)"):
        environments.load(tmp_path, name)


def test_an_unknown_service_is_named_with_those_that_exist(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    staging = environments.load(tmp_path, "staging")
    staging.require_service("app")
    with pytest.raises(GitopsError, match=r"ap is not a service of staging \(its services: app\)"):
        staging.require_service("ap")


def test_the_committed_files_are_good() -> None:
    root = Path(__file__).parents[2]
    assert {"production", "rehearsal", "staging"} <= environments.load_all(root).keys()
