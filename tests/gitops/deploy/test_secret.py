"""A secret's value: read without a trace, stored, never shown."""

from __future__ import annotations

import getpass
import io
from pathlib import Path

import pytest

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.verbs import secret
from tests.gitops.conftest import write
from tests.gitops.deploy.described import StubbedSession

NAME = "/app/staging/KEY"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"hidden after {prompt}")
    assert secret.read_value(None, "value: ") == "hidden after value: "


@pytest.mark.parametrize(
    ("value", "problem"), [("", "is empty"), (" \n", "is empty"), ("x" * 4097, "longer than 4096 bytes")]
)
def test_what_cannot_be_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, problem: str) -> None:
    monkeypatch.setenv("VALUE", value)
    with pytest.raises(GitopsError, match=problem):
        secret.read_value("VALUE", "value: ")


def test_one_is_created_with_its_tags_or_replaced_and_tagged_again(session: StubbedSession) -> None:
    ssm, tags = session.answers("ssm"), [{"Key": "Service", "Value": "app"}]
    value = {"Name": NAME, "Value": "v", "Type": "SecureString"}
    ssm.add_response("put_parameter", {"Version": 1}, {**value, "Tags": tags})
    assert secret.put(session.client("ssm"), NAME, "v", {"Service": "app"}) == 1
    ssm.add_client_error("put_parameter", "ParameterAlreadyExists")
    ssm.add_response("put_parameter", {"Version": 7}, {**value, "Overwrite": True})
    ssm.add_response("add_tags_to_resource", {}, {"ResourceType": "Parameter", "ResourceId": NAME, "Tags": tags})
    assert secret.put(session.client("ssm"), NAME, "v", {"Service": "app"}) == 7


def test_a_secret_that_no_container_gets_is_noticed(repository: Path, staging: Environment) -> None:
    assert not secret.is_referenced(Checkout(repository), "app", staging, NAME)
    container = {"name": "app", "secrets": [{"name": "KEY", "valueFrom": f"arn:aws:ssm:eu-west-2:1:parameter{NAME}"}]}
    write(repository / "taskdefs/app/rendered/staging.json", {"containerDefinitions": [container]})
    assert secret.is_referenced(Checkout(repository), "app", staging, NAME)
    assert not secret.is_referenced(Checkout(repository), "app", staging, "/app/staging/OTHER")
