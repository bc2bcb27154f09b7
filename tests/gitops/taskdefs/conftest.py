"""A task definition that nothing is wrong with, for tests to break in one place."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.taskdefs.render import fill
from tests.gitops.conftest import base


@pytest.fixture
def document() -> dict[str, Any]:
    """A rendered task definition with a secret that passes every check."""
    values = {"service": "app", "environment": "staging", "account": "1" * 12, "region": "eu-west-2", "city": "Paris"}
    filled: dict[str, Any] = fill(base(), values)
    parameter = "arn:aws:ssm:eu-west-2:111111111111:parameter/app/KEY"
    filled["containerDefinitions"][0]["secrets"] = [{"name": "KEY", "valueFrom": parameter}]
    return filled
