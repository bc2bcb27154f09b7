"""Every secret that a container is given is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.rollout.verify import secrets
from tests.gitops.rollout.described import NOON
from tests.gitops.rollout.stubbed import StubbedSession


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


def secret(number: int, prefix: str = "/app/staging/") -> dict[str, str]:
    return {"name": f"KEY_{number:02}", "valueFrom": f"arn:aws:ssm:eu-west-2:1:parameter{prefix}KEY_{number:02}"}


def document(*secrets: dict[str, str], **container: Any) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": "app", "secrets": list(secrets), **container}]}


def references(*given: dict[str, str]) -> list[secrets.Reference]:
    return secrets.references(document(*given))


def test_every_missing_parameter_is_named_with_its_fix(session: StubbedSession, staging: Environment) -> None:
    twelve = [secret(number) for number in range(12)]
    names = [f"/app/staging/KEY_{number:02}" for number in range(12)]
    ssm = session.answers("ssm")
    for part, missing in ((names[:10], names[3:4]), (names[10:], names[11:])):
        ssm.add_response("get_parameters", {"InvalidParameters": missing}, {"Names": part, "WithDecryption": False})
    failures = secrets.parameters(session.client("ssm"), references(*twelve), "app", staging)
    assert [failure.fix for failure in failures] == [
        "gitops secret put app staging KEY_03",
        "gitops secret put app staging KEY_11",
    ]
    assert "there is no parameter /app/staging/KEY_03" in failures[0].problem


def test_a_parameter_of_another_place_is_not_ours_to_put(session: StubbedSession, staging: Environment) -> None:
    answer = {"InvalidParameters": ["/shared/KEY_01"]}
    session.answers("ssm").add_response("get_parameters", answer)
    (failure,) = secrets.parameters(session.client("ssm"), references(secret(1, "/shared/")), "app", staging)
    assert failure.fix == "create it, or refer to one below /app/staging/"


def test_nothing_is_asked_when_nothing_is_referred_to(session: StubbedSession, staging: Environment) -> None:
    assert secrets.parameters(session.client("ssm"), [], "app", staging) == []


def test_secrets_of_the_log_driver_count_too() -> None:
    logging = {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "/app/staging/TOKEN"}]}
    (found,) = secrets.references(document(logConfiguration=logging))
    assert (found.container, found.variable, found.parameter) == ("app", "splunk-token", "/app/staging/TOKEN")


@pytest.mark.parametrize(
    ("value_from", "expected"),
    [
        ("arn:aws:ssm:eu-west-2:1:parameter/app/staging/KEY", "/app/staging/KEY"),
        ("arn:aws:ssm:eu-west-2:1:parameter/KEY", "KEY"),
        ("/app/staging/KEY", "/app/staging/KEY"),
        ("KEY", "KEY"),
        ("arn:aws:secretsmanager:eu-west-2:1:secret:app-AbCdEf", None),
    ],
)
def test_the_name_of_a_parameter(value_from: str, expected: str | None) -> None:
    assert secrets.parameter_name(value_from) == expected


ARN = "arn:aws:secretsmanager:eu-west-2:111111111111:secret:/app/staging/db-AbCdEf"


@pytest.mark.parametrize("behind", ["", ":password::", ":password:AWSCURRENT:"])
def test_a_stored_secret_is_described_by_its_own_arn(session: StubbedSession, behind: str) -> None:
    session.answers("secretsmanager").add_response("describe_secret", {"ARN": ARN}, {"SecretId": ARN})
    wanted = references({"name": "PASSWORD", "valueFrom": ARN + behind}, secret(1))
    assert secrets.stored_secrets(session.client("secretsmanager"), wanted) == []


def test_a_stored_secret_that_is_missing_or_going_is_named(session: StubbedSession) -> None:
    answers = session.answers("secretsmanager")
    answers.add_client_error("describe_secret", "ResourceNotFoundException")
    answers.add_response("describe_secret", {"ARN": ARN, "DeletedDate": NOON})
    wanted = references({"name": "ONE", "valueFrom": ARN}, {"name": "TWO", "valueFrom": ARN})
    missing, going = secrets.stored_secrets(session.client("secretsmanager"), wanted)
    assert (missing.problem, missing.fix) == (
        f"ONE of container app: there is no secret {ARN}",
        "create it in Secrets Manager",
    )
    assert (going.problem, going.fix) == (
        f"TWO of container app: the secret {ARN} is about to be deleted",
        "restore it",
    )
