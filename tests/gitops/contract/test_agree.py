"""The repository's own files agree, and a change to any one of them alone is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from gitops import environments
from gitops.contract import agree
from gitops.contract.claims import Claim, disagreements
from gitops.errors import GitopsError
from gitops.repository import Checkout, package
from tests.conftest import ROOT
from tests.gitops.conftest import write

HERE = Checkout(ROOT)
STAGING = environments.load(HERE, "staging")
SERVICE = next(iter(STAGING.services))
PACKAGE = package(SERVICE)
TASK = f"taskdefs/{SERVICE}/rendered/staging.json"
TEMPLATE = "infra/cloudformation/service.yaml"
DOCKERFILE = f"services/{SERVICE}/Dockerfile"
GUNICORN = f"services/{SERVICE}/gunicorn.conf.py"
VIEWS = f"services/{SERVICE}/{PACKAGE}/views.py"
CMD = f'CMD ["gunicorn", "{PACKAGE}:create_app()"]'


@dataclass(frozen=True)
class Changed:
    """The work tree with one text exchanged in one file; None takes the file away."""

    path: str = ""
    old: str = ""
    new: str | None = ""

    def text(self, path: str) -> str | None:
        found = HERE.work_tree.text(path)
        if path != self.path:
            return found
        if self.new is None or found is None:
            return None
        assert self.old in found, f"{path} has no {self.old!r}: the change changes nothing"
        return found.replace(self.old, self.new)

    def paths(self, *folders: str) -> list[str]:
        return HERE.work_tree.paths(*folders)


@pytest.mark.parametrize("environment", environments.names(HERE))
def test_every_environment_of_the_repository_agrees(environment: str) -> None:
    assert agree.problems(HERE.work_tree, environments.load(HERE, environment), SERVICE) == []


CHANGES = {
    "port of the container": (Changed(TASK, '"containerPort": 8080', '"containerPort": 9000'), "container port"),
    "port of its health check": (Changed(TASK, "127.0.0.1:8080", "127.0.0.1:9000"), "container port"),
    "port exposed": (Changed(DOCKERFILE, "EXPOSE 8080", "EXPOSE 9000/tcp"), "container port"),
    "port bound": (Changed(GUNICORN, "0.0.0.0:8080", "0.0.0.0:9000"), "container port"),
    "port bound by the command": (
        Changed(DOCKERFILE, CMD, f'CMD ["gunicorn", "--bind", "0.0.0.0:9000", "{PACKAGE}:create_app()"]'),
        "container port",
    ),
    "port of the template": (Changed(TEMPLATE, "Default: 8080", "Default: 9000"), "container port"),
    "port of the target group": (
        Changed(TEMPLATE, "Port: !Ref ContainerPort\n      Health", "Port: 80\n      Health"),
        "container port",
    ),
    "port let in": (
        Changed(TEMPLATE, "ToPort: !Ref ContainerPort\n          Source", "ToPort: 80\n          Source"),
        "container port",
    ),
    "bind nobody reaches": (Changed(GUNICORN, "0.0.0.0:8080", "127.0.0.1:8080"), "bind address"),
    "bind that is computed": (Changed(GUNICORN, '"0.0.0.0:8080"', 'os.environ["BIND"]'), "bind in"),
    "bind left out": (Changed(GUNICORN, 'bind = "0.0.0.0:8080"', ""), "bind address"),
    "health path of the template": (Changed(TEMPLATE, "Default: /health", "Default: /healthz"), "health path"),
    "health path of the container": (Changed(TASK, ":8080/health", ":8080/ready"), "health path"),
    "route renamed": (Changed(VIEWS, '"/health"', '"/healthy"'), "health path: /health is no route"),
    "container renamed": (Changed(TASK, f'"name": "{SERVICE}"', '"name": "other"'), "container name"),
    "container of the template": (
        Changed(TEMPLATE, "ContainerName: !Ref Service", "ContainerName: web"),
        "container name",
    ),
    "log group of the container": (Changed(TASK, f"{SERVICE}-staging-logs", "other-logs"), "log group"),
    "log group of the template": (Changed(TEMPLATE, "${Service}-${Environment}-logs", "${Service}-logs"), "log group"),
    "user of the container": (Changed(TASK, '"user": "10001"', '"user": "0"'), "user"),
    "user of the image": (Changed(DOCKERFILE, "USER 10001:10001", "USER app"), "user"),
    "family": (Changed(TASK, f'"family": "{SERVICE}-staging"', '"family": "other"'), "task definition family"),
    "target type": (Changed(TEMPLATE, "TargetType: ip", "TargetType: instance"), "target type"),
    "execution role": (Changed(TASK, f"{SERVICE}-staging-execution", "other-execution"), "executionRoleArn"),
    "task role": (Changed(TASK, f"{SERVICE}-staging-task", "other-task"), "taskRoleArn"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_file_alone_is_noticed(change: str) -> None:
    source, expected = CHANGES[change]
    found = agree.problems(source, STAGING, SERVICE)
    assert any(line.startswith(expected) or expected in line for line in found), found


def test_a_line_names_every_file_and_what_it_says() -> None:
    (line,) = agree.problems(CHANGES["port exposed"][0], STAGING, SERVICE)
    assert line.startswith(f"container port: 8080 in {TASK} (portMappings) and ")
    assert line.endswith(f", but 9000 in {DOCKERFILE} (EXPOSE)")


def test_the_environments_own_value_counts() -> None:
    environment = environments.load(HERE, "staging")
    services = {SERVICE: {**environment.services[SERVICE], "HealthCheckPath": "/up"}}
    found = agree.problems(HERE.work_tree, _with_services(environment, services), SERVICE)
    assert [line.partition(":")[0] for line in found] == ["health path", "health path"]


def _with_services(
    environment: environments.Environment, services: dict[str, dict[str, str]]
) -> environments.Environment:
    return msgspec.structs.replace(environment, services=services)


def test_a_file_that_is_not_there_says_nothing() -> None:
    for path in (TASK, TEMPLATE, DOCKERFILE):
        assert agree.problems(Changed(path, "", None), STAGING, SERVICE) == []


def test_code_that_is_not_python_is_named_with_its_line() -> None:
    with pytest.raises(GitopsError, match=r"views.py:\d+: not Python"):
        agree.problems(Changed(VIEWS, "def health() ->", "def health( ->"), STAGING, SERVICE)


def test_the_check_fails_on_a_disagreement(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository / "taskdefs/app/rendered/staging.json", {"family": "app-staging", "containerDefinitions": []})
    template = "Resources: {S: {Type: 'AWS::ECS::Service', Properties: {TaskDefinition: other}}}\n"
    write(repository / TEMPLATE, template)
    assert agree.main() == 1
    assert "app in staging: task definition family: app-staging in" in capsys.readouterr().out


def test_files_that_agree_are_silent() -> None:
    assert disagreements([]) == []
    assert disagreements([Claim("port", "80", "a"), Claim("port", "80", "b"), Claim("path", "/", "b")]) == []


def test_each_topic_is_one_line_with_every_value_and_place() -> None:
    claims = [
        Claim("port", "80", "a"),
        Claim("port", "81", "b"),
        Claim("port", "80", "c"),
        Claim("port", "80", "c"),
        Claim("path", "/a", "a"),
        Claim("path", "/b", "b"),
    ]
    assert disagreements(claims) == ["port: 80 in a and c, but 81 in b", "path: /a in a, but /b in b"]
