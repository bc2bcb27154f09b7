"""Which stacks there are, what fills their parameters, and their order."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from gitops import environments
from gitops.environments import Environment, GitHub
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.repository import template as template_path
from gitops.stacks import order, templates
from gitops.stacks.order import Output
from gitops.stacks.templates import Template
from tests.gitops.conftest import ENVIRONMENT, write


def template(name: str, parameters: str = "{}", outputs: str = "") -> Template:
    lines = [f"Parameters: {parameters}", "Resources: {A: {Type: X}}", "Outputs:"]
    lines += [f"  {output}: {{Value: x}}" for output in outputs.split()]
    return templates.parse("\n".join(lines), name, template_path(name))


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


def units(found: list[Template], here: Environment, images: Collection[str] = ()) -> list[order.Unit]:
    return order.units(here, {one.name: one for one in found}, "222222222222", images)


NETWORK = template("network", "{VpcCidr: {Type: String}}", "VpcId SubnetIds")
PLATFORM = template("platform", "{VpcId: {Type: String}, Days: {Type: Number, Default: 7}}", "ClusterName")
BOOTSTRAP = template("bootstrap", "{Project: {Type: String}, RegistryAccount: {Type: String}}", "RoleArn")
# Bootstrap in parts: the second takes the first one's output.
PARTS = [
    template("bootstrap-roles", "{Branch: {Type: String, Default: main}, ProviderArn: {Type: String}}", "RoleArn"),
    template("bootstrap-zeroth", '{ProviderArn: {Type: String, Default: ""}}', "ProviderArn"),
]
SERVICE = template(
    "service",
    "{Service: {Type: String}, ClusterName: {Type: String}, SubnetIds: {Type: String}, ServiceEnabled: {Type: String}}",
    "ServiceUrl",
)
REPOSITORY = template(
    "repository", "{Service: {Type: String}, KeepImages: {Type: Number, Default: 9}}", "RepositoryUri"
)
WHOLE: dict[str, dict[str, str]] = {"platform": {}, "network": {"VpcCidr": "10.0.0.0/16"}, "bootstrap": {}}


def test_dependencies_come_first_and_bootstrap_before_all() -> None:
    found = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], environment(WHOLE, {"b": {}, "a": {}}))
    assert [unit.label for unit in found] == ["bootstrap", "network", "platform", "service-a", "service-b"]
    assert [unit.stack_name for unit in found][-1] == "demo-staging-service-b"
    assert [unit.label for unit in order.select(found, [])] == ["network", "platform", "service-a", "service-b"]
    assert [unit.label for unit in order.select(found, ["platform", "bootstrap"])] == ["bootstrap", "platform"]


def test_a_parameter_takes_file_then_provided_then_output_then_default() -> None:
    here = environment({**WHOLE, "bootstrap": {"Project": "mine"}, "platform": {"Days": "30"}}, {"web": {}})
    by_label = {unit.label: unit for unit in units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], here)}
    assert by_label["bootstrap"].values == {"Project": "mine", "RegistryAccount": "222222222222"}
    assert by_label["platform"].values == {"Days": "30"}
    assert by_label["platform"].outputs == {"VpcId": Output("network", "VpcId")}
    assert by_label["service-web"].values == {"Service": "web"}
    assert by_label["service-web"].asks_service_enabled
    assert by_label["service-web"].needs == {"platform", "network"}


def test_each_service_has_a_repository_of_its_own_with_the_values_of_all() -> None:
    """Those of other environments too: what runs only there pulls its images from here."""
    here = environment({"repository": {"KeepImages": "5"}}, {"web": {"ServiceEnabled": "true", "ClusterName": "c"}})
    service = template("service", "{ClusterName: {Type: String}, ServiceEnabled: {Type: String}}")
    found = {unit.label: unit for unit in units([REPOSITORY, service], here, ["web", "elsewhere"])}
    assert list(found) == ["repository-elsewhere", "repository-web", "service-web"]
    assert found["repository-web"].stack_name == "demo-staging-repository-web"
    assert found["repository-web"].values == {"Service": "web", "KeepImages": "5"}
    assert [unit.runs for unit in found.values()] == ["", "", "web"]
    assert not found["repository-web"].asks_service_enabled


def test_a_wrong_parameter_of_a_service_names_its_own_file() -> None:
    here = environment({}, {"web": {"MinTasc": "1"}})
    with pytest.raises(
        GitopsError, match=r"^infra/environments/staging/web\.yaml: service-web has no parameter MinTasc"
    ):
        units([template("service")], here)


def test_the_file_may_decide_service_enabled_and_replace_an_output() -> None:
    here = environment({**WHOLE, "platform": {"VpcId": "vpc-1"}}, {"web": {"ServiceEnabled": "true"}})
    *_, platform, service = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE], here)
    assert service.values["ServiceEnabled"] == "true"
    assert not service.asks_service_enabled
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
        (
            PARTS,
            {"bootstrap": {"Branches": "x"}},
            ["staging.yaml: bootstrap has no parameter Branches", "bootstrap-roles.yaml, ", "bootstrap-zeroth.yaml"],
        ),
        (PARTS, {"bootstrap": {}, "bootstrap-roles": {}}, ["lists bootstrap-roles under stacks"]),
    ],
)
def test_what_cannot_be_filled_or_ordered_is_named(
    found: list[Template], stacks: dict[str, dict[str, str]], words: list[str]
) -> None:
    with pytest.raises(GitopsError) as raised:
        units(found, environment(stacks, {}))
    text = str(raised.value)
    assert all(word in text or word.replace("a → b → a", "b → a → b") in text for word in words), text


def test_the_parts_of_bootstrap_come_in_their_order_before_all() -> None:
    found = units([NETWORK, PLATFORM, *PARTS, SERVICE], environment(WHOLE, {"web": {}}))
    labels = ["bootstrap-zeroth", "bootstrap-roles", "network", "platform", "service-web"]
    assert [unit.label for unit in found] == labels
    assert found[0].stack_name == "demo-staging-bootstrap-zeroth"
    assert found[1].outputs == {"ProviderArn": Output("bootstrap-zeroth", "ProviderArn")}
    assert [unit.bootstraps for unit in found] == [True, True, False, False, False]
    assert [unit.label for unit in order.select(found, [])] == labels[2:]
    assert [unit.label for unit in order.select(found, ["bootstrap"])] == labels[:2]
    assert [unit.label for unit in order.select(found, ["network", "bootstrap-roles"])] == labels[1:3]
    assert order.dependents(found, ["bootstrap-zeroth", "bootstrap-roles"]) == {
        "bootstrap-zeroth": labels[1:],
        "bootstrap-roles": labels[2:],
    }


def test_a_value_of_bootstrap_goes_to_each_part_that_declares_it() -> None:
    given = {"ProviderArn": "arn:x", "Branch": "trunk"}
    roles, zeroth = sorted(units(PARTS, environment({"bootstrap": given}, {})), key=lambda unit: unit.label)
    assert (roles.values, roles.needs) == (given, frozenset())
    assert zeroth.values == {"ProviderArn": "arn:x"}


@pytest.mark.parametrize("chosen", [["network", "bootstrap"], ["bootstrap-roles"]])
def test_who_chooses_a_part_chooses_bootstrap(chosen: list[str]) -> None:
    assert order.chooses_bootstrap(chosen)
    assert not order.chooses_bootstrap([])
    assert not order.chooses_bootstrap(["network", "bootstrapped"])


def test_every_part_of_bootstrap_is_found(tmp_path: Path) -> None:
    for part in PARTS:
        write(tmp_path / f"infra/cloudformation/{part.name}.yaml", part.body)
    found = order.load(Checkout(tmp_path), environment({"bootstrap": {}}, {}))
    assert [unit.label for unit in found] == ["bootstrap-zeroth", "bootstrap-roles"]


def test_the_repository_s_own_templates_fit_their_environments() -> None:
    root = Path(__file__).parents[3]
    for name, here in environments.load_all(Checkout(root)).items():
        found = order.load(Checkout(root), here)
        assert found[0].bootstraps, name
        assert {unit.runs for unit in found if unit.runs} == set(here.services)


def test_repositories_are_where_the_registry_is(tmp_path: Path) -> None:
    """For the services of every environment that pulls from there."""
    write(tmp_path / "infra/cloudformation/repository.yaml", REPOSITORY.body)
    write(tmp_path / "infra/cloudformation/service.yaml", template("service").body)
    for name, stacks, service in (("staging", "{repository: {}}", "app"), ("production", "{}", "only")):
        text = ENVIRONMENT.format(name=name, account="1" * 12).replace("stacks: {}", f"stacks: {stacks}")
        write(tmp_path / f"infra/environments/{name}.yaml", text)
        write(tmp_path / f"infra/environments/{name}/{service}.yaml", "parameters: {}")
    every = environments.load_all(Checkout(tmp_path))
    labels = {name: [unit.label for unit in order.load(Checkout(tmp_path), one)] for name, one in every.items()}
    assert labels == {
        "staging": ["repository-app", "repository-only", "service-app"],
        "production": ["service-only"],
    }
