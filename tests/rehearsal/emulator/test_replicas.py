"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html"""

from __future__ import annotations

import pytest

from rehearsal.emulator.scheduler.replicas import Replica, Step, Wanted, step


def new(name: str, *, healthy: bool = True, failing: bool = False) -> Replica:
    return Replica(name, current=True, healthy=healthy and not failing, failing=failing, created=name)


def old(name: str, *, healthy: bool = True) -> Replica:
    return Replica(name, current=False, healthy=healthy, created=name)


STEADY = Wanted(2, 200, 100, "COMPLETED")
ROLLING = Wanted(2, 200, 100, "IN_PROGRESS")
TIGHT = Wanted(2, 100, 50, "IN_PROGRESS")


@pytest.mark.parametrize(
    ("wanted", "replicas", "expected"),
    [
        # A new service, and one where a task has been stopped.
        (ROLLING, [], Step(start=2)),
        (STEADY, [new("1")], Step(start=1)),
        (STEADY, [new("1"), new("2")], Step()),
        # An unhealthy one is replaced first, and stopped once the other is healthy.
        (STEADY, [new("1"), new("2", failing=True)], Step(start=1)),
        (STEADY, [new("1"), new("2", failing=True), new("3", healthy=False)], Step()),
        (STEADY, [new("1"), new("2", failing=True), new("3")], Step(stop=("2",))),
        # Both unhealthy: two more start while the two go on serving what they can.
        (STEADY, [new("1", failing=True), new("2", failing=True)], Step(start=2)),
        # maximumPercent leaves no room: the unhealthy one stops to make it.
        (Wanted(2, 100, 50, "COMPLETED"), [new("1"), new("2", failing=True)], Step(start=1, stop=("2",))),
        # A roll: the former stay until the deployment is completed.
        (ROLLING, [old("1"), old("2")], Step(start=2)),
        (ROLLING, [old("1"), old("2"), new("3"), new("4", healthy=False)], Step()),
        (STEADY, [old("1"), old("2"), new("3"), new("4")], Step(stop=("1", "2"))),
        # A tight one goes step by step, and never below minimumHealthyPercent.
        (TIGHT, [old("1"), old("2")], Step(start=1, stop=("2",))),
        (TIGHT, [old("1"), new("3", healthy=False)], Step()),
        (TIGHT, [old("1"), new("3")], Step(start=1, stop=("1",))),
        # Unhealthy new tasks make room for others, healthy former ones do not.
        (ROLLING, [old("1"), old("2"), new("3", failing=True), new("4")], Step(start=1, stop=("3",))),
        # A deployment that replaces one in progress: what never was healthy makes room.
        (ROLLING, [old("1"), old("2"), old("3", healthy=False), old("4", healthy=False)], Step(2, ("3", "4"))),
        # A failed one starts nothing and takes nothing away.
        (Wanted(2, 200, 100, "FAILED"), [old("1"), old("2"), new("3")], Step()),
        # Scaling in, and to nothing.
        (STEADY, [new("1"), new("2"), new("3")], Step(stop=("3",))),
        (Wanted(0, 200, 100, "COMPLETED"), [new("1"), old("2")], Step(stop=("1", "2"))),
        # A tag is resolved by the first task.
        (Wanted(2, 200, 100, "IN_PROGRESS", one_first=True), [], Step(start=1)),
        (Wanted(2, 200, 100, "IN_PROGRESS", one_first=True), [new("1", healthy=False)], Step()),
    ],
)
def test_the_next_step(wanted: Wanted, replicas: list[Replica], expected: Step) -> None:
    assert step(wanted, replicas) == expected
