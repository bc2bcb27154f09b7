"""How many tasks of a service to start and which to stop: the decision, apart from doing it.

Unhealthy tasks are replaced before they are stopped, as far as maximumPercent allows:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html#service-concepts
Both percentages:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Replica:
    """A task that is starting or running; ``current`` ones belong to the PRIMARY deployment.

    ``failing`` has failed its health checks and is to be replaced. ``created`` only orders.
    """

    arn: str
    current: bool
    healthy: bool
    failing: bool = False
    created: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a service asks for, and how far its PRIMARY deployment is."""

    desired: int
    maximum_percent: int
    minimum_percent: int
    state: Literal["IN_PROGRESS", "COMPLETED", "FAILED"]
    # The first task finds out which image a tag stands for; the others wait for it.
    one_first: bool = False


@dataclass(frozen=True)
class Step:
    """What to do now: so many tasks to start, and the ARNs of those to stop."""

    start: int = 0
    stop: tuple[str, ...] = ()


def step(wanted: Wanted, replicas: Sequence[Replica]) -> Step:
    """The next step towards what is wanted."""
    if wanted.desired == 0:
        return Step(stop=tuple(one.arn for one in replicas))
    former = [one for one in replicas if not one.current]
    drained = former if wanted.state == "COMPLETED" else []
    former = [one for one in former if one not in drained]
    good = [one for one in replicas if one.current and not one.failing]
    failing = [one for one in replicas if one.current and one.failing]
    stop = list(drained)
    if len(good) < wanted.desired:
        start, room = _starting(wanted, good, failing, former)
        return Step(start, tuple(one.arn for one in [*stop, *room]))
    # The newest go first where there are too many.
    surplus = sorted(good, key=lambda one: one.created)[wanted.desired :]
    stop += surplus
    if sum(one.healthy for one in good if one not in surplus) >= wanted.desired:
        stop += failing
    return Step(stop=tuple(one.arn for one in stop))


def _starting(
    wanted: Wanted, good: Sequence[Replica], failing: Sequence[Replica], former: Sequence[Replica]
) -> tuple[int, list[Replica]]:
    """How many to start, and which to stop first to make room for them."""
    missing = wanted.desired - len(good)
    if wanted.state == "FAILED":
        return 0, []
    if wanted.one_first:
        missing = 0 if good else 1
    most = max(1, wanted.desired * wanted.maximum_percent // 100)
    least = math.ceil(wanted.desired * wanted.minimum_percent / 100)
    free = max(0, most - len(good) - len(failing) - len(former))
    short = max(0, missing - free)
    useless = [*failing, *(one for one in former if not one.healthy)]
    spare = max(0, sum(one.healthy for one in [*good, *former]) - least)
    useful = sorted((one for one in former if one.healthy), key=lambda one: one.created, reverse=True)[:spare]
    room = [*useless, *useful][:short]
    return min(missing, free + len(room)), room
