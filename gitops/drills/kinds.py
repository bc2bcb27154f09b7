"""The drills: what each does to the service, and when it would prove nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gitops.clock import Clock
from gitops.deploy.decision import Decision, Target, Verdict, read
from gitops.deploy.follow import stage
from gitops.deploy.poller import End, Tell
from gitops.deploy.roll import Action, choose
from gitops.deploy.rollback import in_flight
from gitops.display import Event
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
# Seconds that ECS's rollback lasts where that can be told, so that it can be met.
ROLLBACK = 10
# Seconds that a task of a revision that crashes lives (longer than the revision takes to be complete here), that a
# deploy of it without a bake may take, and of a bake that meets the next crash.
LIVES, PROVEN, BAKE = 30.0, 10.0, 45.0
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
    """One drill; ``refusal`` says why it cannot be held on a service as it stands, or nothing.

    An outage is held where it is asked for by name only, and may lose requests.
    """

    does: str
    act: Callable[[Setting], Happened]
    refusal: Callable[[Setting], str] = lambda _: ""
    is_outage: bool = False


def _roll(setting: Setting) -> Happened:
    end = setting.operations.deploy("", "", _teller(setting), WATCHED, setting.clock)
    said = f"{short_name(setting.seen.revision)} again: {end.verdict.value}"
    return Happened(said, _arns(setting.before.tasks), _unless(end, Verdict.SUCCEEDED))


def _roll_while(kind: str) -> Callable[[Setting], Happened]:
    """Replace every task by one of the live revision, something of a kind happening to one of them meanwhile."""

    def act(setting: Setting) -> Happened:
        _happen(setting, kind, "--service", setting.operations.name)
        rolled = _roll(setting)
        if f"due: {kind}" in _happen(setting):
            never = f"{kind} never happened: nothing was proven"
            return replace(rolled, problems=(*rolled.problems, never))
        return rolled

    return act


def _retired_host(setting: Setting) -> Happened:
    _happen(setting, "retired-host", "--service", setting.operations.name)
    running = {task.arn for task in setting.operations.fleet().tasks if task.is_running}
    gone = [task for task in setting.before.tasks if task.arn not in running]
    problems = () if gone else ("no task lost its host: nothing was proven",)
    return Happened(f"retired the host of {', '.join(one.short for one in gone)}", _arns(gone), problems)


def _bad_commit(setting: Setting) -> Happened:
    good = setting.seen.revision
    with setting.operations.doomed_revision(good) as bad:
        end = setting.operations.deploy(bad, good, _teller(setting), WATCHED, setting.clock)
    return Happened(f"{short_name(bad)}: {end.verdict.value}", problems=_unless(end, Verdict.ROLLED_BACK))


def _in_rollback(press: Callable[[Setting, str, str], Sequence[str]]) -> Callable[[Setting], Happened]:
    """Ship a revision that exits at start and press something while ECS rolls it back: that changes nothing."""

    def act(setting: Setting) -> Happened:
        good, draw = setting.seen.revision, _teller(setting)
        pressed: list[Sequence[str]] = []

        def tell(seen: Observation, decision: Decision, waited: float) -> None:
            draw(seen, decision, waited)
            if decision.rolling_back and not pressed:
                pressed.append(press(setting, bad, good))

        with _slow_rollback(setting), setting.operations.doomed_revision(good) as bad:
            end = setting.operations.deploy(bad, good, tell, WATCHED, setting.clock)
            live = setting.operations.service().revision
        problems = [*_unless(end, Verdict.ROLLED_BACK), *(problem for found in pressed for problem in found)]
        if not pressed:
            problems.append("ECS's rollback was over before it was seen: nothing was proven")
        if live != good:
            problems.append(f"{short_name(live)} is live, not {short_name(good)}")
        return Happened(f"{short_name(bad)}, pressed in ECS's rollback: {end.verdict.value}", problems=tuple(problems))

    return act


def _run_again(setting: Setting, bad: str, good: str) -> Sequence[str]:
    action, ours = choose(read(setting.operations.service()), bad)
    if action is not Action.WATCH or ours is None:
        return (f"a re-run does not wait for ECS's rollback: {action.value}",)
    return _end_of(setting, Target.of(ours, good), "a re-run")


def _roll_back(setting: Setting, bad: str, good: str) -> Sequence[str]:
    found = in_flight(setting.operations.service())
    if found is None or not found.rolls_back or (found.bad.revision, found.good.revision) != (bad, good):
        return ("a rollback does not see that ECS rolls back already",)
    return _end_of(setting, Target.of(found.bad, good), "a rollback")


def _end_of(setting: Setting, target: Target, who: str) -> Sequence[str]:
    setting.say(f"{who} waits for the end of ECS's rollback")
    end = setting.operations.watch(target, _teller(setting), WATCHED, setting.clock)
    return [f"{who}: {problem}" for problem in _unless(end, Verdict.ROLLED_BACK)]


@contextmanager
def _slow_rollback(setting: Setting) -> Iterator[None]:
    """ECS's rollback lasts long enough to be met: on AWS it does by itself, up to 1¾ minutes."""
    if _told_to(setting):
        yield
        return
    _happen(setting, "slow-rollback", "--seconds", str(ROLLBACK))
    try:
        yield
    finally:
        _happen(setting, "normal")


