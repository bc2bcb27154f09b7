"""All failures together, whichever look-up finds them, and one that may not look hides no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gitops import environments
from gitops.environments import Environment
from gitops.images.registry import Repository
from gitops.rollout.verify.everything import Subject, verify
from tests.gitops.rollout.stubbed import StubbedSession

COMMIT = "a" * 40
DOCUMENT: dict[str, Any] = {
    "networkMode": "awsvpc",
    "executionRoleArn": "arn:aws:iam::111111111111:role/app-staging-execution",
    "containerDefinitions": [
        {
            "name": "app",
            "secrets": [
                {"name": "KEY", "valueFrom": "/app/staging/KEY"},
                {"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-west-2:111111111111:secret:db-AbCdEf"},
            ],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "app-staging-logs"}},
        }
    ],
}


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


def nothing_is_there(session: StubbedSession) -> None:
    session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
    session.answers("ssm").add_response("get_parameters", {"InvalidParameters": ["/app/staging/KEY"]})
    session.answers("secretsmanager").add_client_error("describe_secret", "ResourceNotFoundException")
    session.answers("logs").add_response("describe_log_groups", {"logGroups": []})
    session.answers("ecs").add_response("describe_clusters", {"clusters": []})
    session.answers("ecs").add_client_error("describe_services", "ClusterNotFoundException")


def run(session: StubbedSession, staging: Environment) -> tuple[str, list[str]]:
    repository = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    digest, failures = verify(session, repository, Subject(staging, "app", COMMIT, DOCUMENT))  # type: ignore[arg-type]
    assert all(failure.fix for failure in failures)
    return digest, [failure.problem for failure in failures]


def test_in_an_empty_account_everything_is_named_at_once(staging: Environment) -> None:
    with StubbedSession() as session:
        nothing_is_there(session)
        session.answers("iam").add_client_error("get_role", "NoSuchEntity")
        digest, problems = run(session, staging)
    assert digest == ""
    assert problems == [
        f"demo/app has no image of commit {COMMIT[:12]}",
        "the execution role app-staging-execution does not exist",
        "KEY of container app: there is no parameter /app/staging/KEY",
        "DB of container app: there is no secret arn:aws:secretsmanager:eu-west-2:111111111111:secret:db-AbCdEf",
        "there is no log group app-staging-logs in eu-west-2",
        "there is no cluster demo-staging",
    ]


def test_a_refused_look_up_is_a_failure_beside_the_others(staging: Environment) -> None:
    with StubbedSession() as session:
        nothing_is_there(session)
        session.answers("iam").add_client_error("get_role", "AccessDenied", "not authorized to perform: iam:GetRole")
        _, problems = run(session, staging)
    assert problems[1] == "GetRole was refused: not authorized to perform: iam:GetRole"
    assert len(problems) == 6


def test_an_error_that_is_no_refusal_is_raised(staging: Environment) -> None:
    with StubbedSession() as session:
        session.answers("ecr").add_client_error("describe_images", "ImageNotFoundException")
        session.answers("iam").add_client_error("get_role", "ServiceFailure")
        with pytest.raises(ClientError):
            run(session, staging)
