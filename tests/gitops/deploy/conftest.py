"""A small service in a clone of its own, and an AWS on this machine to ship it to."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
import pytest

from tests import emulators
from tests.conftest import ROOT
from tests.gitops.conftest import Gitops, base, commit, write
from tests.gitops.deploy.described import Answers, StubbedSession

ACCOUNT, REGION, SERVICE, ENVIRONMENT = "000000000000", "eu-west-2", "app", "rehearsal"
FILE = """\
environment: rehearsal
project: demo
account: "000000000000"
region: eu-west-2
github: {owner: o, repository: r, owner_id: "1", repository_id: "2"}
registry: rehearsal
stacks: {}
builders: [pack]
aws_config_file: .rehearsal/aws/config
"""
DOCKERFILE = 'FROM scratch\nWORKDIR /app\nCMD ["python", "main.py"]\n'
GOOD = "import time\nprint('serving', flush=True)\ntime.sleep(3600)\n"
ROLES = ("administrator", "build", "deploy", "drift", "infrastructure")


@dataclass(frozen=True)
class Cloud:
    """An emulator's address, and its clients with root's keys."""

    endpoint: str

    def client(self, name: str) -> Any:
        session = boto3.Session("test", "test", region_name=REGION)
        return session.client(name, endpoint_url=self.endpoint)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The rehearsal's emulator, which really runs a task's command as a process."""
    folder = tmp_path_factory.mktemp("emulator")

    def spawn(port: int, output: IO[bytes]) -> emulators.Process:
        command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port), "--state", str(folder), "--no-auth"]
        environment = {**os.environ, "NO_PROXY": "*"}
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)

    process, port = emulators.start(spawn, folder / "log")
    try:
        found = Cloud(f"http://127.0.0.1:{port}")
        _prepare(found)
        yield found
    finally:
        emulators.end(process)


@pytest.fixture
def clone(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a project with one service and one environment; the test stands in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "*")
    write(tmp_path / "infra/environments/rehearsal.yaml", FILE)
    write(tmp_path / "infra/environments/rehearsal/app.yaml", "parameters: {}\n")
    write(tmp_path / "services/app/Dockerfile", DOCKERFILE)
    write(tmp_path / "services/app/requirements.txt", "")
    write(tmp_path / "services/app/main.py", GOOD)
    write(tmp_path / ".gitignore", ".rehearsal/\n")
    write(tmp_path / "taskdefs/app/rendered/rehearsal.json", rendered())
    profiles = configparser.ConfigParser()
    for role in ROLES:
        profiles[f"profile {role}"] = {
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region": REGION,
            "endpoint_url": cloud.endpoint,
        }
    (tmp_path / ".rehearsal/aws").mkdir(parents=True)
    with (tmp_path / ".rehearsal/aws/config").open("w") as file:
        profiles.write(file)
    return tmp_path


@pytest.fixture
def answers(session: StubbedSession) -> Answers:
    """What ECS answers in that session."""
    return Answers(session)


@pytest.fixture
def first(gitops: Gitops, cloud: Cloud, clone: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service that runs its first commit."""
    monkeypatch.setenv("VALUE", "0123456789abcdef")
    assert gitops("secret", "put", "app", "rehearsal", "API_KEY", "--from-env", "VALUE").code == 0
    found = commit(clone, "First")
    create_service(gitops, cloud)
    assert gitops("deploy", "app", "rehearsal").code == 0
    return found


def rendered() -> dict[str, Any]:
    """The service's rendered task definition, with one secret."""
    values = {"service": SERVICE, "environment": ENVIRONMENT, "account": ACCOUNT, "region": REGION, "city": "Paris"}
    text = json.dumps(base())
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    document: dict[str, Any] = json.loads(text)
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{SERVICE}/{ENVIRONMENT}/API_KEY"
    document["containerDefinitions"][0]["secrets"] = [{"name": "API_KEY", "valueFrom": parameter}]
    return document


def change(clone: Path, content: str, message: str) -> str:
    """Commit another main program."""
    write(clone / "services/app/main.py", content)
    return commit(clone, message)


def create_service(gitops: Gitops, cloud: Cloud) -> None:
    """The image, the first revision, and the ECS service that its stack would make."""
    assert gitops("build", "app", "rehearsal").code == 0
    assert gitops("register", "app", "rehearsal").code == 0
    cloud.client("ecs").create_service(
        cluster="demo-rehearsal",
        serviceName="app",
        taskDefinition="app-rehearsal",
        desiredCount=2,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )


def _prepare(cloud: Cloud) -> None:
    """What the stacks would make, as far as these tests need it."""
    cloud.client("ecr").create_repository(repositoryName="demo/app", imageTagMutability="IMMUTABLE")
    cloud.client("ecs").create_cluster(clusterName="demo-rehearsal")
    cloud.client("logs").create_log_group(logGroupName="app-rehearsal-logs")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam = cloud.client("iam")
    for role in ("app-rehearsal-execution", "app-rehearsal-task"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps({"Statement": [everything]}))
