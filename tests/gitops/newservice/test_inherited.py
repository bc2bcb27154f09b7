"""What is taken from a running service, and what is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gitops.errors import GitopsError
from gitops.newservice import inherited
from gitops.newservice.names import Names
from gitops.stacks import templates
from tests.conftest import ROOT

WEATHER, ALERTS = Names("weather"), Names("wind-alerts")


def read(where: str) -> str:
    return (ROOT / where).read_text()


def test_the_dockerfile_differs_in_the_names_alone() -> None:
    before = read("services/weather/Dockerfile")
    after = inherited.docker_file(before, WEATHER, ALERTS)
    assert "weather" not in after.lower()
    changed = [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [line.split('"')[0].strip() for line in changed] == [
        "COPY wind_alerts /app/wind_alerts",
        "LABEL org.opencontainers.image.title=",
        "org.opencontainers.image.description=",
        "CMD [",
    ]
    assert inherited.docker_file(after, ALERTS, Names("maps")) == inherited.docker_file(before, WEATHER, Names("maps"))


def test_a_dockerfile_that_runs_something_else_is_refused() -> None:
    text = read("services/weather/Dockerfile").replace("gunicorn", "uvicorn")
    with pytest.raises(GitopsError, match=r'does not run "gunicorn weather:create_app\(\)"'):
        inherited.docker_file(text, WEATHER, ALERTS)


def test_the_task_definition_loses_what_only_the_code_needs() -> None:
    before = json.loads(read("taskdefs/weather/base.json"))
    after = json.loads(inherited.task_definition(before, "weather"))
    [container] = after["containerDefinitions"]
    assert container.pop("environment") == [{"name": "LOG_LEVEL", "value": "INFO"}]
    expected = dict(before["containerDefinitions"][0])
    del expected["environment"], expected["secrets"]
    assert container == expected
    assert {**after, "containerDefinitions": []} == {**before, "containerDefinitions": []}


def test_its_text_is_the_source_s_own_but_for_that() -> None:
    before = read("taskdefs/weather/base.json")
    after = inherited.task_definition(json.loads(before), "weather")
    assert set(after.splitlines()) - set(before.splitlines()) == {
        '      "environment": [{"name": "LOG_LEVEL", "value": "INFO"}]'
    }


def test_a_container_beside_it_is_kept() -> None:
    sidecar = {"name": "proxy", "secrets": [{"name": "A", "valueFrom": "b"}]}
    base = {"containerDefinitions": [sidecar, {"name": "${service}", "image": "${image}"}]}
    after = json.loads(inherited.task_definition(base, "weather"))
    assert after["containerDefinitions"][0] == sidecar


def test_a_base_without_its_own_container_is_refused() -> None:
    with pytest.raises(GitopsError, match=r"taskdefs/weather/base\.json has no container"):
        inherited.task_definition({"containerDefinitions": [{"name": "weather"}]}, "weather")


def test_the_repository_is_the_source_s_under_another_name() -> None:
    before = read(str(inherited.REGISTRY))
    after = inherited.registry(before, WEATHER, ALERTS)
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    template = templates.parse(after, "registry", inherited.REGISTRY)
    assert [one.logical_id for one in template.resources] == ["WeatherRepository", "WindAlertsRepository"]
    assert template.outputs == ("WeatherRepositoryUri", "WindAlertsRepositoryUri")

    document = yaml.load(after, Loader=templates._Loader)  # noqa: S506 (it is a safe loader)
    resources = document["Resources"]
    properties = resources["WeatherRepository"]["Properties"] | {"RepositoryName": "${Project}/wind-alerts"}
    assert resources["WindAlertsRepository"] == {"Type": "AWS::ECR::Repository", "Properties": properties}
    assert document["Outputs"]["WindAlertsRepositoryUri"]["Value"] == "WindAlertsRepository.RepositoryUri"


def test_two_names_of_one_repository_are_refused() -> None:
    text = inherited.registry(read(str(inherited.REGISTRY)), WEATHER, Names("wind-alerts"))
    with pytest.raises(GitopsError, match="has a Wind1Repository already"):
        inherited.registry(text.replace("WindAlerts", "Wind1"), WEATHER, Names("wind-1"))


def test_the_environment_gives_its_sizes_and_not_its_place() -> None:
    where = Path("infra/environments/staging.yaml")
    text = "services:\n  weather:\n    ListenerPriority: '100'  # last\n\nbuilders: [docker]\n"
    place = {"ListenerPriority": "90", "PathPatterns": "/alerts,/alerts/*"}
    given = {"ListenerPriority": "100", "PathPatterns": "/*", "MaxTasks": "2", "HealthCheckPath": "/health"}
    assert inherited.environment(text, "weather", "alerts", place, given, where) == (
        "services:\n  weather:\n    ListenerPriority: '100'  # last\n"
        '  alerts:\n    ListenerPriority: "90"\n    PathPatterns: /alerts,/alerts/*\n    MaxTasks: "2"\n'
        "    HealthCheckPath: /health\n\nbuilders: [docker]\n"
    )


@pytest.mark.parametrize("value", ["1", "1.5", "true", "no", "", "a: b", "~", "0x1", "# a", "/a #b", "*"])
def test_each_value_stays_the_text_it_is(value: str) -> None:
    text = inherited.environment("services:\n  weather: {}\n", "weather", "alerts", {}, {"Key": value}, Path("x"))
    assert yaml.safe_load(text)["services"]["alerts"] == {"Key": value}


def test_the_work_requirements_get_the_new_ones() -> None:
    text = "a\n-r ../services/weather/requirements.in\n-c ../services/weather/requirements.txt\n\nb\n"
    assert inherited.development(text, "weather", "alerts") == (
        "a\n-r ../services/weather/requirements.in\n-c ../services/weather/requirements.txt\n"
        "-r ../services/alerts/requirements.in\n-c ../services/alerts/requirements.txt\n\nb\n"
    )
    with pytest.raises(GitopsError, match="has no line"):
        inherited.development("a\n", "weather", "alerts")
