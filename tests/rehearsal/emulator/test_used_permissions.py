"""The emulator remembers which statement allowed whom what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.used_permissions import PATH, RESOURCES_KEPT, Memory, Use, assumed_role
from tests.rehearsal.emulator.account import Account

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
    status, body = account.get("127.0.0.1", PATH)
    assert status == 200
    return {(one["sid"], one["action"]): one for one in json.loads(body) if one["role"] == role}


def test_what_is_allowed_is_remembered_by_its_statement_and_what_is_refused_is_not(account: Account) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam = account.client("iam")
    arn = iam.create_role(RoleName="remembered", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {
        "Statement": [
            {"Sid": "List", "Effect": "Allow", "Action": "ecs:List*", "Resource": "*"},
            {"Sid": "See", "Effect": "Allow", "Action": "ecs:DescribeClusters", "Resource": "*"},
        ]
    }
    iam.put_role_policy(RoleName="remembered", PolicyName="p", PolicyDocument=json.dumps(policy))
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
