"""A small environment in a temporary repository, and the emulator it lives in."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
import pytest
import yaml

from tests import emulators
from tests.gitops.conftest import Gitops, Outcome

NUMBERS = itertools.count()

BOOTSTRAP = """\
Parameters:
  Environment: {Type: String}
Resources:
  Marker:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/bootstrap/${Environment}", Type: String, Value: made}
"""
NETWORK = """\
Parameters:
  Environment: {Type: String}
  Fifo: {Type: String, Default: "first"}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${Environment}-${Fifo}"}
  Logs:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Sub "${Environment}-logs"}
Outputs:
  QueueName: {Value: !GetAtt Queue.QueueName}
"""
SERVICE = """\
Parameters:
  Environment: {Type: String}
  Service: {Type: String}
  QueueName: {Type: String}
  ServiceEnabled: {Type: String}
Conditions:
  HasService: !Equals [!Ref ServiceEnabled, "true"]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Sub "${Service}-${Environment}", DisplayName: !Ref QueueName}
  Extra:
    Type: AWS::SNS::Topic
    Condition: HasService
    Properties: {TopicName: !Sub "${Service}-${Environment}-extra"}
"""
BROKEN = """\
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Stream:
    Type: AWS::Logs::LogStream
    DependsOn: Topic
    Properties: {LogGroupName: a-group-that-is-not-there}
"""


@dataclass
class Repository:
    """A repository with one environment, whose name is unique in the emulator."""

    root: Path
    name: str
    endpoint: str
    run: Gitops

    def gitops(self, verb: str, *words: str) -> Outcome:
        """Run a verb on the environment, as its command does."""
        return self.run(verb, self.name, *words)

    def make(self) -> None:
        """Apply all its stacks."""
        assert self.gitops("apply", "--stack", "bootstrap").code == 0
        assert self.gitops("apply").code == 0

    def destroy(self, *words: str) -> Outcome:
        """Run destroy with its typed name."""
        return self.gitops("destroy", "--confirm", self.name, *words)

    def template(self, name: str, text: str) -> None:
        (self.root / "infra/cloudformation" / f"{name}.yaml").write_text(text)

    def settings(self, stacks: str = "{bootstrap: {}, network: {}}", services: str = "{web: {}}") -> None:
        write_environment(self.root, self.name, stacks, services)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint, region_name="eu-west-2")  # type: ignore[call-overload]

    def status(self, label: str) -> str:
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        found = [stack for stack in stacks if stack["StackName"] == f"demo-{self.name}-{label}"]
        return str(found[0]["StackStatus"]) if found else ""


def write_environment(root: Path, name: str, stacks: str, services: str, registry: str = "") -> None:
    """An environment's file and, in the place of those that were there, its services' entries."""
    folder = root / "infra/environments" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for service, parameters in yaml.safe_load(services).items():
        (folder / f"{service}.yaml").write_text(yaml.safe_dump({"parameters": parameters}))
    (root / "infra/environments" / f"{name}.yaml").write_text(
        f"""\
environment: {name}
project: demo
account: "000000000000"
region: eu-west-2
github: {{owner: o, repository: r, owner_id: "1", repository_id: "2"}}
registry: {registry or name}
stacks: {stacks}
"""
    )


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bare emulator on a free port of 127.0.0.1, without its IAM: its URL."""

    def spawn(port: int, output: IO[bytes]) -> emulators.Process:
        settings = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_REGION": "eu-west-2",
        }
        command = [sys.executable, "-m", "ministack"]
        return subprocess.Popen(command, env={**os.environ, **settings}, stdout=output, stderr=subprocess.STDOUT)

    process, port = emulators.start(spawn, tmp_path_factory.mktemp("ministack") / "log")
    yield f"http://127.0.0.1:{port}"
    emulators.end(process)


@pytest.fixture
def repository(emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gitops: Gitops) -> Repository:
    """A repository with bootstrap, network and one service, and credentials for the emulator."""
    name = f"e{os.getpid()}x{next(NUMBERS)}"
    (tmp_path / "infra/environments").mkdir(parents=True)
    (tmp_path / "infra/cloudformation").mkdir()
    found = Repository(tmp_path, name, emulator, gitops)
    found.template("bootstrap", BOOTSTRAP)
    found.template("network", NETWORK)
    found.template("service", SERVICE)
    found.settings()
    monkeypatch.chdir(tmp_path)
    for variable, value in {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(variable, value)
    for variable in ("AWS_PROFILE", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ACTIONS"):
        monkeypatch.delenv(variable, raising=False)
    return found


@pytest.fixture
def applied(repository: Repository) -> Repository:
    """The same with all its stacks made."""
    repository.make()
    return repository
