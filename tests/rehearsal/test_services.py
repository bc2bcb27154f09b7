"""What a service needs beside AWS: which secrets are its own, where their values come from, and what leads where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.environments import Environment, Rehearsal, StandIn
from gitops.repository import Checkout
from rehearsal.services import MADE, Needs, foreign, own_secrets
from tests.gitops.drills.server import DEMO, SERVICE

STAND_IN = StandIn(
    ["python", "stand_in.py", "--port", "{port}"],
    {"UPSTREAM": "http://127.0.0.1:{port}"},
    unless="API_KEY",
    real={"UPSTREAM": "https://upstream.example"},
    shows=["made up"],
)


def here(**entries: Rehearsal) -> Environment:
    return msgspec.structs.replace(DEMO, environment="local", aws_config_file=".state/config", rehearsals=entries)


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Needs:
    for name in ("API_KEY", "UPSTREAM", "SALT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / MADE).parent.mkdir()
    entry = Rehearsal(STAND_IN, shows=["Hello"])
    return Needs(here(**{SERVICE: entry}), SERVICE, ("API_KEY", "SALT", "UPSTREAM"))


@pytest.mark.parametrize(
    ("value", "own"),
    [
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/app/local/KEY", ["KEY"]),
        ("/app/local/KEY", ["KEY"]),
        # Another service's, another environment's, and one of Secrets Manager: not ours to put.
        ("/other/local/KEY", []),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/app/staging/KEY", []),
        ("arn:aws:secretsmanager:eu-west-1:000000000000:secret:/app/local/KEY", []),
    ],
)
def test_a_services_own_parameters_are_put(value: str, own: list[str]) -> None:
    container: dict[str, Any] = {"name": "app", "secrets": [{"name": "ANY", "valueFrom": value}]}
    assert own_secrets({"containerDefinitions": [container, {"name": "sidecar"}]}, "app", "local") == own


def test_a_sidecar_with_an_image_of_its_own_is_foreign_and_the_commits_own_is_not() -> None:
    containers = [
        {"name": "app", "image": "${image}"},
        {"name": "worker", "image": "${image}", "essential": False},
        {"name": "collector", "image": "otel:1", "essential": False},
        # Refused when it is registered.
        {"name": "proxy", "image": "envoy:1"},
    ]
    assert foreign({"containerDefinitions": containers}) == ["collector"]


def test_with_the_stand_in_secrets_are_made_once_and_lead_to_it(needs: Needs, tmp_path: Path) -> None:
    values = needs.values(Checkout(tmp_path), 4567)
    assert values["UPSTREAM"] == "http://127.0.0.1:4567"
    assert len(values["API_KEY"]) == len(values["SALT"]) == 32
    assert values["API_KEY"] != values["SALT"]
    assert needs.values(Checkout(tmp_path), 4567) == values
    assert (tmp_path / MADE).stat().st_mode & 0o777 == 0o600
    assert needs.shows == ["Hello", "made up"]
    assert needs.stand_in == STAND_IN


def test_with_a_key_of_ones_own_the_real_one_is_asked(
    needs: Needs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "one's own")
    values = needs.values(Checkout(tmp_path), None)
    assert (values["API_KEY"], values["UPSTREAM"]) == ("one's own", "https://upstream.example")
    assert needs.shows == ["Hello"]
    assert needs.stand_in is None
    assert json.loads((tmp_path / MADE).read_text())[SERVICE].keys() == {"SALT"}


def test_what_the_shell_gives_is_told_apart_and_not_repeated(needs: Needs, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = needs.given()
    assert nothing == {"/app/local/API_KEY": "", "/app/local/SALT": ""}
    monkeypatch.setenv("SALT", "grains")
    one = needs.given()
    monkeypatch.setenv("SALT", "grain")
    other = needs.given()
    assert len({nothing["/app/local/SALT"], one["/app/local/SALT"], other["/app/local/SALT"]}) == 3
    assert "grain" not in json.dumps(one)


def test_a_service_without_an_entry_needs_nothing() -> None:
    plain = Needs(here(), SERVICE)
    assert (plain.stand_in, plain.shows, plain.leads(None), plain.given()) == (None, [], {}, {})
