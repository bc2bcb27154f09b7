"""Whether what containers are given is there: parameters, secrets, environment files, in their own places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gitops.deploy import values
from gitops.deploy.references import Failure
from gitops.environments import Environment
from tests.gitops.deploy.described import NOON, StubbedSession


def secret(number: int, prefix: str = "/app/staging/") -> dict[str, str]:
    return {
        "name": f"KEY_{number:02}",
        "valueFrom": f"arn:aws:ssm:eu-west-2:{'1' * 12}:parameter{prefix}KEY_{number:02}",
    }


def clients(session: StubbedSession, name: str) -> Callable[[str], Any]:
    return lambda region: session.client(name, region_name=region)


def document(*secrets: dict[str, str], **container: Any) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": "app", "secrets": list(secrets), **container}]}


def wanted(*given: dict[str, str]) -> list[values.SecretReference]:
    return values.secrets(document(*given))


def test_every_missing_parameter_is_named_with_its_fix(session: StubbedSession, staging: Environment) -> None:
    twelve = [secret(number) for number in range(12)]
    names = [f"/app/staging/KEY_{number:02}" for number in range(12)]
    ssm = session.answers("ssm")
    for part, missing in ((names[:10], names[3:4]), (names[10:], names[11:])):
        ssm.add_response("get_parameters", {"InvalidParameters": missing}, {"Names": part, "WithDecryption": False})
    assert values.parameters(clients(session, "ssm"), wanted(*twelve), "app", staging) == [
        Failure(
            f"KEY_{number} of container app: there is no parameter /app/staging/KEY_{number}",
            f"gitops secret put app staging KEY_{number}",
        )
        for number in ("03", "11")
    ]


def test_a_parameter_of_another_place_is_not_ours_to_put(session: StubbedSession, staging: Environment) -> None:
    session.answers("ssm").add_response("get_parameters", {"InvalidParameters": ["/shared/KEY_01"]})
    (failure,) = values.parameters(clients(session, "ssm"), wanted(secret(1, "/shared/")), "app", staging)
    assert isinstance(failure, Failure)
    assert failure.fix == "create it, or refer to one below /app/staging/"
    assert values.parameters(clients(session, "ssm"), [], "app", staging) == [], "nothing is asked"


def test_secrets_of_the_log_driver_count_too() -> None:
    logging = {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "/app/staging/TOKEN"}]}
    (found,) = values.secrets(document(logConfiguration=logging))
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
    assert values.parameter_name(value_from) == expected


ARN = "arn:aws:secretsmanager:eu-west-2:111111111111:secret:/app/staging/db-AbCdEf"


@pytest.mark.parametrize(
    ("behind", "told"),
    [
        ("", []),
        ("::AWSPREVIOUS:", []),
        (":password::", ["not verified: that PASSWORD of container app has a key password: no value is read"]),
    ],
)
def test_a_stored_secret_is_described_by_its_own_arn(
    session: StubbedSession, staging: Environment, behind: str, told: list[str]
) -> None:
    session.answers("secretsmanager").add_response("describe_secret", {"ARN": ARN}, {"SecretId": ARN})
    referred = wanted({"name": "PASSWORD", "valueFrom": ARN + behind}, secret(1))
    found = values.stored_secrets(clients(session, "secretsmanager"), referred, staging)
    assert [str(one) for one in found] == told


@pytest.mark.parametrize("half", ["arn:", "arn:aws:ssm:eu-west-2:111111111111"])
def test_half_an_arn_is_named_and_not_asked_for(session: StubbedSession, staging: Environment, half: str) -> None:
    referred = wanted({"name": "KEY", "valueFrom": half})
    assert values.parameters(clients(session, "ssm"), referred, "app", staging) == []
    found = values.stored_secrets(clients(session, "secretsmanager"), referred, staging)
    assert found == [Failure(f"KEY of container app: {half} is no whole ARN", "correct it in the task definition")]


def test_a_stored_secret_that_is_missing_or_going_is_named(session: StubbedSession, staging: Environment) -> None:
    answers = session.answers("secretsmanager")
    answers.add_client_error("describe_secret", "ResourceNotFoundException")
    answers.add_response("describe_secret", {"ARN": ARN, "DeletedDate": NOON})
    referred = wanted({"name": "ONE", "valueFrom": ARN}, {"name": "TWO", "valueFrom": ARN})
    assert values.stored_secrets(clients(session, "secretsmanager"), referred, staging) == [
        Failure(f"ONE of container app: there is no secret {ARN}", "create it in Secrets Manager"),
        Failure(f"TWO of container app: the secret {ARN} is about to be deleted", "restore it"),
    ]


def test_the_credentials_of_a_registry_are_a_secret_by_name_or_arn(
    session: StubbedSession, staging: Environment
) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html"""
    session.answers("secretsmanager").add_client_error("describe_secret", "ResourceNotFoundException")
    referred = values.secrets(document(repositoryCredentials={"credentialsParameter": "hub"}))
    assert values.parameters(clients(session, "ssm"), referred, "app", staging) == []
    assert values.stored_secrets(clients(session, "secretsmanager"), referred, staging) == [
        Failure("repositoryCredentials of container app: there is no secret hub", "create it in Secrets Manager")
    ]


