"""The committed environments fill every template, and hold what their kind promises."""

from __future__ import annotations

import ipaddress
import itertools

import pytest

from gitops import environments
from gitops.environments import Environment
from gitops.policy import filled
from gitops.stacks import order
from tests.infra.templates import ROOT

EVERY = environments.load_all(ROOT)


def units(environment: Environment) -> dict[str, order.Unit]:
    """The environment's stacks by label."""
    loaded = order.load(ROOT, environment, EVERY[environment.registry].account)
    return {unit.label: unit for unit in loaded}


def test_there_are_three() -> None:
    assert set(EVERY) == {"staging", "production", "rehearsal"}


@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_is_filled(name: str) -> None:
    for unit in units(EVERY[name]).values():
        assert set(filled.values(unit, placeholders=True)) == set(unit.template.parameters)


@pytest.mark.parametrize("name", EVERY)
def test_stacks_come_after_those_they_take_from(name: str) -> None:
    labels = list(units(EVERY[name]))
    assert labels[0] == "bootstrap"
    assert labels.index("network") < labels.index("platform") < labels.index("service-weather")


def test_every_image_has_one_home_that_others_may_pull_from() -> None:
    for environment in EVERY.values():
        home = EVERY[environment.registry]
        assert "registry" in home.stacks
        if home is not environment:
            assert "registry" not in environment.stacks
            assert environment.account in home.stacks["registry"]["PullAccounts"].split(",")
            assert environment.stacks["bootstrap"]["BuildsImages"] == "false"


def test_networks_do_not_overlap() -> None:
    networks = [ipaddress.ip_network(one.stacks["network"]["VpcCidr"]) for one in EVERY.values()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(networks, 2))


@pytest.mark.parametrize("name", ["staging", "production"])
def test_people_are_served_over_https(name: str) -> None:
    environment = EVERY[name]
    _, _, _, region, account, _ = environment.stacks["platform"]["CertificateArn"].split(":")
    assert (region, account) == (environment.region, environment.account)


def test_production_survives_the_loss_of_a_zone() -> None:
    stacks = units(EVERY["production"])
    assert stacks["network"].values["NatGateways"] == "per-az"
    assert stacks["platform"].values["DeletionProtection"] == "true"
    assert int(stacks["service-weather"].values["MinTasks"]) >= 2


@pytest.mark.parametrize("name", EVERY)
def test_services_do_not_fight_for_a_place_on_the_listener(name: str) -> None:
    priorities = [service["ListenerPriority"] for service in EVERY[name].services.values()]
    assert len(priorities) == len(set(priorities))


def test_the_rehearsal_stays_on_this_machine() -> None:
    rehearsal = EVERY["rehearsal"]
    assert rehearsal.account == "000000000000"
    assert rehearsal.aws_config_file == ".rehearsal/aws/config"
    assert rehearsal.builders == ["docker", "pack"]
    assert "CertificateArn" not in rehearsal.stacks["platform"]


@pytest.mark.parametrize("name", ["staging", "production"])
def test_real_environments_use_real_accounts(name: str) -> None:
    assert EVERY[name].aws_config_file is None
    assert EVERY[name].builders == ["docker"]
