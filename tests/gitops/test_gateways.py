"""Each outside service is called in its gateway alone, and what a deploy reads of them takes every answer."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from gitops.cloudformation import CloudFormation, Request
from gitops.deploy import references, values
from gitops.deploy.decision import Decision
from gitops.deploy.diagnostics import Diagnostics
from gitops.deploy.poller import Calls
from gitops.ecs_answers import Balanced
from gitops.environments import Environment
from gitops.registry import Repository, find
from tests.conftest import ROOT
from tests.gitops.deploy.described import TARGET, Time, ours, run_on, seen
from tests.gitops.test_ecs import NAME, with_each_answer

# boto3's name of a service to the one file that may make its client and call it.
GATEWAYS = {"cloudformation": "gitops/cloudformation.py", "ecr": "gitops/registry.py", "ecs": "gitops/ecs.py"}


@cache
def operations(service: str) -> frozenset[str]:
    """What a client of boto3 calls the service's operations."""
    names = botocore.session.get_session().get_service_model(service).operation_names
    return frozenset(xform_name(name) for name in names)


@cache
def calls() -> tuple[tuple[str, str, str], ...]:
    """Every call of a method in gitops: its file, its name, and its first argument where that is a text."""
    return tuple(found for path in sorted((ROOT / "gitops").rglob("*.py")) for found in _calls(path))


def _calls(path: Path) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            yield path.relative_to(ROOT).as_posix(), node.func.attr, text


def of_others(service: str) -> frozenset[str]:
    """The operations of every other service that gitops has a client of: their names may be the same."""
    known = set(botocore.session.get_session().get_available_services())
    others = {text for _, name, text in calls() if name == "client" and text in known} - {service}
    return frozenset[str]().union(*(operations(one) for one in others))


@pytest.mark.parametrize(("service", "gateway"), GATEWAYS.items())
def test_a_service_is_called_in_its_gateway_alone(service: str, gateway: str) -> None:
    named = operations(service) - of_others(service)
    found = {
        (file, text if name in {"client", "get_paginator", "get_waiter"} else name)
        for file, name, text in calls()
        if (name == "client" and text == service)
        or (name in {"get_paginator", "get_waiter"} and text in named)
        or name in named
    }
    assert {file for file, _ in found} == {gateway}, sorted(found)


DOCUMENT: dict[str, Any] = {
    "executionRoleArn": "arn:aws:iam::111111111111:role/x",
    "containerDefinitions": [
        {
            "name": NAME,
            "secrets": [
                {"name": "KEY", "valueFrom": "/app/KEY"},
                {"name": "DB", "valueFrom": "arn:aws:secretsmanager:eu-west-2:111111111111:secret:db"},
            ],
            "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::files/app.env"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "x", "awslogs-stream-prefix": "app"},
            },
        }
    ],
    "volumes": [{"efsVolumeConfiguration": {"fileSystemId": "x", "authorizationConfig": {"accessPointId": "x"}}}],
}
BALANCED = replace(seen(ours), balanced=(Balanced("arn:tg", NAME, 80),))


def stacks(session: Any, _: Environment) -> None:
    gateway = CloudFormation.of(session, Time().clock)
    gateway.stack("x"), gateway.names(), gateway.resources("x"), gateway.template("x"), gateway.detect(["x"])
    gateway.newest_event("x"), gateway.events("x", after="y")
    with gateway.change_set(Request("x", "UPDATE", "{}", {}, {}, None)):
        pass


def images(session: Any, staging: Environment) -> None:
    one = Repository(session.client("ecr"), "1" * 12, "demo/app", "registry/demo/app")
    one.digest("x"), one.newest(), one.scan("x"), one.findings("x"), find(session, staging, "app"), one.login()


def evidence(session: Any, _: Environment) -> None:
    found = Diagnostics(replace(TARGET, deployment_id="x"), DOCUMENT, run_on(session, Time().clock), Calls())
    found.during(BALANCED, Decision(), 100.0)
    found.at_end(BALANCED)


def verified(session: Any, staging: Environment) -> None:
    wanted = values.secrets(DOCUMENT)
    references.roles(session.client("iam"), DOCUMENT, "app", staging)
    references.log_groups(lambda _: session.client("logs"), DOCUMENT, "app", staging)
    references.file_systems(session.client("efs"), DOCUMENT)
    references.target_groups(BALANCED, lambda: session.client("elbv2"), DOCUMENT, "apply", set[str])
    values.parameters(lambda _: session.client("ssm"), wanted, "app", staging)
    values.stored_secrets(lambda _: session.client("secretsmanager"), wanted, staging)
    values.environment_files(session.client("s3"), DOCUMENT)


@pytest.mark.parametrize("read", [stacks, images, evidence, verified])
def test_no_member_that_may_be_absent_is_relied_upon(
    read: Callable[[Any, Environment], None], staging: Environment
) -> None:
    with_each_answer(lambda session: read(session, staging))
