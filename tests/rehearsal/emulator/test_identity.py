from __future__ import annotations

import json
import time
from typing import Any

import botocore.exceptions
import jwt
import pytest

from rehearsal.emulator.identity import Provider, token_refused
from tests.rehearsal.emulator.account import Account

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
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": SUBJECT}},
            }
        ]
    }
    role = iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
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
    with pytest.raises(botocore.exceptions.ClientError, match="ecs:ListClusters"):
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
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        assume(account, trusting_role, **change)
    assert refused.value.response["Error"]["Code"] == code
