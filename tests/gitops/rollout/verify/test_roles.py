"""The two roles of a task exist and trust ECS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.rollout.verify.roles import TASKS, roles, trusts
from tests.gitops.rollout.described import NOON
from tests.gitops.rollout.stubbed import StubbedSession

EXECUTION, TASK = (f"arn:aws:iam::111111111111:role/app-staging-{kind}" for kind in ("execution", "task"))
BOTH = {"executionRoleArn": EXECUTION, "taskRoleArn": TASK}


def trust(principal: Any, action: Any = "sts:AssumeRole", effect: str = "Allow") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": principal, "Action": action}]}


OURS = trust({"Service": TASKS})


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


@pytest.fixture
def staging(repository: Path) -> Environment:
    return environments.load(repository, "staging")


def answer(session: StubbedSession, arn: str, policy: dict[str, Any]) -> None:
    role = {
        "Path": "/",
        "RoleName": arn.rpartition("/")[2],
        "RoleId": "AROA1234567890123456",
        "Arn": arn,
        "CreateDate": NOON,
        # As IAM sends it; botocore decodes it for its caller.
        "AssumeRolePolicyDocument": quote(json.dumps(policy)),
    }
    session.answers("iam").add_response("get_role", {"Role": role})


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (OURS, True),
        (trust({"Service": ["ec2.amazonaws.com", TASKS]}, ["sts:AssumeRole", "sts:TagSession"]), True),
        ({"Statement": OURS["Statement"][0]}, True),
        (trust({"Service": "ec2.amazonaws.com"}), False),
        (trust({"Service": TASKS}, "sts:TagSession"), False),
        (trust({"Service": TASKS}, effect="Deny"), False),
        (trust({"AWS": TASKS}), False),
        (trust("*"), False),
        ({}, False),
    ],
)
def test_who_is_trusted(policy: dict[str, Any], expected: bool) -> None:
    assert trusts(policy, TASKS) is expected


def test_roles_that_are_there_and_trust_ecs_are_no_failure(session: StubbedSession, staging: Environment) -> None:
    for arn in (EXECUTION, TASK):
        answer(session, arn, OURS)
    assert roles(session.client("iam"), BOTH, "app", staging) == []


def test_each_missing_role_is_named_with_its_stack(session: StubbedSession, staging: Environment) -> None:
    for _ in BOTH:
        session.answers("iam").add_client_error("get_role", "NoSuchEntity")
    found = roles(session.client("iam"), BOTH, "app", staging)
    assert [failure.problem for failure in found] == [
        "the execution role app-staging-execution does not exist",
        "the task role app-staging-task does not exist",
    ]
    assert {failure.fix for failure in found} == {"gitops apply staging --stack service-app"}


def test_a_role_that_trusts_another_service_is_named(session: StubbedSession, staging: Environment) -> None:
    answer(session, EXECUTION, trust({"Service": "ec2.amazonaws.com"}))
    (failure,) = roles(session.client("iam"), {"executionRoleArn": EXECUTION}, "app", staging)
    assert failure.problem == f"the execution role app-staging-execution does not trust {TASKS}"


def test_a_role_of_another_account_is_not_the_one_of_that_name(session: StubbedSession, staging: Environment) -> None:
    answer(session, EXECUTION, OURS)
    elsewhere = EXECUTION.replace("1" * 12, "2" * 12)
    (failure,) = roles(session.client("iam"), {"executionRoleArn": elsewhere}, "app", staging)
    assert failure.problem == f"the execution role {elsewhere} does not exist: app-staging-execution is {EXECUTION}"


def test_fargate_needs_an_execution_role(session: StubbedSession, staging: Environment) -> None:
    (failure,) = roles(session.client("iam"), {}, "app", staging)
    assert failure.problem == "the task definition names no execution role"
