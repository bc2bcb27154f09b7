"""Which stacks there are, what fills their parameters, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.environments import Environment, GitHub
from gitops.errors import GitopsError
from gitops.stacks import order, templates
from gitops.stacks.order import Output
from gitops.stacks.templates import Template


def template(name: str, parameters: str = "{}", outputs: str = "") -> Template:
    lines = [f"Parameters: {parameters}", "Resources: {A: {Type: X}}", "Outputs:"]
    lines += [f"  {output}: {{Value: x}}" for output in outputs.split()]
    return templates.parse("\n".join(lines), name, templates.FOLDER / f"{name}.yaml")


def environment(stacks: dict[str, dict[str, str]], services: dict[str, dict[str, str]]) -> Environment:
    return Environment(
        environment="staging",
        project="demo",
        account="111111111111",
        region="eu-west-2",
        github=GitHub("o", "r", "1", "2"),
        registry="staging",
        stacks=stacks,
        services=services,
    )


def units(found: list[Template], here: Environment) -> list[order.Unit]:
    return order.units(here, {one.name: one for one in found}, "222222222222")


NETWORK = template("network", "{VpcCidr: {Type: String}}", "VpcId SubnetIds")
PLATFORM = template("platform", "{VpcId: {Type: String}, Days: {Type: Number, Default: 7}}", "ClusterName")
BOOTSTRAP = template("bootstrap", "{Project: {Type: String}, RegistryAccount: {Type: String}}", "RoleArn")
SERVICE = template(
    "service",
    "{Service: {Type: String}, ClusterName: {Type: String}, SubnetIds: {Type: String}, ServiceEnabled: {Type: String}}",
    "ServiceUrl",
)
WHOLE: dict[str, dict[str, str]] = {"platform": {}, "network": {"VpcCidr": "10.0.0.0/16"}, "bootstrap": {}}


def test_dependencies_come_first_and_bootstrap_before_all() -> None:
    found = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], environment(WHOLE, {"b": {}, "a": {}}))
    assert [unit.label for unit in found] == ["bootstrap", "network", "platform", "service-a", "service-b"]
    assert [unit.stack_name for unit in found][-1] == "demo-staging-service-b"


def test_a_parameter_takes_file_then_provided_then_output_then_default() -> None:
    here = environment({**WHOLE, "bootstrap": {"Project": "mine"}, "platform": {"Days": "30"}}, {"web": {}})
    by_label = {unit.label: unit for unit in units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], here)}
    assert by_label["bootstrap"].values == {"Project": "mine", "RegistryAccount": "222222222222"}
    assert by_label["platform"].values == {"Days": "30"}
    assert by_label["platform"].outputs == {"VpcId": Output("network", "VpcId")}
    assert by_label["service-web"].values == {"Service": "web"}
    assert by_label["service-web"].asks_service_enabled
    assert by_label["service-web"].needs == {"platform", "network"}


def test_the_file_may_decide_service_enabled() -> None:
    here = environment(WHOLE, {"web": {"ServiceEnabled": "true"}})
    service = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], here)[-1]
    assert service.values["ServiceEnabled"] == "true"
    assert not service.asks_service_enabled


def test_the_file_may_replace_an_output() -> None:
    here = environment({"platform": {"VpcId": "vpc-1"}}, {})
    (platform,) = units([PLATFORM], here)
    assert platform.values["VpcId"] == "vpc-1"
    assert not platform.needs


@pytest.mark.parametrize(
    ("found", "stacks", "words"),
    [
        ([NETWORK], {"network": {}}, ["network.yaml:1: nothing fills parameter VpcCidr of network"]),
        ([PLATFORM], {"platform": {"Dayz": "1"}}, ["platform has no parameter Dayz", "nothing fills parameter VpcId"]),
        (
            [template("a", "{}", "Id"), template("b", "{}", "Id"), template("c", "{Id: {Type: String}}")],
            {"a": {}, "b": {}, "c": {}},
            ["Id of c is an output of a and b"],
        ),
        (
            [template("a", "{B: {Type: String}}", "A"), template("b", "{A: {Type: String}}", "B")],
            {"a": {}, "b": {}},
            ["need each other's outputs", "a → b → a"],
        ),
        ([SERVICE], {"service": {}}, ["lists service under stacks"]),
    ],
)
def test_what_cannot_be_filled_or_ordered_is_named(
    found: list[Template], stacks: dict[str, dict[str, str]], words: list[str]
) -> None:
    with pytest.raises(GitopsError) as raised:
        units(found, environment(stacks, {}))
    text = str(raised.value)
    assert all(word in text or word.replace("a → b → a", "b → a → b") in text for word in words), text


def test_without_a_choice_bootstrap_is_left_out() -> None:
    every = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], environment(WHOLE, {"web": {}}))
    assert [unit.label for unit in order.select(every, [])] == ["network", "platform", "service-web"]
    assert [unit.label for unit in order.select(every, ["platform", "bootstrap"])] == ["bootstrap", "platform"]


def test_the_repository_s_own_templates_fit_their_environments() -> None:
    from gitops import environments

    root = Path(__file__).parents[3]
    for name, here in environments.load_all(root).items():
        registry = environments.load(root, here.registry)
        found = order.load(root, here, registry.account)
        assert found[0].label == "bootstrap", name
        assert {unit.service for unit in found if unit.service} == set(here.services)
