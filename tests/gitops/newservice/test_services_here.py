"""This repository's own services: each has all its parts, and each gets the requests that are its own."""

from __future__ import annotations

import pytest

from gitops import environments, services
from gitops.newservice.draft import rules
from gitops.newservice.names import Names
from gitops.newservice.routing import covers
from gitops.stacks import order, templates
from gitops.taskdefs import tree
from gitops.verbs import test as test_verb
from tests.conftest import ROOT

KNOWN = environments.load_all(ROOT)
SERVICES = services.names(ROOT)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_all_its_parts(service: str) -> None:
    repositories = {one.logical_id for one in templates.load(ROOT, order.REGISTRY).resources}
    assert Names(service).repository in repositories
    assert service in tree.services(ROOT)
    assert (ROOT / test_verb.tests_of(ROOT, service)).is_dir()
    assert [name for name, environment in KNOWN.items() if service in environment.services]


def test_nothing_is_left_of_a_service_that_is_gone() -> None:
    assert tree.services(ROOT) == SERVICES
    assert {service for environment in KNOWN.values() for service in environment.services} == set(SERVICES)
    repositories = [one.logical_id for one in templates.load(ROOT, order.REGISTRY).resources]
    assert sorted(repositories) == sorted(Names(service).repository for service in SERVICES)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_no_rule_hides_another(name: str) -> None:
    here = sorted((rule for rule in rules(ROOT, KNOWN) if rule.environment == name), key=lambda rule: rule.priority)
    assert len({rule.priority for rule in here}) == len(here)
    for position, rule in enumerate(here):
        before = [pattern for earlier in here[:position] for pattern in earlier.patterns]
        hidden = [pattern for pattern in rule.patterns if any(covers(wide, pattern) for wide in before)]
        assert hidden == [], f"{rule} never gets {hidden}"
