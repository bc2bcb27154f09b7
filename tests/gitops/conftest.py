"""Small repositories on disk, and the gitops command run in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitops import environments
from gitops.cli import main
from gitops.environments import Environment
from gitops.repository import Checkout
from tests.gitops.deploy.described import StubbedSession

ENVIRONMENT = """\
environment: {name}
project: demo
account: "{account}"
region: eu-west-2
github: {{owner: o, repository: r, owner_id: "1", repository_id: "2"}}
registry: staging
stacks: {{}}
variables: {{city: Paris}}
"""


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Gitops = Callable[..., Outcome]


@pytest.fixture
def gitops(capsys: pytest.CaptureFixture[str]) -> Gitops:
    """Run a gitops verb where the test stands."""

    def run(*words: str) -> Outcome:
        capsys.readouterr()
        try:
            code = main(list(words))
        except SystemExit as error:
            code = int(error.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the service app in staging and production, not yet rendered; the test stands in it."""
    for name, account in (("staging", "1" * 12), ("production", "2" * 12)):
        write(tmp_path / f"infra/environments/{name}.yaml", ENVIRONMENT.format(name=name, account=account))
        write(tmp_path / f"infra/environments/{name}/app.yaml", "parameters: {}\n")
    write(tmp_path / "taskdefs/app/base.json", base())
    write(tmp_path / "taskdefs/app/production.json", {"cpu": "512", "memory": "1024"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def staging(repository: Path) -> Environment:
    """That repository's staging."""
    return environments.load(Checkout(repository), "staging")


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    """Clients that answer what the test tells them; at its end every answer was asked for."""
    with StubbedSession() as stubbed:
        yield stubbed


def base() -> dict[str, Any]:
    """A base that renders without a mistake in every environment."""
    return {
        "family": "${service}-${environment}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::${account}:role/${service}-${environment}-execution",
        "taskRoleArn": "arn:aws:iam::${account}:role/${service}-${environment}-task",
        "containerDefinitions": [
            {
                "name": "${service}",
                "image": "${image}",
                "environment": [{"name": "CITY", "value": "${city}"}, {"name": "AREA", "value": "${region}"}],
                "portMappings": [{"containerPort": 8080}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "${service}-${environment}-logs",
                        "awslogs-region": "${region}",
                        "awslogs-stream-prefix": "ecs",
                    },
                },
            }
        ],
    }


def write(path: Path, content: str | dict[str, Any]) -> None:
    """Write a text, or an object as JSON, and the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def commit(root: Path, message: str = "change") -> str:
    """Commit everything and return the commit's id; the first call makes the clone."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-q", "-m", message]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    done = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()
