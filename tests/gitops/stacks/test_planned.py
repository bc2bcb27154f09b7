"""The plan of stacks that are not there yet: what the templates here make in each environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import environments
from gitops.stacks import order, planned

ROOT = Path(__file__).parents[3]


def added(environment: str, label: str, **known: str) -> dict[str, str]:
    """Logical ids that the plan of a new stack lists, each with whether it is certain."""
    here = environments.load(ROOT, environment)
    unit = next(one for one in order.load(ROOT, here, "1" * 12) if one.label == label)
    found = planned.from_template(unit, {**unit.values, **known}, "create", True, here)
    return {change.logical_id: change.kind for change in found.changes}


@pytest.mark.parametrize(
    ("environment", "label", "there", "left_out"),
    [
        ("staging", "network", {"NatAddressA", "NatGatewayA"}, {"NatAddressB", "NatGatewayB"}),
        ("production", "network", {"NatAddressA", "NatAddressB", "NatGatewayB"}, set()),
        ("staging", "platform", {"HttpsListener"}, {"HttpListener"}),
        ("rehearsal", "platform", {"HttpListener"}, {"HttpsListener"}),
        ("staging", "bootstrap", {"GitHubProvider", "BuildRole"}, set()),
        ("production", "bootstrap", {"GitHubProvider"}, {"BuildRole"}),
    ],
)
def test_only_what_will_exist_is_listed(environment: str, label: str, there: set[str], left_out: set[str]) -> None:
    found = added(environment, label)
    assert there <= found.keys()
    assert not left_out & found.keys()
    assert set(found.values()) == {"add"}


@pytest.mark.parametrize(("enabled", "kind"), [({"ServiceEnabled": "true"}, "add"), ({}, "perhaps")])
def test_what_is_not_decided_yet_is_perhaps_added(enabled: dict[str, str], kind: str) -> None:
    assert added("staging", "service-weather", **enabled)["EcsService"] == kind


def test_a_service_with_nothing_to_run_has_no_ecs_service_yet() -> None:
    found = added("staging", "service-weather", ServiceEnabled="false")
    assert "EcsService" not in found
    assert found["TargetGroup"] == "add"
