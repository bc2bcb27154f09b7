"""The drills: what each does to the service, and when it would prove nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.clock import Clock
from gitops.deploy.decision import Decision, Target, Verdict
from gitops.deploy.follow import stage
from gitops.deploy.poller import End, Tell
from gitops.drills.fleet import Fleet, Operations, busiest_zone
from gitops.ecs_answers import Observation, Task, short_name
from gitops.environments import Environment, StandIn
from gitops.errors import GitopsError

# Seconds a deployment is watched at most; a circuit breaker needs its time on Fargate.
WATCHED = 900.0
# Seconds that each failure lasts, between two looks, and in which a failure or its end must show.
LASTS = 3.0
PAUSE = 0.5
SHOWS = 15.0
# The status of `ready` while the upstream fails (RFC 9110: the server is not ready to handle the request).
UNAVAILABLE = "status 503"


@dataclass(frozen=True)
class Upstream:
    """What a service asks, where that is ours to make fail; ``ready`` answers 503 while it does.

    ``state`` is the folder in which its commands find a running one.
    """

    stand_in: StandIn
    ready: str
    state: str


def upstream(environment: Environment, service: str) -> Upstream | None:
    """A service's, as the environment's file has it; None where nothing is told to fail, or nothing would show it."""
    entry = environment.rehearsal(service)
    found = entry.stand_in
    if found is None or not (found.tell and found.failing and entry.ready):
        return None
    return Upstream(found, entry.ready, environment.state(service))


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
    refusal: Callable[[Setting], str] = lambda _: ""


def _roll(setting: Setting) -> Happened:
    end = setting.operations.deploy("", "", _teller(setting), WATCHED, setting.clock)
    said = f"{short_name(setting.seen.revision)} again: {end.verdict.value}"
    return Happened(said, frozenset(task.arn for task in setting.before.tasks), _unless(end, Verdict.SUCCEEDED))


def _bad_commit(setting: Setting) -> Happened:
    good = setting.seen.revision
    with setting.operations.doomed_revision(good) as bad:
        end = setting.operations.deploy(bad, good, _teller(setting), WATCHED, setting.clock)
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


def _fail_upstream(setting: Setting) -> Happened:
    """One failure after the other, then none.

    The page that asks the upstream each time has to say that it fails: else the
    drill would be held with an upstream that works. However this ends, the
    upstream is told to work again.
    """
    assert setting.upstream is not None  # noqa: S101 (else refused before)
    stand_in, ready, clock, problems = setting.upstream.stand_in, setting.upstream.ready, setting.clock, []
    try:
        for behaviour in stand_in.failing:
            setting.say(f"the upstream is {behaviour}")
            _tell(setting.root, setting.upstream, behaviour)
            until = clock.now() + LASTS
            if not _shows(setting, ready, UNAVAILABLE):
                problems.append(f"{ready} does not say that the upstream is {behaviour}")
            clock.sleep(max(0.0, until - clock.now()))
    finally:
        _tell(setting.root, setting.upstream, stand_in.normal)
    mended = clock.now()
    setting.say(f"the upstream is {stand_in.normal}")
    if not _shows(setting, ready, ""):
        problems.append(f"{ready} still fails after the upstream works again")
    return Happened(f"upstream {', '.join(stand_in.failing)}", problems=tuple(problems), mended=mended)


def _shows(setting: Setting, path: str, wanted: str) -> bool:
    """Whether a path answers as wanted, soon."""
    until = setting.clock.now() + SHOWS
    while setting.ask(path) != wanted:
        if setting.clock.now() >= until:
            return False
        setting.clock.sleep(PAUSE)
    return True


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
    "roll": Kind("replaces every task by one of the live revision", _roll),
    "bad-commit": Kind(
        "ships a revision that exits at start, which must be rolled back", _bad_commit, _without_breaker
    ),
    "stop-task": Kind("stops one task", _stop_task, _one_task),
    "stop-zone": Kind("stops every task of the availability zone that has the most", _stop_zone, _one_zone),
    "upstream": Kind("makes what the service asks fail in several ways", _fail_upstream, _no_upstream),
}


def _teller(setting: Setting) -> Tell:
    def tell(seen: Observation, decision: Decision, _waited: float) -> None:
        if seen.primary is not None:
            setting.say(stage(Target.of(seen.primary), seen, decision)[0])

    return tell


def _unless(end: End, wanted: Verdict) -> tuple[str, ...]:
    if end.verdict is wanted:
        return ()
    cause = f" ({end.cause})" if end.cause else ""
    return (f"the verdict was {end.verdict.value}{cause}, not {wanted.value}",)


def _tell(root: Path, upstream: Upstream, behaviour: str) -> None:
    stand_in = upstream.stand_in
    command = stand_in.behave(behaviour, upstream.state)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        without = f" without {stand_in.unless}, so that the stand-in runs" if stand_in.unless else ""
        raise GitopsError(
            f"the upstream cannot be told to be {behaviour}: {said[-1] if said else f'exit code {done.returncode}'}",
            fix=f"make rehearse{without}",
        )
