from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulator import authorization

ECS = "arn:aws:ecs:eu-west-2:000000000000"


@pytest.mark.parametrize(
    ("action", "request_", "expected"),
    [
        ("UpdateService", {"cluster": "c", "service": "weather"}, f"{ECS}:service/c/weather"),
        ("UpdateService", {"cluster": f"{ECS}:cluster/c", "service": "weather"}, f"{ECS}:service/c/weather"),
        ("UpdateService", {"service": "weather"}, f"{ECS}:service/default/weather"),
        ("DescribeServices", {"cluster": "c", "services": [f"{ECS}:service/c/weather"]}, f"{ECS}:service/c/weather"),
        ("DescribeTasks", {"cluster": "c", "tasks": ["abc"]}, f"{ECS}:task/c/abc"),
        ("DescribeTasks", {"cluster": "c", "tasks": []}, "*"),
        ("RegisterTaskDefinition", {"family": "weather-staging"}, f"{ECS}:task-definition/weather-staging:*"),
        ("DescribeClusters", {"clusters": ["c"]}, f"{ECS}:cluster/c"),
        ("ListTasks", {"cluster": "c"}, "*"),
        ("ListTaskDefinitions", {"familyPrefix": "weather"}, "*"),
        ("StopTask", {"cluster": "c", "task": "abc"}, f"{ECS}:task/c/abc"),
        ("ListServiceDeployments", {"cluster": "c", "service": "weather"}, f"{ECS}:service/c/weather"),
        (
            "DescribeServiceDeployments",
            {"serviceDeploymentArns": [f"{ECS}:service-deployment/c/weather/x"]},
            f"{ECS}:service-deployment/c/weather/x",
        ),
        (
            "StopServiceDeployment",
            {"serviceDeploymentArn": f"{ECS}:service-deployment/c/weather/x"},
            f"{ECS}:service-deployment/c/weather/x",
        ),
        (
            "DescribeServiceRevisions",
            {"serviceRevisionArns": [f"{ECS}:service-revision/c/weather/1"]},
            f"{ECS}:service-revision/c/weather/1",
        ),
        ("TagResource", {"resourceArn": f"{ECS}:cluster/c"}, f"{ECS}:cluster/c"),
    ],
)
def test_an_ecs_call_is_authorised_against_what_it_touches(
    action: str, request_: dict[str, Any], expected: str
) -> None:
    assert authorization.resource(action, request_, "eu-west-2", "000000000000") == expected


def test_the_cluster_is_a_condition_key() -> None:
    keys = authorization.condition_keys({"cluster": "c"}, "eu-west-2", "000000000000")
    assert keys == {"ecs:cluster": f"{ECS}:cluster/c"}
    assert authorization.condition_keys({}, "eu-west-2", "000000000000") == {}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"repositoryName": "p/weather"}, "arn:aws:ecr:eu-west-2:000000000000:repository/p/weather"),
        ({"repositoryNames": ["p/weather"]}, "arn:aws:ecr:eu-west-2:000000000000:repository/p/weather"),
        (
            {"registryId": "111111111111", "repositoryName": "p/weather"},
            "arn:aws:ecr:eu-west-2:111111111111:repository/p/weather",
        ),
        ({}, "*"),
    ],
)
def test_an_ecr_call_is_authorised_against_its_repository(request_: dict[str, Any], expected: str) -> None:
    assert authorization.repository(request_, "eu-west-2", "000000000000") == expected


def test_a_parameter_is_authorised_by_its_arn() -> None:
    expected = "arn:aws:ssm:eu-west-2:000000000000:parameter/weather/rehearsal/KEY"
    assert authorization.parameters(["/weather/rehearsal/KEY", "x"], "eu-west-2", "000000000000") == expected
    assert authorization.parameters([expected], "eu-west-2", "000000000000") == expected
    assert authorization.parameters([], "eu-west-2", "000000000000") == "*"
