"""A secret's value: read without a trace, stored, never shown."""

from __future__ import annotations

import getpass
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.verbs import secret
from tests.gitops.conftest import write
from tests.gitops.deploy.described import StubbedSession

NAME = "/app/staging/KEY"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("value\n", "value"), ("value\r\n", "value"), ("value", "value"), (" two\nlines\n", " two\nlines")],
)
def test_standard_input_is_read_without_its_line_end(
    monkeypatch: pytest.MonkeyPatch, typed: str, expected: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert secret.read_value(None, "value: ") == expected


def test_on_a_terminal_it_is_asked_for_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "hidden"

    monkeypatch.setattr(getpass, "getpass", ask)
    assert secret.read_value(None, "value: ") == "hidden"
    assert asked == ["value: "]


@pytest.mark.parametrize(
    ("value", "problem"), [("", "is empty"), (" \n", "is empty"), ("x" * 4097, "longer than 4096 bytes")]
)
def test_what_cannot_be_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, problem: str) -> None:
    monkeypatch.setenv("VALUE", value)
    with pytest.raises(GitopsError, match=problem):
        secret.read_value("VALUE", "value: ")


def test_a_new_one_is_created_with_its_tags(session: StubbedSession) -> None:
    tags = [{"Key": "Service", "Value": "app"}]
    session.answers("ssm").add_response(
        "put_parameter", {"Version": 1}, {"Name": NAME, "Value": "v", "Type": "SecureString", "Tags": tags}
    )
    assert secret.put(session.client("ssm"), NAME, "v", {"Service": "app"}) == 1


def test_an_old_one_is_replaced_and_tagged_again(session: StubbedSession) -> None:
    ssm = session.answers("ssm")
    ssm.add_client_error("put_parameter", "ParameterAlreadyExists")
    ssm.add_response(
        "put_parameter", {"Version": 7}, {"Name": NAME, "Value": "v", "Type": "SecureString", "Overwrite": True}
    )
    tags = [{"Key": "Service", "Value": "app"}]
    ssm.add_response("add_tags_to_resource", {}, {"ResourceType": "Parameter", "ResourceId": NAME, "Tags": tags})
    assert secret.put(session.client("ssm"), NAME, "v", {"Service": "app"}) == 7


def test_a_secret_that_no_container_gets_is_noticed(repository: Path) -> None:
    staging = environments.load(Checkout(repository), "staging")
    assert not secret.is_referenced(Checkout(repository), "app", staging, NAME)
    container = {"name": "app", "secrets": [{"name": "KEY", "valueFrom": f"arn:aws:ssm:eu-west-2:1:parameter{NAME}"}]}
    write(repository / "taskdefs/app/rendered/staging.json", {"containerDefinitions": [container]})
    assert secret.is_referenced(Checkout(repository), "app", staging, NAME)
    assert not secret.is_referenced(Checkout(repository), "app", staging, "/app/staging/OTHER")
