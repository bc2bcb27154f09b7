"""Environment files: what is read, the names that follow, and every kind of mistake in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout, entry, environment_file
from tests.conftest import ROOT
from tests.gitops.conftest import ENVIRONMENT, write

GOOD = ENVIRONMENT.format(name="staging", account="1" * 12)
Read = Callable[..., Environment]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write staging's file and those of its services, and read them."""

    def load(text: str = GOOD, **services: str) -> Environment:
        write(tmp_path / environment_file("staging"), text)
        for service, said in services.items():
            write(tmp_path / entry("staging", service), said)
        return environments.load(Checkout(tmp_path), "staging")

    return load


def test_a_file_is_read_with_its_defaults_and_names_follow_by_convention(read: Read) -> None:
    staging = read()
    assert (staging.account, staging.region, staging.services) == ("1" * 12, "eu-west-2", {})
    assert (staging.builders, staging.aws_config_file, staging.github.branch) == (["docker"], None, "main")
    assert (staging.cluster, staging.family("app"), staging.repository("app")) == (
        "demo-staging",
        "app-staging",
        "demo/app",
    )
    assert staging.stack_name("network") == "demo-staging-network"
    assert staging.stack_name("service", "app") == "demo-staging-service-app"


def test_each_service_has_a_file_of_its_own(read: Read) -> None:
    staging = read(web="parameters: {MinTasks: '2'}\nrehearsal: {ready: /ready}\n", app="{}")
    assert staging.services == {"app": {}, "web": {"MinTasks": "2"}}
    assert {name: one.ready for name, one in staging.rehearsals.items()} == {"web": "/ready"}
    staging.require_service("app")
    with pytest.raises(GitopsError, match=r"ap is not a service of staging \(its services: app, web\)"):
        staging.require_service("ap")


@pytest.mark.parametrize("key", ["services", "rehearsals"])
def test_what_stands_in_a_service_s_file_is_refused_elsewhere(read: Read, key: str) -> None:
    with pytest.raises(GitopsError, match=rf"{key} stands in a file of each service.*staging/NAME\.yaml"):
        read(GOOD + f"{key}: {{}}\n")


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
def test_a_mistake_in_a_service_s_file_names_that_file(read: Read, text: str, words: str) -> None:
    with pytest.raises(GitopsError) as caught:
        read(app=text)
    assert words in str(caught.value)
    assert str(caught.value).startswith("infra/environments/staging/app.yaml")


def test_services_of_an_environment_that_is_none_are_found(tmp_path: Path, read: Read) -> None:
    read()
    write(tmp_path / entry("stagin", "app"), "{}")
    with pytest.raises(GitopsError, match=r"stagin/app\.yaml: there is no environment stagin \(there are: staging\)"):
        environments.load_all(Checkout(tmp_path))


def test_all_are_listed_in_order(repository: Path) -> None:
    assert environments.names(Checkout(repository)) == ["production", "staging"]
    assert list(environments.load_all(Checkout(repository))) == ["production", "staging"]


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
def test_a_mistake_is_one_line_with_its_file(read: Read, text: str, words: str) -> None:
    with pytest.raises(GitopsError) as caught:
        read(text)
    assert words in str(caught.value)
    assert str(caught.value).startswith("infra/environments/staging.yaml")
    assert "\n" not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["stagin", "../environments/staging", ""])
def test_an_unknown_environment_is_named_with_those_that_exist(tmp_path: Path, read: Read, name: str) -> None:
    read()
    with pytest.raises(GitopsError, match=r"no environment named .* \(there are: staging\)"):
        environments.load(Checkout(tmp_path), name)


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
    read: Read, service: str, beginning: str, page: str
) -> None:
    staging = read(app=f"parameters: {service}\n")
    assert (staging.beginning("app"), staging.page("app")) == (beginning, page)


def test_a_rehearsal_says_what_its_services_need(read: Read) -> None:
    stand_in = (
        "{run: [python, x, '{port}', '{state}'], variables: {URL: 'http://127.0.0.1:{port}'}, tell: [tell, '{state}']}"
    )
    app = f"rehearsal: {{page: /?a=b, stand_in: {stand_in}}}\n"
    staging = read(GOOD + "aws_config_file: .state/aws/config\n", app=app)
    state = staging.state("app")
    assert (staging.page("app"), state) == ("/?a=b", ".state/aws/stand-ins/app")
    found = staging.rehearsal("app").stand_in
    assert found is not None
    assert found.start(state, 4567) == [sys.executable, "x", "4567", state]
    assert found.behave("broken", state) == ["tell", state, "broken"]
    with pytest.raises(GitopsError, match="length >= 1"):
        read(app=app.replace("run: [python, x, '{port}', '{state}']", "run: []"))


def test_the_environment_that_stands_here_is_the_only_one_or_the_one_named(tmp_path: Path, read: Read) -> None:
    read()
    with pytest.raises(GitopsError, match=r"stands on this machine\? \(there are: none\)"):
        environments.rehearsed(Checkout(tmp_path))
    for name in ("one", "two"):
        here = ENVIRONMENT.format(name=name, account="0" * 12) + "aws_config_file: a/b\n"
        write(tmp_path / environment_file(name), here)
        assert environments.rehearsed(Checkout(tmp_path), name).environment == name
        if name == "one":
            assert environments.rehearsed(Checkout(tmp_path)).environment == "one"
    with pytest.raises(GitopsError, match=r"\(there are: one, two\) → --environment NAME"):
        environments.rehearsed(Checkout(tmp_path))
    with pytest.raises(GitopsError, match="staging is in AWS"):
        environments.rehearsed(Checkout(tmp_path), "staging")


def test_the_committed_files_are_good() -> None:
    assert {"production", "rehearsal", "staging"} <= environments.load_all(Checkout(ROOT)).keys()
