"""A rehearsal of several services: all of them shipped, or one; a drill has to be told which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops.repository import Checkout
from rehearsal import daemons
from tests.emulators import free_ports
from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import ENVIRONMENT, SERVICE, Clone

NEW = "one-more"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """One whose second service has no entry in rehearsals."""
    made = clones.make(tmp_path_factory.mktemp("several") / "fairweather", free_ports(), "processes")
    code, output = made.run("gitops", "new-service", NEW)
    assert code == 0, output
    made.commit("One more service")
    try:
        yield made
    finally:
        made.run("rehearsal", "stop")


def test_every_service_is_shipped_and_looked_at(clone: Clone) -> None:
    code, output = clone.ship()
    assert code == 0, output
    for service in (SERVICE, NEW):
        assert f"▸ fetch the page of {service} through the load balancer\n200 in " in output
    running = daemons.load(Checkout(clone.path))
    assert running is not None
    # What stands for something is there for the service that asks it alone.
    assert list(running.ports) == [f"stand-in of {SERVICE} in {ENVIRONMENT}"]


def test_one_is_shipped_alone(clone: Clone) -> None:
    code, output = clone.run("rehearsal", "run", "--environment", ENVIRONMENT, "--service", NEW)
    assert code == 0, output
    assert f"▸ deploy {NEW}" in output
    assert f"▸ deploy {SERVICE}" not in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rehearsal", "run", "--service", f"{NEW},nowhere"], f"nowhere is not a service of {ENVIRONMENT}"),
        (["gitops", "drill", ENVIRONMENT], f"which service of {ENVIRONMENT}?"),
    ],
)
def test_a_service_that_is_none_or_not_named_is_one_line(clone: Clone, words: list[str], said: str) -> None:
    code, output = clone.run(*words)
    assert code == 1
    assert output.startswith(f"error: {said}")
    assert len(output.splitlines()) == 1


def test_a_commit_without_its_task_definition_is_one_line(clone: Clone) -> None:
    clone.git("rm", "--quiet", f"taskdefs/{NEW}/rendered/{ENVIRONMENT}.json")
    clone.commit("Forget to render")
    code, output = clone.run("rehearsal", "run")
    assert code == 1
    assert f"has no taskdefs/{NEW}/rendered/{ENVIRONMENT}.json → gitops render, and commit it" in output
