"""Whether what is complete also lasts: the proof that it serves now, and the bake after it.

ECS calls a deployment complete once, and goes on saying so while its tasks die and are replaced for ever
(aws-actions/amazon-ecs-deploy-task-definition#494); a task that dies after seconds runs at every other look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from gitops.clock import Clock
from gitops.deploy import causes
from gitops.deploy.decision import Decision, Target, Verdict
from gitops.deploy.diagnostics import Diagnostics, Evidence
from gitops.display import Display, Event
from gitops.ecs_answers import Observation, Task, short_name

# Seconds and looks for which all tasks have to run before success is believed. They are counted while ECS still works
# on the deployment: health checks and draining take longer.
_STAYS, _LOOKS = 4.0, 3
# A task has to outlive those that died before it, up to so many seconds: a crash loop may take its time.
_LONGEST = 300.0
# Seconds between two looks of a bake; each is three calls (the service, stopped tasks, target health).
_PAUSE = 5.0


class Proof:
    """That a deployment serves now: asked with every look, it says what speaks against that, "" when nothing does."""

    def __init__(self, target: Target, diagnostics: Diagnostics) -> None:
        self._target, self._diagnostics = target, diagnostics
        self._since: float | None = None
        self._looks = self._failed = 0
        self._needed, self._found = _STAYS, ""
        self._before: frozenset[str] = frozenset()

    def __call__(self, seen: Observation, decision: Decision, at: float) -> str:
        """Take one look, ``at`` seconds after the first; tasks and targets are asked at its begin and at its end."""
        counts = seen.counts(self._target.deployment_id)
        running, evidence = counts.running or 0, self._diagnostics.evidence
        if running < seen.desired or counts.failed > self._failed:
            self._since, self._failed = None, counts.failed
            return f"{running} of {seen.desired} tasks run"
        self._failed = counts.failed
        if self._since is None:
            self._since, self._looks = at, 0
            self._diagnostics.look_closer(seen)
            self._before = frozenset(evidence.stopped)
            lives = [one.lived for one in _own_faults(evidence)]
            # One that ran for long and died once is no crash loop.
            lived = max((one for one in lives if one <= _LONGEST or len(lives) > 1), default=0.0)
            self._needed = min(lived, _LONGEST) + _STAYS
        self._looks += 1
        if self._looks < _LOOKS or at - self._since < self._needed:
            # What the proof before this one found is why there is another.
            return self._found or f"its tasks have not run for {self._needed:.0f} s yet"
        if decision.verdict is not Verdict.SUCCEEDED:
            return ""
        self._diagnostics.look_closer(seen)
        self._found = trouble(self._target, seen, evidence, self._before) or missing(seen, evidence)
        if self._found:
            self._since = None
        return self._found


def trouble(target: Target, seen: Observation, evidence: Evidence, apart: Collection[str] = ()) -> str:
    """What shows that the new revision does not last, tasks ``apart`` left out by their ids; "" while nothing does."""
    if seen.primary is None or seen.primary.id != target.deployment_id:
        return ""
    # A target may be unhealthy because its host dies; ECS says which it was when it stops the task.
    failed = _own_faults(evidence, apart)
    return causes.cause(failed[-1], evidence.definition) if failed else ""


def _own_faults(evidence: Evidence, apart: Collection[str] = ()) -> list[Task]:
    tasks = [one for one in evidence.stopped.values() if one.id not in apart]
    return [one for one in tasks if causes.of_revision(one, evidence.definition)]


def missing(seen: Observation, evidence: Evidence) -> str:
    """What a target group still lacks; "" where each has all, or none could be asked."""
    fewest = min((states["healthy"] for states in evidence.groups.values()), default=seen.desired)
    return f"{fewest} of {seen.desired} targets are healthy" if fewest < seen.desired else ""


def bake(
    target: Target,
    diagnostics: Diagnostics,
    look: Callable[[], Observation],
    seconds: float,
    clock: Clock,
    display: Display,
) -> str:
    """Watch a completed deployment for so many seconds; the trouble it has, "" when it lasts."""
    name = short_name(target.revision)
    display.show(Event(name, f"complete; watched for {seconds:g} s more", mood="going"))
    # What failed on the way to completion was a stumble: the deployment succeeded over it.
    diagnostics.forget_stopped()
    started, absent = clock.now(), 0
    while (left := seconds - (clock.now() - started)) > 0:
        clock.sleep(min(_PAUSE, left))
        seen = look()
        absent = 0 if seen.primary and seen.primary.id == target.deployment_id else absent + 1
        if absent > 1:
            # Another deployment has begun: whoever began it watches that.
            break
        diagnostics.look_closer(seen)
        if found := trouble(target, seen, diagnostics.evidence):
            display.show(Event(name, f"does not last: {found}", mood="failed"))
            return found
    return ""
