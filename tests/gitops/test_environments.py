"""Environment files: what is read, the names that follow, and every kind of mistake in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.repository import Checkout, entry
from tests.gitops.conftest import ENVIRONMENT

GOOD = ENVIRONMENT.format(name="staging", account="1" * 12)


def place(root: Path, text: str, name: str = "staging") -> None:
    folder = root / environments.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def place_entry(root: Path, text: str, service: str = "app") -> None:
    path = root / entry("staging", service)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    staging = environments.load(Checkout(tmp_path), "staging")
    assert (staging.account, staging.region, staging.services) == ("1" * 12, "eu-west-2", {})
    assert (staging.builders, staging.aws_config_file, staging.github.branch) == (["docker"], None, "main")


def test_each_service_has_a_file_of_its_own(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    place_entry(tmp_path, "parameters: {MinTasks: '2'}\nrehearsal: {ready: /ready}\n", "web")
    place_entry(tmp_path, "{}")
    staging = environments.load(Checkout(tmp_path), "staging")
    assert staging.services == {"app": {}, "web": {"MinTasks": "2"}}
    assert {name: one.ready for name, one in staging.rehearsals.items()} == {"web": "/ready"}


@pytest.mark.parametrize("key", ["services", "rehearsals"])
def test_what_stands_in_a_service_s_file_is_refused_elsewhere(tmp_path: Path, key: str) -> None:
    place(tmp_path, GOOD + f"{key}: {{}}\n")
    with pytest.raises(GitopsError, match=rf"{key} stands in a file of each service.*staging/NAME\.yaml"):
        environments.load(Checkout(tmp_path), "staging")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML: "),
        ("", "Expected `object`, got `null`"),
        ("MinTasks: '2'\n", "unknown field `MinTasks`"),
        ("parameters: {MinTasks: 2}\n", "Expected `str`, got `int` - at `$.parameters[...]`"),
        ("parameters: {}\nparameters: {}\n", "the key parameters stands twice"),
    ],
)
def test_a_mistake_in_a_service_s_file_names_that_file(tmp_path: Path, text: str, words: str) -> None:
    place(tmp_path, GOOD)
    place_entry(tmp_path, text)
    with pytest.raises(GitopsError) as caught:
        environments.load(Checkout(tmp_path), "staging")
    assert words in str(caught.value)
    assert str(caught.value).startswith("infra/environments/staging/app.yaml")


def test_services_of_an_environment_that_is_none_are_found(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    (tmp_path / environments.FOLDER / "stagin").mkdir()
    (tmp_path / environments.FOLDER / "stagin/app.yaml").write_text("{}")
    with pytest.raises(GitopsError, match=r"stagin/app\.yaml: there is no environment stagin \(there are: staging\)"):
        environments.load_all(Checkout(tmp_path))


def test_names_by_convention(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    staging = environments.load(Checkout(tmp_path), "staging")
    assert staging.cluster == "demo-staging"
    assert staging.family("app") == "app-staging"
    assert staging.repository("app") == "demo/app"
    assert staging.stack_name("network") == "demo-staging-network"
    assert staging.stack_name("service", "app") == "demo-staging-service-app"


def test_all_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("staging", "production"):
        place(tmp_path, ENVIRONMENT.format(name=name, account="1" * 12), name)
    assert environments.names(Checkout(tmp_path)) == ["production", "staging"]
    assert list(environments.load_all(Checkout(tmp_path))) == ["production", "staging"]


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
        (GOOD.replace("stacks: {}", "stacks: {network: {Days: 2}}"), "Expected `str`, got `int` - at `$.stacks"),
        (GOOD.replace("environment: staging", "environment: other"), "says environment: other"),
        (GOOD + "builders: [kaniko]\n", "Invalid enum value 'kaniko' - at `$.builders"),
        (GOOD.replace("owner: o,", ""), "missing required field `owner` - at `$.github`"),
    ],
)
def test_a_mistake_is_one_line_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    place(tmp_path, text)
    with pytest.raises(GitopsError) as caught:
        environments.load(Checkout(tmp_path), "staging")
    assert words in str(caught.value)
    assert str(caught.value).startswith("infra/environments/staging.yaml")
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["stagin", "../environments/staging", ""])
def test_an_unknown_environment_is_named_with_those_that_exist(tmp_path: Path, name: str) -> None:
    place(tmp_path, GOOD)
    with pytest.raises(GitopsError, match=r"no environment named .* \(there are: staging\)"):
        environments.load(Checkout(tmp_path), name)


def test_an_unknown_service_is_named_with_those_that_exist(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    place_entry(tmp_path, "{}")
    staging = environments.load(Checkout(tmp_path), "staging")
    staging.require_service("app")
    with pytest.raises(GitopsError, match=r"ap is not a service of staging \(its services: app\)"):
        staging.require_service("ap")


@pytest.mark.parametrize(
    ("service", "beginning", "page"),
    [
        ("{}", "/", "/health"),
        ("{PathPatterns: '/app,/app/*'}", "/app", "/app"),
        ("{PathPatterns: '/app/*,/health'}", "/app/", "/health"),
        ("{PathPatterns: '/v?/*', HealthCheckPath: /v1/up}", "/v", "/v1/up"),
    ],
)
def test_a_services_page_is_one_that_the_load_balancer_sends_to_it(
    tmp_path: Path, service: str, beginning: str, page: str
) -> None:
    place(tmp_path, GOOD)
    place_entry(tmp_path, f"parameters: {service}\n")
    staging = environments.load(Checkout(tmp_path), "staging")
    assert (staging.beginning("app"), staging.page("app")) == (beginning, page)


def test_a_rehearsal_says_what_its_services_need(tmp_path: Path) -> None:
    stand_in = (
        "{run: [python, x, '{port}', '{state}'], variables: {URL: 'http://127.0.0.1:{port}'}, tell: [tell, '{state}']}"
    )
    entry = f"rehearsal: {{page: /?a=b, stand_in: {stand_in}}}\n"
    place(tmp_path, GOOD + "aws_config_file: .state/aws/config\n")
    place_entry(tmp_path, entry)
    staging = environments.load(Checkout(tmp_path), "staging")
    state = staging.state("app")
    assert (staging.page("app"), state) == ("/?a=b", ".state/aws/stand-ins/app")
    found = staging.rehearsal("app").stand_in
    assert found is not None
    assert found.start(state, 4567) == [sys.executable, "x", "4567", state]
    assert found.behave("broken", state) == ["tell", state, "broken"]
    place_entry(tmp_path, entry.replace("run: [python, x, '{port}', '{state}']", "run: []"))
    with pytest.raises(GitopsError, match="length >= 1"):
        environments.load(Checkout(tmp_path), "staging")


def test_the_environment_that_stands_here_is_the_only_one_or_the_one_named(tmp_path: Path) -> None:
    place(tmp_path, GOOD)
    with pytest.raises(GitopsError, match=r"stands on this machine\? \(there are: none\)"):
        environments.rehearsed(Checkout(tmp_path))
    for name in ("one", "two"):
        place(tmp_path, ENVIRONMENT.format(name=name, account="0" * 12) + "aws_config_file: a/b\n", name)
        assert environments.rehearsed(Checkout(tmp_path), name).environment == name
        if name == "one":
            assert environments.rehearsed(Checkout(tmp_path)).environment == "one"
    with pytest.raises(GitopsError, match=r"\(there are: one, two\) → --environment NAME"):
        environments.rehearsed(Checkout(tmp_path))
    with pytest.raises(GitopsError, match="staging is in AWS"):
        environments.rehearsed(Checkout(tmp_path), "staging")


def test_the_committed_files_are_good() -> None:
    root = Path(__file__).parents[2]
    assert {"production", "rehearsal", "staging"} <= environments.load_all(Checkout(root)).keys()
