"""What the checkers report becomes one line per thing to correct, and silence is not taken for success."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.policy.filled import Filled
from gitops.policy.findings import Check, Finding, Location, Match, Outcome, Place, Results, Rule, lint, policy

STAGING = Filled("staging", "service-weather", Path("infra/cloudformation/service.yaml"), "")
PRODUCTION = Filled("production", "network", Path("infra/cloudformation/network.yaml"), "")
SCANNED = {"staging/service-weather.yaml": [STAGING], "production/network.yaml": [PRODUCTION]}


def match(filename: str, path: list[str | int] | None = None) -> Match:
    return Match(filename, "Default should be\n  a value", Rule("E2015"), Location(Place(7), path))


def check(file_path: str, resource: str = "AWS::S3::Bucket.Logs") -> Check:
    return Check("CKV_AWS_18", "Ensure logging", file_path, resource)


def test_a_finding_stands_once_and_names_its_line_or_its_environment_and_place() -> None:
    template, filled = "infra/cloudformation/service.yaml", "/x/staging/service-weather.yaml"
    inside = match(filled, ["Parameters", "MinTasks", 0])
    assert [str(one) for one in lint([match(template), inside, match(template)], {filled: [STAGING]})] == [
        f"{template} with the values of staging, Parameters.MinTasks.0: Default should be a value (E2015)",
        f"{template}:7: Default should be a value (E2015)",
    ]


def test_each_environment_has_its_own_outcome() -> None:
    report = Results(
        passed_checks=[check("/staging/service-weather.yaml"), check("/production/network.yaml")],
        failed_checks=[check("/production/network.yaml")],
        skipped_checks=[check("/staging/service-weather.yaml")],
    )
    failure = Finding(
        "infra/cloudformation/network.yaml with the values of production, Logs", "Ensure logging", "CKV_AWS_18"
    )
    assert policy([report], SCANNED) == [
        Outcome("staging", passed=1, skipped=1, failed=()),
        Outcome("production", passed=1, skipped=0, failed=(failure,)),
    ]


@pytest.mark.parametrize("report", [Results(), Results(passed_checks=[check("/staging/service-weather.yaml")])])
def test_a_template_that_was_not_looked_at_is_an_error(report: Results) -> None:
    with pytest.raises(GitopsError, match=r"looked at nothing in infra/cloudformation/network\.yaml"):
        policy([report], SCANNED)


def test_a_report_on_another_file_is_an_error() -> None:
    with pytest.raises(GitopsError, match="was not given"):
        policy([Results(passed_checks=[check("/elsewhere.yaml")])], SCANNED)
