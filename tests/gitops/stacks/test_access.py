"""Under which role CloudFormation works on a stack, and which stacks no entry asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.aws import Role
from gitops.cloudformation import Stack
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks.access import Access, Orphan, orphans
from gitops.stacks.destroy import require_service_role
from tests.gitops.stacks.test_order import BOOTSTRAP, NETWORK, PLATFORM, REPOSITORY, SERVICE, WHOLE, environment, units

CHECKOUT = Checkout(Path())
HERE = environment({**WHOLE, "repository": {}}, {"web": {}})
UNITS = units([BOOTSTRAP, NETWORK, PLATFORM, SERVICE, REPOSITORY], HERE, ["web"])
BY_LABEL = {unit.label: unit for unit in UNITS}
PREFIX = f"{HERE.project}-{HERE.environment}"
SERVICE_ROLE = "arn:aws:iam::111111111111:role/demo-staging-cloudformation"


@pytest.mark.parametrize("role", ["infrastructure", "teardown", "administrator"])
def test_cloudformation_works_under_its_role_but_on_bootstrap_and_for_a_plan(role: Role) -> None:
    assert Access(CHECKOUT, HERE, role).service_role(BY_LABEL["network"]) == SERVICE_ROLE
    assert Access(CHECKOUT, HERE, role).service_role(BY_LABEL["bootstrap"]) is None
    assert Access(CHECKOUT, HERE, "plan").service_role(BY_LABEL["network"]) is None
    without_bootstrap = environment({"network": {"VpcCidr": "10.0.0.0/16"}}, {})
    assert Access(CHECKOUT, without_bootstrap, role).service_role(BY_LABEL["network"]) is None


def test_stacks_whose_service_role_is_gone_name_the_way_back() -> None:
    access = Access(CHECKOUT, HERE, "administrator")
    stacks = [Stack("demo-staging-network", status="CREATE_COMPLETE"), Stack("demo-staging-platform")]
    require_service_role(access, stacks, bootstrap_stands=True)
    require_service_role(access, stacks[1:], bootstrap_stands=False)
    with pytest.raises(GitopsError) as raised:
        require_service_role(access, stacks, bootstrap_stands=False)
    assert "demo-staging-network can only be deleted" in str(raised.value)
    assert "gitops apply staging --stack bootstrap" in str(raised.value)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([], []),
        ([f"{PREFIX}-network", f"{PREFIX}-service-web"], []),
        ([f"{PREFIX}-service-alerts"], ["service-alerts"]),
        ([f"{PREFIX}-service-wind-alerts", f"{PREFIX}-service-a"], ["service-wind-alerts", "service-a"]),
        # The service's own name as another's beginning, and as a template's.
        ([f"{PREFIX}-service-web-alerts", f"{PREFIX}-web"], ["service-web-alerts", "web"]),
        ([f"{PREFIX}-repository-web", f"{PREFIX}-repository-alerts"], ["repository-alerts"]),
        (["other-stack", f"{HERE.project}-other-service-alerts", PREFIX, f"{PREFIX}ing-service-a"], []),
    ],
)
def test_what_no_entry_asks_for(names: list[str], labels: list[str]) -> None:
    assert [one.label for one in orphans(HERE, UNITS, names)] == labels


OWNERS = {"service-alerts": "alerts", "service-wind-alerts": "wind-alerts"}


@pytest.mark.parametrize("label", [*OWNERS, "network", "services-a", "repository-a"])
def test_whose_a_stack_was(label: str) -> None:
    assert Orphan(label, f"{PREFIX}-{label}").service == OWNERS.get(label, "")


def test_it_says_how_to_remove_it() -> None:
    (line,) = (one.line("staging") for one in orphans(HERE, UNITS, [f"{PREFIX}-service-alerts"]))
    assert line.startswith(f"left over: {PREFIX}-service-alerts,")
    assert line.endswith("gitops destroy staging --stack service-alerts --confirm staging")
