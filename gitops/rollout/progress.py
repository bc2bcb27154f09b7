"""A deployment's progress as events: where it stands in words, and what it consists of, to be drawn."""

from __future__ import annotations

from collections import Counter

from gitops.progress import Display, Event, Mood
from gitops.rollout.decide import Decision, Target
from gitops.rollout.observation import Observation
from gitops.rollout.verdict import Verdict

_SHOWN = ("initial", "healthy", "unhealthy", "draining")


class Progress:
    """Shows what changed, once; an unchanged look shows nothing."""

    def __init__(self, target: Target, display: Display) -> None:
        self._target, self._display = target, display
        self._name = target.revision.rpartition("/")[2]
        self._shown: dict[str, Event] = {}

    def __call__(self, seen: Observation, decision: Decision, targets: Counter[str]) -> None:
        """Take one observation with the states of the targets; call it with every one."""
        parts = leaves(self._target, seen, targets)
        for item, text in parts.items():
            self._show(Event(self._name, text, item, "failed" if item == "breaker" else "going"))
        text, mood = stage(self._target, seen, decision)
        details = ", ".join([f"{item} {detail}" for item, detail in parts.items()])
        self._show(Event(self._name, text, mood=mood, line=f"{text}: {details}" if details else text))

    def _show(self, event: Event) -> None:
        if self._shown.get(event.item) != event:
            self._shown[event.item] = event
            self._display.show(event)


def stage(target: Target, seen: Observation, decision: Decision) -> tuple[str, Mood]:
    """What is going on, in a few words."""
    if decision.verdict is not None:
        return decision.verdict.value, "done" if decision.verdict is Verdict.SUCCEEDED else "failed"
    if decision.rolling_back:
        return f"rolling back ({decision.cause})", "failed"
    running = _tasks(target, seen)[0]
    if running is None:
        return "under way", "going"
    if running < seen.desired:
        return "starting tasks", "going"
    if _old(target, seen):
        return "waiting for health, then draining the old tasks", "going"
    return "settling", "going"


def leaves(target: Target, seen: Observation, targets: Counter[str]) -> dict[str, str]:
    """The new tasks, the old ones beside them, the balancer's targets, and the breaker."""
    found = {}
    running, starting, failed = _tasks(target, seen)
    if running is not None:
        words = [f"{running} of {seen.desired} running"]
        words += [f"{starting} starting"] if starting else []
        words += [f"{failed} failed"] if failed else []
        found["new"] = ", ".join(words)
    found["old"] = f"{_old(target, seen)} running"
    if targets:
        found["targets"] = ", ".join(f"{targets[state]} {state}" for state in _SHOWN if targets[state])
    if seen.service_deployment and (breaker := seen.service_deployment.breaker) and breaker.failures:
        found["breaker"] = str(breaker)
    return found


def _tasks(target: Target, seen: Observation) -> tuple[int | None, int, int]:
    """New tasks that run, start and failed; None while ECS has not said."""
    ours, deployment = seen.service_deployment, seen.deployment(target.deployment_id)
    if ours is not None:
        return (ours.running, ours.pending, 0) if ours.requested else (None, 0, 0)
    return (deployment.running, deployment.pending, deployment.failed) if deployment else (None, 0, 0)


def _old(target: Target, seen: Observation) -> int:
    ours = seen.service_deployment
    if ours is not None and ours.source_running is not None:
        return ours.source_running
    return sum(one.running for one in seen.deployments if one.id != target.deployment_id)
