"""What environments cost a month: the table's sums by hand, and what is said of a difference."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.review.prices import Running, Tasks, at_rest, costs, difference, running

SMALL = Tasks(2, "X86_64", 0.25, 0.5)
LONDON = Running("eu-west-2", (SMALL,), nat_gateways=2, load_balancers=1)


def test_a_month_is_the_sum_of_its_hours() -> None:
    monthly = LONDON.monthly
    assert monthly is not None
    assert monthly["tasks"] == pytest.approx(2 * (0.25 * 0.04656 + 0.5 * 0.00511) * 730)
    assert monthly["NAT gateways"] == pytest.approx(2 * 40.15)
    assert monthly["load balancer and key"] == pytest.approx(26.62 + 1, abs=0.01)


def with_tasks(**fields: Any) -> Running:
    return LONDON._replace(tasks=(SMALL._replace(**fields),))


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (with_tasks(number=5), "about +$31 a month, to $160 (tasks +$31; {})"),
        (with_tasks(architecture="ARM64"), "about −$4 a month, to $124 (tasks −$4; {})"),
        (
            with_tasks(vcpus=1, gigabytes=2)._replace(nat_gateways=1),
            "about +$22 a month, to $151 (tasks +$62, NAT gateways −$40; {})",
        ),
        (LONDON, ""),
        (LONDON._replace(region="eu-central-1"), "what runs by the hour changes; no price known for eu-central-1"),
        (with_tasks(architecture="RISCV"), "what runs by the hour changes; no price known for eu-west-2"),
    ],
)
def test_a_difference_names_its_parts(after: Running, words: str) -> None:
    assert difference(LONDON, after) == words.format("USD, eu-west-2, September 2026")


def test_at_rest_says_where_no_price_is_known() -> None:
    said = at_rest({"production": LONDON, "far": LONDON._replace(region="me-south-1"), "odd": None})
    assert said.startswith("A month at rest: production about $129, far: no price known, odd: no price known (")
    assert said.endswith("USD, eu-west-2, September 2026)")
    assert at_rest({}) == ""


ENVIRONMENT: dict[str, Any] = {
    "region": "eu-west-2",
    "stacks": {"network": {}, "platform": {}},
    "services": {"app": {}},
}
DEFAULTS = {"network": {"NatGateways": "per-az"}, "service": {"MinTasks": "2"}}
TASK: dict[str, Any] = {"cpu": "256", "memory": "512"}


@pytest.mark.parametrize(
    ("environment", "task", "found"),
    [
        (ENVIRONMENT, TASK, LONDON),
        (ENVIRONMENT, {"cpu": ".25 vCPU", "memory": "512"}, None),
        (
            {**ENVIRONMENT, "stacks": {"network": {"NatGateways": "single"}}},
            {**TASK, "runtimePlatform": {"cpuArchitecture": "ARM64"}},
            Running("eu-west-2", (SMALL._replace(architecture="ARM64"),), 1, 0),
        ),
        ({**ENVIRONMENT, "services": {"app": {"MinTasks": "x"}}}, TASK, None),
        ({**ENVIRONMENT, "stacks": {"network": {"NatGateways": "three"}}}, TASK, None),
    ],
)
def test_what_runs_is_read_from_the_files(environment: Any, task: Any, found: Running | None) -> None:
    assert running(environment, DEFAULTS, {"app": task}) == found


def test_costs_of_two_states_leave_this_machine_out() -> None:
    network = "Parameters: {NatGateways: {Type: String, Default: per-az}}\nResources: {Vpc: {Type: AWS::EC2::VPC}}\n"
    staging = "region: eu-west-2\nstacks: {network: {}}\n"
    base = {
        "infra/cloudformation/network.yaml": network,
        "infra/cloudformation/broken.yaml": "a: [",
        "infra/environments/staging.yaml": staging,
        "infra/environments/staging/app.yaml": 'parameters: {MinTasks: "1"}',
        "infra/environments/rehearsal.yaml": staging + "aws_config_file: x\n",
        "taskdefs/app/rendered/staging.json": '{"cpu": "256", "memory": "512"}',
    }
    assert costs(base, base).lines == ()
    more = {**base, "infra/environments/staging/app.yaml": 'parameters: {MinTasks: "3"}'}
    assert "**staging**: about +$" in costs(base, more).lines[0]
    assert "rehearsal" not in costs(base, base).at_rest
    head = {**base, "infra/cloudformation/network.yaml": network.replace("per-az", "single")}
    assert costs(base, head).lines == (
        "**staging**: about −$40 a month, to $51 (NAT gateways −$40; USD, eu-west-2, September 2026)",
    )
