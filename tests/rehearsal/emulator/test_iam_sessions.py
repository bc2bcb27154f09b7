"""Who becomes which role by a token, and which statement allowed whom what."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import USED_PERMISSIONS
from rehearsal.emulator.iam.identity import Provider, token_refused
from rehearsal.emulator.iam.sessions import RESOURCES_KEPT, Memory, Use, assumed_role
from tests.rehearsal.emulator.account import Account, allow

ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "repo:example-org/fairweather:environment:rehearsal"
NOW = 1_000_000
PROVIDERS = [Provider("token.actions.githubusercontent.com", ("sts.amazonaws.com",))]
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "sts.amazonaws.com", "sub": SUBJECT, "exp": NOW + 60}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"aud": ["other", "sts.amazonaws.com"]}, None),
        ({"iss": "https://elsewhere.example"}, "InvalidIdentityToken"),
        ({"iss": ""}, "InvalidIdentityToken"),
        ({"exp": NOW}, "ExpiredTokenException"),
        ({"exp": None}, "InvalidIdentityToken"),
        ({"aud": "other"}, "InvalidIdentityToken"),
    ],
)
def test_issuer_audience_and_expiry(change: dict[str, Any], code: str | None) -> None:
    refused = token_refused({**CLAIMS, **change}, PROVIDERS, NOW)
    assert (refused.code if refused else None) == code


@pytest.fixture(scope="module")
def trusting_role(account: Account) -> str:
    iam = account.client("iam")
    provider = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
    host = ISSUER.removeprefix("https://")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": SUBJECT}},
    }
    trust = json.dumps({"Statement": [statement]})
    role = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=trust)["Role"]
    return str(role["Arn"])


def assume(account: Account, role: str, **change: Any) -> Any:
    claims = {**CLAIMS, "exp": int(time.time()) + 60, **change}
    token = jwt.encode(claims, "a key of sufficient length for this", algorithm="HS256")
    return account.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="test", WebIdentityToken=token
    )


def test_the_trusted_subject_assumes_the_role_and_may_do_nothing_else(account: Account, trusting_role: str) -> None:
    answer = assume(account, trusting_role)["Credentials"]
    credentials = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    identity = account.client("sts", credentials).get_caller_identity()
    assert identity["Arn"].endswith("assumed-role/trusting/test")
    with pytest.raises(ClientError, match="ecs:ListClusters"):
        account.client("ecs", credentials).list_clusters()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sub": "repo:someone/else:environment:rehearsal"}, "AccessDenied"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"iss": "https://elsewhere.example"}, "InvalidIdentityToken"),
    ],
)
def test_other_tokens_are_refused(account: Account, trusting_role: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        assume(account, trusting_role, **change)
    assert refused.value.response["Error"]["Code"] == code


USE = Use("000000000000", "ship", "Roll", "ecs:UpdateService")


def test_a_permission_used_often_is_kept_once_with_a_few_resources() -> None:
    memory = Memory()
    for number in range(100):
        memory.note(USE, f"task/{number}")
    [kept] = memory.listed()
    assert kept == {**USE._asdict(), "count": 100, "resources": [f"task/{n}" for n in range(RESOURCES_KEPT)]}


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("arn:aws:sts::111111111111:assumed-role/p-staging-deploy/job", ("111111111111", "p-staging-deploy")),
        ("arn:aws:iam::111111111111:root", None),
        ("arn:aws:iam::111111111111:user/u", None),
        ("", None),
    ],
)
def test_only_a_roles_session_counts(principal: str, expected: tuple[str, str] | None) -> None:
    assert assumed_role(principal) == expected


def used(account: Account, role: str) -> dict[tuple[str, str], dict[str, Any]]:
    status, body = account.get("127.0.0.1", USED_PERMISSIONS)
    assert status == 200
    return {(one["sid"], one["action"]): one for one in json.loads(body) if one["role"] == role}


def test_what_is_allowed_is_remembered_by_its_statement_and_what_is_refused_is_not(account: Account) -> None:
    arn = account.role("remembered", allow("ecs:List*", Sid="List"), allow("ecs:DescribeClusters", Sid="See"))
    ecs = account.client("ecs", account.assume(arn))
    assert used(account, "remembered") == {}
    ecs.list_clusters()
    ecs.list_clusters()
    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.create_cluster(clusterName="refused")
    assert {name: one["count"] for name, one in used(account, "remembered").items()} == {
        ("List", "ecs:ListClusters"): 2
    }
    ecs.describe_clusters(clusters=["remembered"])
    seen = used(account, "remembered")[("See", "ecs:DescribeClusters")]
    assert seen["resources"] == ["arn:aws:ecs:eu-west-2:000000000000:cluster/remembered"]
    assert seen["account"] == "000000000000"
