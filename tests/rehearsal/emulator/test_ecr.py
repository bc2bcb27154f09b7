"""Registries: who pushes and pulls, of which account and region."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rehearsal.emulator import ecr as registries
from rehearsal.emulator.ecr.access import Tokens, encoded, needed
from tests.rehearsal.emulator.account import ACCOUNT, REGION, REGISTRY, Account, allow
from tests.rehearsal.emulator.image import basic, call, push, registry_token

PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@pytest.fixture
def repository(account: Account) -> Iterator[str]:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="team/pushed", imageTagMutability="IMMUTABLE")
    yield "team/pushed"
    ecr.delete_repository(repositoryName="team/pushed", force=True)


def role(account: Account, name: str, *actions: str) -> str:
    """A registry token of a new role that may do just these actions."""
    return registry_token(account, *account.assume(account.role(name, allow(["ecr:GetAuthorizationToken", *actions]))))


def test_a_token_stands_for_who_asked_for_it() -> None:
    tokens = Tokens()
    password = tokens.issue("ASIAONE")
    assert tokens.holder(f"Basic {encoded(password)}") == "ASIAONE"


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic !!!", f"Basic {basic('guessed')}"])
def test_no_token_and_a_wrong_token_stand_for_nobody(header: str) -> None:
    assert Tokens().holder(header) is None


def test_what_ecr_does_not_offer_needs_nothing_and_is_refused() -> None:
    assert needed("manifest", "DELETE") is None
    assert needed("ping", "GET") == ()


def test_without_a_token_the_registry_asks_for_one(account: Account, repository: str) -> None:
    status, headers, _ = call(account, "GET", "/v2/", None)
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic ")
    assert call(account, "GET", "/v2/", registry_token(account))[0] == 200
    assert call(account, "GET", f"/v2/{REGISTRY}/{repository}/manifests/x", basic("ministack-auth-token"))[0] == 401


def test_the_repository_and_the_endpoint_are_on_this_machine(account: Account, repository: str) -> None:
    ecr = account.client("ecr")
    [described] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    assert described["repositoryUri"] == f"127.0.0.1:{account.port}/{REGISTRY}/{repository}"
    [data] = ecr.get_authorization_token()["authorizationData"]
    assert data["proxyEndpoint"] == f"http://127.0.0.1:{account.port}"


def test_a_role_with_the_push_actions_pushes_and_may_not_pull(account: Account, repository: str) -> None:
    token = role(account, "pusher", *PUSH)
    reference = push(account, repository, "v1", token=token)
    digest = reference.rsplit("@", 1)[1]
    [image] = account.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (digest, ["v1"])
    status, _, body = call(account, "GET", f"/v2/{REGISTRY}/{repository}/manifests/{digest}", token)
    assert status == 403
    assert json.loads(body)["errors"][0]["code"] == "DENIED"
    assert b"ecr:BatchGetImage" in body
    puller = role(account, "puller", *PULL)
    assert call(account, "GET", f"/v2/{REGISTRY}/{repository}/manifests/{digest}", puller)[0] == 200


@pytest.mark.parametrize("missing", PUSH[1:])
def test_each_push_action_is_needed(account: Account, repository: str, missing: str) -> None:
    token = role(account, f"without-{missing[4:]}", *(action for action in PUSH if action != missing))
    with pytest.raises(AssertionError, match=missing):
        push(account, repository, "v1", token=token)


def test_an_immutable_tag_stays_where_it_is(account: Account, repository: str) -> None:
    push(account, repository, "v1")
    with pytest.raises(AssertionError, match="immutable"):
        push(account, repository, "v1", behaviour="exits")


def test_layers_lie_on_disk_and_go_with_the_repository(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="short-lived")
    push(account, "short-lived", "v1")
    folder = account.state / "registry" / ACCOUNT / REGION / "short-lived"
    assert len(list(folder.iterdir())) == 2
    ecr.delete_repository(repositoryName="short-lived", force=True)
    assert not folder.exists()


OWNER, OTHER = ("111111111111", "root"), ("222222222222", "root")
NAME = "team/shared"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v2/111111111111/eu-west-2/team/app/manifests/1", ("111111111111", "eu-west-2", "/v2/team/app/manifests/1")),
        ("/v2/111111111111/us-gov-west-1/app/tags/list", ("111111111111", "us-gov-west-1", "/v2/app/tags/list")),
        ("/v2/111111111111/team/app/manifests/1", None),
        ("/v2/1111/eu-west-2/team/tags/list", None),
        ("/v2/team/app/manifests/1", None),
        ("/v2/", None),
    ],
)
def test_account_and_region_stand_first_in_the_path(path: str, found: tuple[str, str, str] | None) -> None:
    assert registries.of_path(path) == found


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
    assert registries.of_request(body, "222222222222") == account


@pytest.fixture(scope="module")
def pushed(account: Account) -> Iterator[str]:
    """A manifest's path in the owner's registry."""
    ecr = account.client("ecr", OWNER)
    uri = ecr.create_repository(repositoryName=NAME)["repository"]["repositoryUri"]
    assert uri == f"127.0.0.1:{account.port}/{OWNER[0]}/{REGION}/{NAME}"
    reference = push(account, NAME, "1", token=registry_token(account, *OWNER), registry=f"{OWNER[0]}/{REGION}")
    yield f"/v2/{OWNER[0]}/{REGION}/{NAME}/manifests/{reference.partition('@')[2]}"
    ecr.delete_repository(repositoryName=NAME, force=True)


@pytest.fixture(scope="module")
def reader(account: Account) -> tuple[str, ...]:
    """Credentials of a role of the other account whose own policy allows to read any repository."""
    actions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:DescribeImages"]
    return account.assume(account.role("reader", allow(actions), credentials=OTHER), OTHER)


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
            {"Effect": "Allow", "Principal": {"AWS": OTHER[0]}, "Action": ["ecr:BatchGetImage", "ecr:DescribeImages"]}
        ],
    }
    account.client("ecr", OWNER).set_repository_policy(repositoryName=NAME, policyText=json.dumps(allow))
    assert call(account, "GET", pushed, token)[0] == 200
    assert describe(registryId=OWNER[0], repositoryName=NAME)["imageDetails"][0]["imageTags"] == ["1"]
