"""Sessions by role, and what botocore raises told in one line."""

from __future__ import annotations

import ast
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session

from gitops import aws
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout
from tests.conftest import ROOT
from tests.gitops.conftest import Gitops, commit, write

CONFIG = ".rehearsal/aws/config"
PROFILE = """\
[profile deploy]
region = eu-west-2
endpoint_url = http://127.0.0.1:5301
aws_access_key_id = one
aws_secret_access_key = two
"""


@pytest.fixture
def rehearsal(staging: Environment) -> Environment:
    return msgspec.structs.replace(staging, aws_config_file=CONFIG)


def test_on_github_the_role_is_assumed_already(
    repository: Path, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-job")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = aws.session(Checkout(repository), staging, "deploy")
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
    session = aws.session(Checkout(repository), rehearsal, "deploy")
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "one"
    assert session.client("ecs").meta.endpoint_url == "http://127.0.0.1:5301"


ENDED = """\
[profile {role}]
region = eu-west-2
endpoint_url = http://127.0.0.1:{port}
"""
KEYS = "aws_access_key_id = one\naws_secret_access_key = two\n"
ROLE = "role_arn = arn:aws:iam::111111111111:role/demo\nweb_identity_token_file = token\n"


# With keys the first call is the verb's own, else the role is assumed before it.
@pytest.mark.parametrize("credentials", [KEYS, ROLE], ids=["keys", "role"])
@pytest.mark.parametrize(
    "words",
    [
        ("plan", "staging"),
        ("apply", "staging"),
        ("apply", "staging", "--stack", "bootstrap"),
        ("destroy", "staging", "--confirm", "staging"),
        ("drift", "staging"),
        ("status", "staging"),
        ("prune", "app", "staging"),
        ("deploy", "app", "staging"),
    ],
)
def test_every_verb_says_at_once_that_a_rehearsal_has_ended(
    repository: Path, words: tuple[str, ...], credentials: str, gitops: Gitops, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write(repository / "token", "a.b.c")
    roles = ("administrator", "plan", "deploy", "infrastructure", "teardown", "drift")
    write(repository / CONFIG, "\n".join(ENDED.format(role=role, port=port) + credentials for role in roles))
    here = repository / "infra/environments/staging.yaml"
    stacks = "aws_config_file: .rehearsal/aws/config\nstacks: {bootstrap: {}}"
    write(here, here.read_text().replace("stacks: {}", stacks))
    for name in ("bootstrap", "service"):
        write(repository / f"infra/cloudformation/{name}.yaml", "Resources: {A: {Type: AWS::SNS::Topic}}")
    assert gitops("render").code == 0
    commit(repository)
    tries = []
    send = URLLib3Session.send

    def counted(*given: Any) -> Any:
        tries.append(1)
        return send(*given)

    monkeypatch.setattr(URLLib3Session, "send", counted)
    ran = gitops(*words)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert "AWS does not answer for staging" in ran.err
    assert ran.err.endswith("→ make rehearse\n")
    assert len(tries) == 2


def test_no_client_has_retries_or_timeouts_of_its_own() -> None:
    """A config of its own undoes what the session says of an environment on this machine."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for folder in ("gitops", "rehearsal")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("client", "resource", "create_client")
        if any(keyword.arg in ("config", None) for keyword in call.keywords)
    ]
    assert found == []
    users = {path for path in (ROOT / "gitops").rglob("*.py") if "botocore.config" in path.read_text(encoding="utf-8")}
    assert users == {ROOT / "gitops/aws.py"}


def test_a_rehearsal_that_is_not_running_and_a_role_without_a_profile(repository: Path, rehearsal: Environment) -> None:
    with pytest.raises(GitopsError, match="staging is not running here") as caught:
        aws.session(Checkout(repository), rehearsal, "deploy")
    assert caught.value.fix == "make rehearse"
    write(repository / CONFIG, PROFILE)
    with pytest.raises(GitopsError, match=r"\.rehearsal/aws/config has no profile build"):
        aws.session(Checkout(repository), rehearsal, "build")


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


def test_what_is_absent_is_none_and_other_refusals_are_errors() -> None:
    def ask(code: str) -> str:
        raise refused(code)

    assert aws.found(lambda: "it", "NotFound") == "it"
    assert aws.found(lambda: ask("NotFound"), "NoSuchKey", "NotFound") is None
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.found(lambda: ask("AccessDenied"), "NotFound")
    assert (aws.code(refused("X")), aws.message(refused("X"))) == ("X", "because")
    assert (aws.code(ClientError({}, "X")), aws.message(ClientError({}, "X"))) == ("", "")
