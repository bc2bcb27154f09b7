"""The repository's own files agree, and a change to any one of them alone is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from gitops import environments
from gitops.checks import layers as check
from gitops.errors import GitopsError
from gitops.layers import agree
from gitops.layers.source import Commit, WorkTree
from tests.conftest import ROOT
from tests.gitops.conftest import commit, write

STAGING = environments.load(ROOT, "staging")
TASK = "taskdefs/weather/rendered/staging.json"
TEMPLATE = "infra/cloudformation/service.yaml"
DOCKERFILE = "services/weather/Dockerfile"
GUNICORN = "services/weather/gunicorn.conf.py"
VIEWS = "services/weather/weather/views.py"
CMD = 'CMD ["gunicorn", "weather:create_app()"]'


@dataclass(frozen=True)
class Changed:
    """The work tree with one text exchanged in one file; None takes the file away."""

    path: str = ""
    old: str = ""
    new: str | None = ""

    def text(self, path: str) -> str | None:
        found = WorkTree(ROOT).text(path)
        if path != self.path:
            return found
        if self.new is None or found is None:
            return None
        assert self.old in found, f"{path} has no {self.old!r}: the change changes nothing"
        return found.replace(self.old, self.new)

    def python_files(self, folder: str) -> list[str]:
        return WorkTree(ROOT).python_files(folder)


@pytest.mark.parametrize("environment", environments.names(ROOT))
def test_every_environment_of_the_repository_agrees(environment: str) -> None:
    assert agree.problems(WorkTree(ROOT), environments.load(ROOT, environment), "weather") == []


CHANGES = {
    "port of the container": (Changed(TASK, '"containerPort": 8080', '"containerPort": 9000'), "container port"),
    "port of its health check": (Changed(TASK, "127.0.0.1:8080", "127.0.0.1:9000"), "container port"),
    "port exposed": (Changed(DOCKERFILE, "EXPOSE 8080", "EXPOSE 9000/tcp"), "container port"),
    "port bound": (Changed(GUNICORN, "0.0.0.0:8080", "0.0.0.0:9000"), "container port"),
    "port bound by the command": (
        Changed(DOCKERFILE, CMD, 'CMD ["gunicorn", "--bind", "0.0.0.0:9000", "weather:create_app()"]'),
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
    "container renamed": (Changed(TASK, '"name": "weather"', '"name": "web"'), "container name"),
    "container of the template": (
        Changed(TEMPLATE, "ContainerName: !Ref Service", "ContainerName: web"),
        "container name",
    ),
    "log group of the container": (Changed(TASK, "weather-staging-logs", "weather-logs"), "log group"),
    "log group of the template": (Changed(TEMPLATE, "${Service}-${Environment}-logs", "${Service}-logs"), "log group"),
    "user of the container": (Changed(TASK, '"user": "10001"', '"user": "0"'), "user"),
    "user of the image": (Changed(DOCKERFILE, "USER 10001:10001", "USER app"), "user"),
    "family": (Changed(TASK, '"family": "weather-staging"', '"family": "weather"'), "task definition family"),
    "target type": (Changed(TEMPLATE, "TargetType: ip", "TargetType: instance"), "target type"),
    "execution role": (Changed(TASK, "weather-staging-execution", "weather-execution"), "executionRoleArn"),
    "task role": (Changed(TASK, "weather-staging-task", "weather-task"), "taskRoleArn"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_file_alone_is_noticed(change: str) -> None:
    source, expected = CHANGES[change]
    found = agree.problems(source, STAGING, "weather")
    assert any(line.startswith(expected) or expected in line for line in found), found


def test_a_line_names_every_file_and_what_it_says() -> None:
    (line,) = agree.problems(CHANGES["port exposed"][0], STAGING, "weather")
    assert line.startswith(f"container port: 8080 in {TASK} (portMappings) and ")
    assert line.endswith(f", but 9000 in {DOCKERFILE} (EXPOSE)")


def test_the_environments_own_value_counts() -> None:
    environment = environments.load(ROOT, "staging")
    services = {"weather": {**environment.services["weather"], "HealthCheckPath": "/up"}}
    found = agree.problems(WorkTree(ROOT), _with_services(environment, services), "weather")
    assert [line.partition(":")[0] for line in found] == ["health path", "health path"]


def _with_services(
    environment: environments.Environment, services: dict[str, dict[str, str]]
) -> environments.Environment:
    return msgspec.structs.replace(environment, services=services)


def test_a_file_that_is_not_there_says_nothing() -> None:
    for path in (TASK, TEMPLATE, DOCKERFILE):
        assert agree.problems(Changed(path, "", None), STAGING, "weather") == []


def test_code_that_is_not_python_is_named_with_its_line() -> None:
    with pytest.raises(GitopsError, match=r"views.py:\d+: not Python"):
        agree.problems(Changed(VIEWS, "def health() ->", "def health( ->"), STAGING, "weather")


def test_a_commit_is_read_as_git_has_it(tmp_path: Path) -> None:
    write(tmp_path / "a/one.py", "x = 1\n")
    write(tmp_path / "a/two.txt", "text")
    first = commit(tmp_path)
    write(tmp_path / "a/one.py", "x = 2\n")
    there, here = Commit(tmp_path, first), WorkTree(tmp_path)
    assert (there.text("a/one.py"), here.text("a/one.py")) == ("x = 1\n", "x = 2\n")
    assert (there.text("a/none"), here.text("a/none"), there.text("a")) == (None, None, None)
    assert there.python_files("a") == here.python_files("a") == ["a/one.py"]
    assert there.python_files("b") == here.python_files("b") == []


def test_the_check_fails_on_a_disagreement_and_when_it_compares_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository / "taskdefs/app/rendered/staging.json", {"family": "app-staging", "containerDefinitions": []})
    template = "Resources: {S: {Type: 'AWS::ECS::Service', Properties: {TaskDefinition: other}}}\n"
    write(repository / TEMPLATE, template)
    assert check.main() == 1
    assert "app in staging: task definition family: app-staging in" in capsys.readouterr().out
    for path in (repository / "infra/environments").iterdir():
        path.write_text(path.read_text().replace("services: {app: {}}", "services: {}"))
    assert check.main() == 1
    assert "nothing was compared" in capsys.readouterr().out
