"""What a destroy takes with it, and what it must not."""

from __future__ import annotations

import msgspec
import pytest

from gitops.errors import GitopsError
from gitops.stacks import scope
from gitops.stacks.order import Unit
from tests.gitops.stacks.test_order import BOOTSTRAP, NETWORK, PLATFORM, SERVICE, WHOLE, environment, template, units

REGISTRY = template("registry")
HERE = environment({**WHOLE, "registry": {}}, {"web": {}})
EVERY = units([NETWORK, PLATFORM, BOOTSTRAP, SERVICE, REGISTRY], HERE)
PRODUCTION = msgspec.structs.replace(HERE, environment="production", registry="staging")


def labels(found: scope.Scope) -> list[str]:
    return [unit.label for unit in found.stacks]


def test_everything_goes_in_reverse_with_bootstrap_last() -> None:
    found = scope.scope(HERE, EVERY, {"staging": HERE}, [], keep_bootstrap=False)
    assert labels(found) == ["service-web", "platform", "registry", "network", "bootstrap"]
    assert (found.kept, found.services, found.whole) == ({}, ("web",), True)


def test_a_registry_in_use_stays_and_bootstrap_with_it() -> None:
    found = scope.scope(HERE, EVERY, {"staging": HERE, "production": PRODUCTION}, [], keep_bootstrap=False)
    assert labels(found) == ["service-web", "platform", "network"]
    assert list(found.kept) == ["registry", "bootstrap"]
    assert found.bootstrap is None
    with pytest.raises(GitopsError, match="production pulls its images"):
        scope.scope(HERE, EVERY, {"production": PRODUCTION}, ["registry"], keep_bootstrap=False)


def test_bootstrap_stays_when_asked() -> None:
    found = scope.scope(HERE, EVERY, {"staging": HERE}, [], keep_bootstrap=True)
    assert "bootstrap" not in labels(found)
    assert found.kept == {"bootstrap": "--keep-bootstrap"}


def test_only_what_is_chosen_goes() -> None:
    found = scope.scope(HERE, EVERY, {"staging": HERE}, ["network", "platform"], keep_bootstrap=False)
    assert labels(found) == ["platform", "network"]
    assert (found.services, found.whole) == ((), False)


@pytest.mark.parametrize(
    ("going", "standing", "allowed"),
    [
        ({"network"}, {"network", "platform"}, False),
        ({"network", "platform"}, {"network", "platform"}, True),
        ({"network"}, {"network"}, True),
        ({"bootstrap"}, {"bootstrap", "network"}, False),
        ({"bootstrap"}, {"bootstrap"}, True),
    ],
)
def test_a_stack_in_use_does_not_go(going: set[str], standing: set[str], allowed: bool) -> None:
    every: list[Unit] = EVERY
    if allowed:
        scope.require_unused(every, going, standing)
    else:
        with pytest.raises(GitopsError, match="still need"):
            scope.require_unused(every, going, standing)
