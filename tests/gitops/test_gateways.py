"""Each outside service is called in its gateway, and nowhere else in gitops."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.conftest import ROOT

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