SHARED = "arn:aws:ssm:eu-west-2:222222222222:parameter/x/KEY"


@pytest.mark.parametrize(
    ("place", "refused", "asked", "told"),
    [
        # In another region it is this account's, and known by its name there.
        ("us-east-1:111111111111", "", "/x/KEY", "KEY of container app: there is no parameter /x/KEY in us-east-1"),
        (
            "us-east-1:111111111111",
            "AccessDeniedException",
            "",
            "not verified: KEY of container app in us-east-1 of account 111111111111: GetParameters answered Acc",
        ),
        # Another account shares it, and it is known by its ARN.
        ("eu-west-2:222222222222", "", SHARED, f"not verified: KEY of container app: the parameter {SHARED} is not "),
    ],
)
def test_a_parameter_elsewhere_is_asked_for_there(
    session: StubbedSession, staging: Environment, place: str, refused: str, asked: str, told: str
) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html: by its ARN it may be in another region; in
    another account too, eagletmt/hako#109."""
    if refused:
        session.answers("ssm").add_client_error("get_parameters", refused)
    else:
        answer, expected = {"InvalidParameters": [asked]}, {"Names": [asked], "WithDecryption": False}
        session.answers("ssm").add_response("get_parameters", answer, expected)
    referred = wanted({"name": "KEY", "valueFrom": f"arn:aws:ssm:{place}:parameter/x/KEY"})
    (found,) = values.parameters(clients(session, "ssm"), referred, "app", staging)
    assert str(found).startswith(told)
    assert session.regions["ssm"] == place.partition(":")[0]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", " in eu-central-1 of account 222222222222: DescribeSecret answered Acc"),
        ("ResourceNotFoundException", ": the secret arn:aws:secretsmanager:eu-central-1:222222222222:secret:x is not "),
    ],
)
def test_a_secret_elsewhere_is_asked_for_there(
    session: StubbedSession, staging: Environment, code: str, told: str
) -> None:
    session.answers("secretsmanager").add_client_error("describe_secret", code)
    referred = wanted({"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-central-1:222222222222:secret:x"})
    (found,) = values.stored_secrets(clients(session, "secretsmanager"), referred, staging)
    assert str(found).startswith(f"not verified: DB of container app{told}")
    assert session.regions["secretsmanager"] == "eu-central-1"


def test_what_this_role_is_there_to_read_and_may_not_is_raised(session: StubbedSession, staging: Environment) -> None:
    session.answers("ssm").add_client_error("get_parameters", "AccessDeniedException")
    with pytest.raises(ClientError):
        values.parameters(clients(session, "ssm"), wanted(secret(1)), "app", staging)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", []),
        ("404", ["there is no environment file s3://settings/app.env of container app"]),
        # For a missing one too, where the role may not list the bucket: AmazonS3/latest/API/API_HeadObject.html.
        ("403", ["not verified: the environment file s3://settings/app.env of container app: HeadObject answered 403"]),
    ],
)
def test_an_environment_file_is_looked_at(session: StubbedSession, code: str, told: list[str]) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html"""
    if code:
        session.answers("s3").add_client_error("head_object", code)
    else:
        session.answers("s3").add_response("head_object", {}, {"Bucket": "settings", "Key": "app.env"})
    given = document(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::settings/app.env"}])
    found = values.environment_files(session.client("s3"), given)
    assert [str(one).partition(" → ")[0] for one in found] == told
