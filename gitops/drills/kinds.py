"""The drills: what each does to the service, and when it would prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.drills import upstream
from gitops.drills.fleet import Fleet, Task, busiest_zone
from gitops.drills.operations import Operations
from gitops.environments import Upstream
from gitops.rollout.decide import Decision, Target
from gitops.rollout.live import short_name
from gitops.rollout.observation import Observation
from gitops.rollout.progress import stage
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock, End, Tell

# Seconds a deployment is watched at most; a circuit breaker needs its time on Fargate.
WATCHED = 900.0


@dataclass(frozen=True)
class Setting:
    """What a drill works with: the service as it was, and how to ask and say things."""

    root: Path
    operations: Operations
    seen: Observation
    before: Fleet
    upstream: Upstream | None
    clock: Clock
    say: Callable[[str], None]
    ask: Callable[[str], str]


@dataclass(frozen=True)
class Happened:
    """What a drill did, in words, and what was wrong.

    ``gone`` are the tasks (by ARN) to be replaced. ``mended`` is when the drill
    itself ended the failure; recovery counts from there, else from the start.
    """

    said: str
    gone: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    mended: float | None = None


@dataclass(frozen=True)
class Kind:
    """One drill; ``refusal`` says why it cannot be held on a service as it stands, or nothing."""

    does: str
    act: Callable[[Setting], Happened]
    refusal: Callable[[Setting], str]


def _roll(setting: Setting) -> Happened:
    end = setting.operations.roll(_teller(setting), WATCHED, setting.clock)
    return Happened(
        f"{short_name(setting.seen.revision)} again: {end.verdict.value}",
        setting.before.arns,
        _unless(end, Verdict.SUCCEEDED),
    )


def _bad_commit(setting: Setting) -> Happened:
    good = setting.seen.revision
    with setting.operations.doomed_revision(good) as bad:
        end = setting.operations.ship(bad, good, _teller(setting), WATCHED, setting.clock)
    return Happened(f"{short_name(bad)}: {end.verdict.value}", problems=_unless(end, Verdict.ROLLED_BACK))


def _stop_task(setting: Setting) -> Happened:
    return _stop(setting, setting.before.serving()[:1], "")


def _stop_zone(setting: Setting) -> Happened:
    zone, tasks = busiest_zone(setting.before.serving())
    return _stop(setting, tasks, f" in {zone}")


def _stop(setting: Setting, tasks: Sequence[Task], where: str) -> Happened:
    setting.operations.stop(tasks)
    names = ", ".join(task.short for task in tasks)
    return Happened(f"stopped {names}{where}", frozenset(task.arn for task in tasks))


def _upstream(setting: Setting) -> Happened:
    assert setting.upstream is not None  # noqa: S101 (else refused before)
    mended, problems = upstream.fail(setting.root, setting.upstream, setting.ask, setting.clock, setting.say)
    return Happened(f"upstream {', '.join(setting.upstream.failing)}", problems=problems, mended=mended)


def _never(_: Setting) -> str:
    return ""


def _without_breaker(setting: Setting) -> str:
    return "" if setting.seen.breaker_rolls_back else "no circuit breaker with rollback: a bad commit would stay"


def _one_task(setting: Setting) -> str:
    return "" if len(setting.before.serving()) > 1 else "one task serves: stopping it is an outage, not a drill"


def _one_zone(setting: Setting) -> str:
    zones = {task.zone for task in setting.before.serving()}
    return "" if len(zones) > 1 else f"every task is in {', '.join(zones)}: stopping them all is an outage, not a drill"


def _no_upstream(setting: Setting) -> str:
    return "" if setting.upstream else "its upstream is somebody else's: only the rehearsal's can be told to fail"


KINDS = {
    "roll": Kind("replaces every task by one of the live revision", _roll, _never),
    "bad-commit": Kind(
        "ships a revision that exits at start, which must be rolled back", _bad_commit, _without_breaker
    ),
    "stop-task": Kind("stops one task", _stop_task, _one_task),
    "stop-zone": Kind("stops every task of the availability zone that has the most", _stop_zone, _one_zone),
    "upstream": Kind("makes what the service asks fail in several ways", _upstream, _no_upstream),
}


def _teller(setting: Setting) -> Tell:
    def tell(seen: Observation, decision: Decision, _waited: float) -> None:
        primary = seen.primary
        if primary is not None:
            target = Target(primary.id, primary.revision, primary.created)
            setting.say(stage(target, seen, decision)[0])

    return tell


def _unless(end: End, wanted: Verdict) -> tuple[str, ...]:
    if end.verdict is wanted:
        return ()
    cause = f" ({end.cause})" if end.cause else ""
    return (f"the verdict was {end.verdict.value}{cause}, not {wanted.value}",)
