"""Sessions by role, and what botocore raises told in one line."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from gitops import aws, environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from tests.gitops.conftest import write

CONFIG = ".rehearsal/aws/config"
PROFILE = """\
[profile deploy]
region = eu-west-2
endpoint_url = http://127.0.0.1:5301
aws_access_key_id = one
aws_secret_access_key = two
"""


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


@pytest.fixture
def rehearsal(staging: Environment) -> Environment:
    return msgspec.structs.replace(staging, aws_config_file=CONFIG)


def test_on_github_the_role_is_assumed_already(
    repository: Path, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-job")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = aws.session(repository, staging, "deploy")
    credentials = session.get_credentials()
    assert session.region_name == "eu-west-2"
    assert credentials is not None
    assert credentials.access_key == "from-the-job"
    assert session.client("ecs").meta.config.retries == aws.CLIENT_CONFIG.retries  # type: ignore[attr-defined]


def test_the_rehearsal_uses_the_profile_of_the_role_whatever_keys_lie_around(
    repository: Path, rehearsal: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository / CONFIG, PROFILE)
    own = repository / "own-credentials"
    write(own, "[deploy]\naws_access_key_id = mine\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(own))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = aws.session(repository, rehearsal, "deploy")
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "one"
    assert session.client("ecs").meta.endpoint_url == "http://127.0.0.1:5301"


def test_an_emulator_that_has_ended_is_said_after_one_more_try(repository: Path, rehearsal: Environment) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write(repository / CONFIG, PROFILE.replace("5301", str(port)))
    ecs = aws.session(repository, rehearsal, "deploy").client("ecs")
    tries = []
    ecs.meta.events.register("before-send", lambda **_: tries.append(1))
    with pytest.raises(GitopsError, match="AWS does not answer") as caught, aws.explained(rehearsal):
        ecs.list_clusters()
    assert caught.value.fix == "make rehearse"
    assert len(tries) == 2


def test_a_rehearsal_that_is_not_running(repository: Path, rehearsal: Environment) -> None:
    with pytest.raises(GitopsError, match="staging is not running here") as caught:
        aws.session(repository, rehearsal, "deploy")
    assert caught.value.fix == "make rehearse"


def test_a_role_without_a_profile(repository: Path, rehearsal: Environment) -> None:
    write(repository / CONFIG, PROFILE)
    with pytest.raises(GitopsError, match=r"\.rehearsal/aws/config has no profile build"):
        aws.session(repository, rehearsal, "build")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "DescribeServices")


@pytest.mark.parametrize(
    ("raised", "words", "fix"),
    [
        (
            refused("AccessDenied"),
            "DescribeServices was refused in staging: AccessDenied: because",
            "allow it in the role",
        ),
        (refused("ExpiredToken"), "ExpiredToken", "get new credentials"),
        (refused("ValidationError"), "ValidationError", "correct that"),
        (EndpointConnectionError(endpoint_url="http://x"), "AWS does not answer for staging", "check the network"),
        (ReadTimeoutError(endpoint_url="http://x"), "AWS does not answer for staging", "check the network"),
        (NoCredentialsError(), "no AWS credentials for staging", "sign in"),
        (ParamValidationError(report="bad"), "AWS call failed in staging", ""),
    ],
)
def test_what_botocore_raises_is_explained(staging: Environment, raised: Exception, words: str, fix: str) -> None:
    with pytest.raises(GitopsError) as caught, aws.explained(staging):
        raise raised
    assert words in caught.value.problem
    assert caught.value.fix.startswith(fix)


def test_an_emulator_that_died_is_explained(rehearsal: Environment) -> None:
    with pytest.raises(GitopsError) as caught, aws.explained(rehearsal):
        raise EndpointConnectionError(endpoint_url="http://x")
    assert caught.value.fix == "make rehearse"
