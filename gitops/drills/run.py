"""Holds one drill: steady load, the failure, recovery, calm; and what that came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitops.clock import Clock
from gitops.display import Display, Event
from gitops.drills.fleet import Fleet, Operations
from gitops.drills.kinds import KINDS, Happened, Setting, Upstream
from gitops.drills.load import Connection, Load, Place, Schedule, tally
from gitops.drills.results import Result
from gitops.errors import GitopsError

# Seconds of load before the failure and after everything is calm again; between two looks at the service.
BEFORE = AFTER = 2.0
PAUSE = 0.5
# Seconds in which leaving tasks are gone after the service has recovered (deregistration, drain, SIGTERM).
CALMS = 120.0


@dataclass(frozen=True)
class Order:
    """What is to be drilled, with which load, and how many seconds recovery may take."""

    root: Path
    place: Place
    path: str
    schedule: Schedule
    within: float
    upstream: Upstream | None


def hold(
    kind: str, title: str, order: Order, operations: Operations, clock: Clock, display: Display, *, asked_for: bool
) -> Result:
    """One drill, to its end, shown under a title.

    One that would prove nothing is skipped, and refused when it was
    ``asked_for``. Raises GitopsError, with nothing touched, when the service is
    not steady or its page is not there before anything has failed.
    """
    drill = KINDS[kind]
    load = Load(order.place, order.path, order.schedule)
    asking = Connection(order.place)

    said = ""

    def say(text: str) -> None:
        nonlocal said
        if text != said:
            said = text
            display.show(Event(title, text, mood="going"))
        count = tally(list(load.requests))
        display.show(Event(title, f"{count.sent:,} sent, {count.lost:,} lost", "requests", mood="going"))

    setting = Setting(
        order.root, operations, operations.service(), _steady(operations), order.upstream, clock, say, asking.get
    )
    if refusal := drill.refusal(setting):
        if asked_for:
            raise GitopsError(f"{kind} cannot be drilled here: {refusal}", fix="leave it out, or change that")
        display.show(Event(title, f"not applicable: {refusal}"))
        return Result(kind, "", tally([]), None, order.within, skipped=refusal)
    if problem := asking.get(order.path):
        raise GitopsError(
            f"{order.place.host}{order.path} answers {problem} before anything was done: nothing was touched",
            fix="--path PATH, or --name NAME where the certificate is for another name",
        )
    display.show(Event(title, f"{drill.does}, at {order.schedule.rate} requests a second", mood="going"))
    try:
        with load:
            clock.sleep(BEFORE)
            began, began_at = load.now, clock.now()
            happened = drill.act(setting)
            say(happened.said)
            start = began_at if happened.mended is None else happened.mended
            recovered = _recovered(operations, setting.before, happened, start, order.within, clock, say)
            _calm(operations, clock, say)
            clock.sleep(AFTER)
    finally:
        asking.close()
    return Result(
        kind,
        happened.said,
        tally(load.requests),
        recovered,
        order.within,
        began,
        load.behind,
        happened.problems,
        may_lose=drill.is_outage,
    )


def _steady(operations: Operations) -> Fleet:
    fleet = operations.fleet()
    if fleet.desired == 0:
        raise GitopsError(f"{operations.name} wants no tasks: there is nothing to drill", fix="raise MinTasks")
    if not fleet.is_settled:
        states = ", ".join(sorted(state for group in fleet.targets for state in group.values())) or "none"
        raise GitopsError(
            f"{operations.name} is not steady: {len(fleet.serving())} of {fleet.desired} tasks serve, "
            f"its targets are {states}",
            fix=f"wait for it: gitops status {operations.environment.environment}",
        )
    return fleet


def _recovered(
    operations: Operations,
    before: Fleet,
    happened: Happened,
    start: float,
    within: float,
    clock: Clock,
    say: Callable[[str], None],
) -> float | None:
    """Seconds from ``start`` until as many tasks as before serve, without those that are gone; None in vain."""
    while True:
        serving = len(operations.fleet().serving(apart=happened.gone))
        elapsed = clock.now() - start
        if serving >= before.desired:
            say(f"recovered after {elapsed:.1f} s")
            return elapsed
        say(f"{serving} of {before.desired} tasks serve")
        if elapsed > within:
            return None
        clock.sleep(PAUSE)


def _calm(operations: Operations, clock: Clock, say: Callable[[str], None]) -> None:
    """Wait until nothing comes or goes any more: a leaving task can lose requests, too."""
    until = clock.now() + CALMS
    while not operations.fleet().is_settled and clock.now() < until:
        say("tasks are leaving")
        clock.sleep(PAUSE)
