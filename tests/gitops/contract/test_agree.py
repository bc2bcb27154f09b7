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
TASK = f"taskdefs/{SERVICE}/rendered/staging.json"
TEMPLATE = "infra/cloudformation/service.yaml"
DOCKERFILE = f"services/{SERVICE}/Dockerfile"
GUNICORN = f"services/{SERVICE}/gunicorn.conf.py"
VIEWS = f"services/{SERVICE}/{package(SERVICE)}/views.py"


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

    def texts(self, *folders: str) -> dict[str, str]:
        return {path: self.text(path) or "" for path in HERE.work_tree.paths(*folders)}


@pytest.mark.parametrize("environment", environments.names(HERE))
def test_every_environment_of_the_repository_agrees(environment: str) -> None:
    assert agree.problems(HERE.work_tree, environments.load(HERE, environment), SERVICE) == []


# What is said, and the change of one file that it is said of.
CHANGES = [
    ("container port", TASK, '"containerPort": 8080', '"containerPort": 9000'),
    ("container port", TASK, "127.0.0.1:8080", "127.0.0.1:9000"),
    ("container port", DOCKERFILE, "EXPOSE 8080", "EXPOSE 9000/tcp"),
    ("container port", GUNICORN, "0.0.0.0:8080", "0.0.0.0:9000"),
    ("container port", DOCKERFILE, '["gunicorn", "', '["gunicorn", "--bind", "0.0.0.0:9000", "'),
    ("container port", TEMPLATE, "Default: 8080", "Default: 9000"),
    ("container port", TEMPLATE, "Port: !Ref ContainerPort\n      Health", "Port: 80\n      Health"),
    ("container port", TEMPLATE, "ToPort: !Ref ContainerPort\n          Source", "ToPort: 80\n          Source"),
    ("bind address", GUNICORN, "0.0.0.0:8080", "127.0.0.1:8080"),
    ("bind address", GUNICORN, 'bind = "0.0.0.0:8080"', ""),
    ("bind in", GUNICORN, '"0.0.0.0:8080"', 'os.environ["BIND"]'),
    ("health path", TEMPLATE, "Default: /health", "Default: /healthz"),
    ("health path", TASK, ":8080/health", ":8080/ready"),
    ("health path: /health is no route", VIEWS, '"/health"', '"/healthy"'),
    ("container name", TASK, f'"name": "{SERVICE}"', '"name": "other"'),
    ("container name", TEMPLATE, "ContainerName: !Ref Service", "ContainerName: web"),
    ("log group", TASK, f"{SERVICE}-staging-logs", "other-logs"),
    ("log group", TEMPLATE, "${Service}-${Environment}-logs", "${Service}-logs"),
    ("user", TASK, '"user": "10001"', '"user": "0"'),
    ("user", DOCKERFILE, "USER 10001:10001", "USER app"),
    ("task definition family", TASK, f'"family": "{SERVICE}-staging"', '"family": "other"'),
    ("target type", TEMPLATE, "TargetType: ip", "TargetType: instance"),
    ("executionRoleArn", TASK, f"{SERVICE}-staging-execution", "other-execution"),
    ("taskRoleArn", TASK, f"{SERVICE}-staging-task", "other-task"),
]


@pytest.mark.parametrize(("expected", "path", "old", "new"), CHANGES)
def test_a_change_of_one_file_alone_is_noticed(expected: str, path: str, old: str, new: str) -> None:
    found = agree.problems(Changed(path, old, new), STAGING, SERVICE)
    assert any(expected in line for line in found), found


def test_a_second_container_of_the_commits_image_is_not_the_service() -> None:
    first = '"containerDefinitions": [{"name": "another", "image": "${image}", "portMappings": [{"containerPort": 9}]},'
    assert agree.problems(Changed(TASK, '"containerDefinitions": [', first), STAGING, SERVICE) == []


def test_a_line_names_every_file_and_what_it_says() -> None:
    (line,) = agree.problems(Changed(DOCKERFILE, "EXPOSE 8080", "EXPOSE 9000/tcp"), STAGING, SERVICE)
    assert line.startswith(f"container port: 8080 in {TASK} (portMappings) and ")
    assert line.endswith(f", but 9000 in {DOCKERFILE} (EXPOSE)")


def test_the_environments_own_value_counts() -> None:
    services = {SERVICE: {**STAGING.services[SERVICE], "HealthCheckPath": "/up"}}
    found = agree.problems(HERE.work_tree, msgspec.structs.replace(STAGING, services=services), SERVICE)
    assert [line.partition(":")[0] for line in found] == ["health path", "health path"]


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


def test_each_topic_on_which_files_differ_is_one_line_with_every_value_and_place() -> None:
    said = [("port", "80", "a"), ("port", "80", "b"), ("path", "/", "b")]
    assert disagreements(Claim(*one) for one in said) == []
    said += [("port", "81", "c"), ("port", "80", "b"), ("path", "/c", "c")]
    assert disagreements(Claim(*one) for one in said) == [
        "port: 80 in a and b, but 81 in c",
        "path: / in b, but /c in c",
    ]
