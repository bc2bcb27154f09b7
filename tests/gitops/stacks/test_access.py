"""Under which role CloudFormation works on a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.aws import Role
from gitops.errors import GitopsError
from gitops.stacks.access import Access
from gitops.stacks.live import LiveStack
from gitops.stacks.removing import require_service_role
from tests.gitops.stacks.test_order import BOOTSTRAP, NETWORK, environment, units

HERE = environment({"bootstrap": {}, "network": {"VpcCidr": "10.0.0.0/16"}}, {})
BY_LABEL = {unit.label: unit for unit in units([BOOTSTRAP, NETWORK], HERE)}
SERVICE_ROLE = "arn:aws:iam::111111111111:role/demo-staging-cloudformation"


@pytest.mark.parametrize(
    ("role", "label", "expected"),
    [
        ("infrastructure", "network", SERVICE_ROLE),
        ("teardown", "network", SERVICE_ROLE),
        ("administrator", "network", SERVICE_ROLE),
        ("administrator", "bootstrap", None),
        ("plan", "network", None),
    ],
)
def test_the_service_role_of_a_stack(role: Role, label: str, expected: str | None) -> None:
    assert Access(Path(), HERE, role).service_role(BY_LABEL[label]) == expected


def test_an_environment_without_bootstrap_has_no_service_role() -> None:
    here = environment({"network": {"VpcCidr": "10.0.0.0/16"}}, {})
    assert Access(Path(), here, "infrastructure").service_role(BY_LABEL["network"]) is None


def test_stacks_whose_service_role_is_gone_name_the_way_back() -> None:
    access = Access(Path(), HERE, "administrator")
    stacks = [LiveStack("demo-staging-network", status="CREATE_COMPLETE"), LiveStack("demo-staging-platform")]
    require_service_role(access, stacks, bootstrap_stands=True)
    require_service_role(access, stacks[1:], bootstrap_stands=False)
    with pytest.raises(GitopsError) as raised:
        require_service_role(access, stacks, bootstrap_stands=False)
    assert "demo-staging-network can only be deleted" in str(raised.value)
    assert "gitops apply staging --stack bootstrap" in str(raised.value)
