"""The committed environments fill every template, and hold what their kind promises."""

from __future__ import annotations

import ipaddress
import itertools

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.policy import filled
from gitops.repository import Checkout
from gitops.stacks import order
from tests.infra.templates import BOOTSTRAP, ROOT

EVERY = environments.load_all(Checkout(ROOT))


def units(environment: Environment) -> dict[str, order.Unit]:
    """The environment's stacks by label."""
    loaded = order.load(Checkout(ROOT), environment)
    return {unit.label: unit for unit in loaded}


@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_is_filled(name: str) -> None:
    for unit in units(EVERY[name]).values():
        assert set(filled.values(unit, placeholders=True)) == set(unit.template.parameters)


@pytest.mark.parametrize("name", EVERY)
def test_stacks_come_after_those_they_take_from(name: str) -> None:
    found = units(EVERY[name])
    labels = list(found)
    services = [labels.index(f"service-{service}") for service in EVERY[name].services]
    assert set(labels[:4]) == set(BOOTSTRAP)
    for position, unit in enumerate(found.values()):
        assert unit.needs <= set(labels[:position])
    assert labels.index("network") < labels.index("platform") < min(services)


def test_every_image_has_one_home_that_others_may_pull_from() -> None:
    for environment in EVERY.values():
        home = EVERY[environment.registry]
        assert {f"repository-{service}" for service in environment.services} <= units(home).keys()
        if home is not environment:
            assert not [label for label in units(environment) if label.startswith("repository-")]
            pulls = home.stacks["repository"].get("PullAccounts", "").split(",")
            assert environment.account in (home.account, *pulls)
            assert environment.stacks["bootstrap"]["BuildsImages"] == "false"


def test_networks_do_not_overlap() -> None:
    networks = [ipaddress.ip_network(one.stacks["network"]["VpcCidr"]) for one in EVERY.values()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(networks, 2))


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_certificate_is_one_of_the_environments_own(name: str) -> None:
    environment = EVERY[name]
    # A first look may do without one, over plain HTTP.
    if arn := environment.stacks["platform"].get("CertificateArn"):
        _, _, _, region, account, _ = arn.split(":")
        assert (region, account) == (environment.region, environment.account)


def test_production_survives_the_loss_of_a_zone() -> None:
    stacks = units(EVERY["production"])
    assert stacks["network"].values["NatGateways"] == "per-az"
    assert stacks["platform"].values["DeletionProtection"] == "true"
    for service in EVERY["production"].services:
        unit = stacks[f"service-{service}"]
        assert int(filled.values(unit, placeholders=True)["MinTasks"]) >= 2


@pytest.mark.parametrize("name", EVERY)
def test_services_do_not_fight_for_a_place_on_the_listener(name: str) -> None:
    priorities = [service["ListenerPriority"] for service in EVERY[name].services.values()]
    assert len(priorities) == len(set(priorities))


def test_the_rehearsal_stays_on_this_machine_and_real_environments_use_real_accounts() -> None:
    rehearsal = EVERY["rehearsal"]
    assert rehearsal.account == "000000000000"
    assert "CertificateArn" not in rehearsal.stacks["platform"]
    assert {name: (one.aws_config_file, one.builders) for name, one in EVERY.items()} == {
        "rehearsal": (".rehearsal/aws/config", ["docker", "pack"]),
        "staging": (None, ["docker"]),
        "production": (None, ["docker"]),
    }
