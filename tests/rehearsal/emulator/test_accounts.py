"""Several accounts in one emulator: their registries, and what one may do in another's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rehearsal.emulator.registry import accounts
from tests.rehearsal.emulator.account import Account
from tests.rehearsal.emulator.image import call, push, registry_token

OWNER, OTHER = ("111111111111", "root"), ("222222222222", "root")
NAME = "team/shared"


@pytest.mark.parametrize(
    ("path", "account", "rest"),
    [
        ("/v2/team/service/manifests/1", "000000000000", "/v2/team/service/manifests/1"),
        ("/v2/111111111111/team/service/manifests/1", "111111111111", "/v2/team/service/manifests/1"),
        ("/v2/", "000000000000", "/v2/"),
        ("/v2/1111/team/tags/list", "000000000000", "/v2/1111/team/tags/list"),
    ],
)
def test_the_account_stands_first_in_the_path(path: str, account: str, rest: str) -> None:
    assert accounts.of_path(path) == (account, rest)


@pytest.mark.parametrize(
    ("body", "account"),
    [
        (b'{"registryId": "111111111111"}', "111111111111"),
        (b'{"registryId": "elsewhere"}', "222222222222"),
        (b"{}", "222222222222"),
        (b"[]", "222222222222"),
        (b"not json", "222222222222"),
    ],
)
def test_a_call_means_the_registry_it_names(body: bytes, account: str) -> None:
    assert accounts.of_request(body, "222222222222") == account


@pytest.fixture(scope="module")
def pushed(account: Account) -> Iterator[str]:
    """A manifest's path in the owner's registry."""
    ecr = account.client("ecr", OWNER)
    uri = ecr.create_repository(repositoryName=NAME)["repository"]["repositoryUri"]
    assert uri == f"127.0.0.1:{account.port}/{OWNER[0]}/{NAME}"
    reference = push(account, f"{OWNER[0]}/{NAME}", "1", token=registry_token(account, *OWNER))
    yield f"/v2/{OWNER[0]}/{NAME}/manifests/{reference.partition('@')[2]}"
    ecr.delete_repository(repositoryName=NAME, force=True)


@pytest.fixture(scope="module")
def reader(account: Account) -> tuple[str, ...]:
    """Credentials of a role of the other account whose own policy allows to read any repository."""
    iam = account.client("iam", OTHER)
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    actions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:DescribeImages"]
    policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=json.dumps(policy))
    answer = account.client("sts", OTHER).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def test_an_account_does_not_see_anothers_repositories(account: Account, pushed: str) -> None:
    assert account.client("ecr", OTHER).describe_repositories()["repositories"] == []
    assert NAME not in {one["repositoryName"] for one in account.client("ecr").describe_repositories()["repositories"]}


def test_another_account_pulls_once_the_repository_allows_it(
    account: Account, pushed: str, reader: tuple[str, ...]
) -> None:
    token = registry_token(account, *reader)
    describe = account.client("ecr", reader).describe_images
    assert call(account, "GET", pushed, token)[0] == 403
    with pytest.raises(Exception, match="AccessDenied"):
        describe(registryId=OWNER[0], repositoryName=NAME)
    allow = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": OTHER[0]},
                "Action": ["ecr:BatchGetImage", "ecr:DescribeImages"],
            }
        ],
    }
    account.client("ecr", OWNER).set_repository_policy(repositoryName=NAME, policyText=json.dumps(allow))
    assert call(account, "GET", pushed, token)[0] == 200
    assert describe(registryId=OWNER[0], repositoryName=NAME)["imageDetails"][0]["imageTags"] == ["1"]
