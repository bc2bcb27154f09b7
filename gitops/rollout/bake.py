"""Watches on after a deployment is complete, and puts the revision before back when the new one does not last.

ECS ends a rolling deployment once its tasks are healthy, and replaces one that turns unhealthy later with
another of the same revision, for ever. For blue/green deployments it calls this time "bake time".
"""

from __future__ import annotations

from collections.abc import Callable

from gitops.progress import Display, Event
from gitops.rollout.decide import Target
from gitops.rollout.evidence import Evidence, Gatherer
from gitops.rollout.observation import Observation
from gitops.rollout.watch import Clock

# Seconds between two looks; each is three calls (service events, stopped tasks, target health).
_PAUSE = 5.0
# Somebody who stops a task says nothing about the revision.
_BY_A_PERSON = "UserInitiated"


def trouble(target: Target, seen: Observation, evidence: Evidence) -> str:
    """What shows that the new revision does not last; "" while nothing does."""
    if seen.primary is None or seen.primary.id != target.deployment_id:
        return ""
    failed = [one for one in evidence.stopped.values() if one.code != _BY_A_PERSON]
    if failed:
        return failed[-1].cause
    if evidence.targets["unhealthy"]:
        return next(iter(evidence.unhealthy.values()), "a target is unhealthy")
    return ""


def bake(
    target: Target, gatherer: Gatherer, look: Callable[[], Observation], seconds: float, clock: Clock, display: Display
) -> str:
    """Watch a completed deployment for so many seconds; the trouble it has, "" when it lasts."""
    name = target.revision.rpartition("/")[2]
    display.show(Event(name, f"complete; watched for {seconds:g} s more", mood="going"))
    # What failed on the way to completion was a stumble: the deployment succeeded over it.
    gatherer.forget_stopped()
    started = clock.now()
    while (left := seconds - (clock.now() - started)) > 0:
        clock.sleep(min(_PAUSE, left))
        seen = look()
        if seen.primary is None or seen.primary.id != target.deployment_id:
            # Another deployment has begun: whoever began it watches that.
            break
        gatherer.look_closer(seen)
        if found := trouble(target, seen, gatherer.evidence):
            display.show(Event(name, f"does not last: {found}", mood="failed"))
            return found
    display.show(Event(name, "succeeded", mood="done"))
    return ""