def _crash_loop(setting: Setting) -> Happened:
    """The live revision's tasks crash, one after the other: no deploy of it is green, and a bake puts back what was."""
    good, operations, clock = setting.seen.revision, setting.operations, setting.clock
    with operations.doomed_revision(good, LIVES) as bad:
        name = short_name(bad)
        shipped = operations.deploy(bad, good, _teller(setting), WATCHED, clock)
        if problems := _unless(shipped, Verdict.SUCCEEDED):
            return Happened(f"{name} was never live", problems=problems)
        until = clock.now() + 2 * LIVES
        while len(operations.fleet().serving()) == setting.before.desired and clock.now() < until:
            setting.say(f"{name} is live; its tasks crash soon")
            clock.sleep(PAUSE)
        setting.say(f"{name} is live, and its tasks crash")
        without = operations.judge("", 0.0, PROVEN, clock, _Drawn(setting))
        baked = operations.judge(good, BAKE, WATCHED, clock, _Drawn(setting))
    problems = (*_unless(without, Verdict.FAILED), *_unless(baked, Verdict.ROLLED_BACK))
    said = f"{name} live and crashing: {without.verdict.value}; with a bake {baked.verdict.value} ({baked.cause})"
    return Happened(said, _arns(setting.before.tasks), problems, mended=clock.now())


@dataclass(frozen=True)
class _Drawn:
    """Says what a deploy shows of its own."""

    setting: Setting

    def show(self, event: Event) -> None:
        if not event.item:
            self.setting.say(event.line or event.text)


def _stop_task(setting: Setting) -> Happened:
    return _stop(setting, setting.before.serving()[:1], "")


def _stop_zone(setting: Setting) -> Happened:
    zone, tasks = busiest_zone(setting.before.serving())
    return _stop(setting, tasks, f" in {zone}")


def _stop(setting: Setting, tasks: Sequence[Task], where: str) -> Happened:
    setting.operations.stop(tasks)
    names = ", ".join(task.short for task in tasks)
    return Happened(f"stopped {names}{where}", _arns(tasks))


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
    settings = setting.seen.settings
    return "" if settings.breaker_rolls_back else "no circuit breaker with rollback: a bad commit would stay"


def _one_task(setting: Setting) -> str:
    return "" if len(setting.before.serving()) > 1 else "one task serves: stopping it is an outage, not a drill"


def _one_zone(setting: Setting) -> str:
    zones = {task.zone for task in setting.before.serving()}
    return "" if len(zones) > 1 else f"every task is in {', '.join(zones)}: stopping them all is an outage, not a drill"


def _told_to(setting: Setting) -> str:
    told = setting.operations.environment.happening()
    return "" if told else "it happens on AWS by itself: only a rehearsal can be told to"


def _no_upstream(setting: Setting) -> str:
    return "" if setting.upstream else "its upstream is somebody else's: only the rehearsal's can be told to fail"


KINDS = {
    "roll": Kind("replaces every task by one of the live revision", _roll),
    "bad-commit": Kind(
        "ships a revision that exits at start, which must be rolled back", _bad_commit, _without_breaker
    ),
    "rerun-in-rollback": Kind(
        "ships a bad commit, and deploys it again while ECS rolls it back", _in_rollback(_run_again), _without_breaker
    ),
    "rollback-in-rollback": Kind(
        "ships a bad commit, and rolls back by hand while ECS rolls it back", _in_rollback(_roll_back), _without_breaker
    ),
    "stop-task": Kind("stops one task", _stop_task, _one_task),
    "stop-zone": Kind("stops every task of the availability zone that has the most", _stop_zone, _one_zone),
    "upstream": Kind("makes what the service asks fail in several ways", _fail_upstream, _no_upstream),
    "pull-failure": Kind("rolls while one task cannot pull its image", _roll_while("pull-failure"), _told_to),
    "injected-container": Kind(
        "rolls while a task has a container that nobody declared and that fails",
        _roll_while("injected-container"),
        _told_to,
    ),
    "stale-read": Kind("rolls while DescribeServices does not know it yet", _roll_while("stale-read"), _told_to),
    "retired-host": Kind(
        "takes the host of one task out of service",
        _retired_host,
        lambda setting: _told_to(setting) or _one_task(setting),
    ),
    "crash-loop": Kind(
        "an outage, held by name only: the live revision's tasks crash, then what was live is put back",
        _crash_loop,
        lambda setting: "" if not _told_to(setting) else "it is an outage: only a rehearsal may have it",
        is_outage=True,
    ),
}
# All that are held where none is asked for.
USUAL = [name for name, kind in KINDS.items() if not kind.is_outage]


def _arns(tasks: Iterable[Task]) -> frozenset[str]:
    return frozenset(task.arn for task in tasks)


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
    without = f" without {stand_in.unless}, so that the stand-in runs" if stand_in.unless else ""
    failed = f"the upstream cannot be told to be {behaviour}"
    _run(root, stand_in.behave(behaviour, upstream.state), failed, f"make rehearse{without}")


def _happen(setting: Setting, *words: str) -> str:
    command = setting.operations.environment.happening(*words)
    return _run(setting.root, command, f"{words[0] if words else 'nothing'} cannot happen", "make rehearse")


def _run(root: Path, command: Sequence[str], failed: str, fix: str) -> str:
    """What a command of the environment's file prints; GitopsError with its last line where it fails."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise GitopsError(f"{failed}: {said[-1] if said else f'exit code {done.returncode}'}", fix=fix)
    return done.stdout
