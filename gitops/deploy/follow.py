"""Follows one deployment to its verdict: watched, drawn, diagnosed, stopped where nothing heals it, and baked.

ECS ends a rolling deployment once its tasks are healthy, and replaces one that turns unhealthy later with another of
the same revision, for ever. For blue/green deployments it calls the time after the end "bake time".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.clock import Clock
from gitops.deploy.decision import Decision, Target, Verdict
from gitops.deploy.diagnostics import Diagnostics, Evidence, never_heals
from gitops.deploy.poller import Calls, End, Poller, require_still_there, watch
from gitops.deploy.release import Run
from gitops.display import Display, Event, Mood
from gitops.ecs_answers import Observation, short_name

_EXPLAINED = {Verdict.ROLLED_BACK, Verdict.FAILED, Verdict.TIMED_OUT}
# Seconds between two looks of a bake; each is three calls (service events, stopped tasks, target health).
_PAUSE = 5.0
# Somebody who stops a task says nothing about the revision.
_BY_A_PERSON = "UserInitiated"
_SHOWN = ("initial", "healthy", "unhealthy", "draining")


@dataclass(frozen=True)
class Followed:
    """How it ended, why, what was done about it, and what the wait cost: calls to AWS and seconds."""

    end: End
    evidence: Evidence
    notes: tuple[str, ...]
    calls: int
    seconds: float


def follow(target: Target, document: Mapping[str, Any], run: Run, first: Observation | None = None) -> Followed:
    """Follow one deployment of the run's service.

    ``document`` is its task definition, which says where its containers log.
    ``first`` is UpdateService's answer when the deployment was begun by it just
    now, None for one that goes on already. With the run's ``bake`` a completed
    deployment is watched on, and the revision before put back when it does not
    last. Raises what ``watch`` raises.
    """
    following = _Following(run, Calls())
    diagnostics = Diagnostics(target, document, run, following.calls)
    started = run.clock.now()
    end = following.watch(target, diagnostics, first)
    made, seconds = following.calls.made, run.clock.now() - started
    if end.verdict is Verdict.SUCCEEDED and run.bake and target.previous_revision:
        end = following.bake(target, diagnostics, end)
    if end.verdict in _EXPLAINED:
        diagnostics.at_end(end.seen)
    return Followed(end, diagnostics.evidence, tuple(following.notes), made, seconds)


@dataclass
class _Following:
    """A run's service, followed through one deployment and perhaps the one that puts things back."""

    run: Run
    calls: Calls
    notes: list[str] = field(default_factory=list)

    def watch(self, target: Target, diagnostics: Diagnostics, first: Observation | None) -> End:
        """Watch a deployment, diagnosing and drawing on the way, and stop it where no further try heals it."""
        poller = Poller(self.run.service, target, self.calls, first)
        progress = Progress(target, self.run.display)

        def tell(seen: Observation, decision: Decision, waited: float) -> str | None:
            diagnostics.during(seen, decision, waited)
            progress(seen, decision, diagnostics.evidence.targets)
            if self.notes or decision.verdict is not None or decision.rolling_back:
                return None
            cause = never_heals(diagnostics.evidence.stopped.values())
            return self._stopped_for(cause, poller.arn) if cause else None

        return watch(target, poller, tell, self.run.timeout, self.run.clock, first)

    def bake(self, target: Target, diagnostics: Diagnostics, end: End) -> End:
        """Watch on after the end, and put the revision before back when the new one does not last."""
        run, name = self.run, short_name(target.previous_revision)
        cause = bake(target, diagnostics, lambda: require_still_there(run.service), run.bake, run.clock, run.display)
        if not cause:
            return end
        self.notes.append(f"it was complete and did not last, so {name} was deployed again")
        first = run.service.update(target.previous_revision)
        if first.primary is None:
            return End(first, Verdict.FAILED, cause)
        back = Target.of(first.primary, target.revision)
        progress = Progress(back, run.display)

        def tell(seen: Observation, decision: Decision, _: float) -> None:
            progress(seen, decision, Counter())

        put_back = watch(back, Poller(run.service, back, self.calls, first), tell, run.timeout, run.clock, first)
        if put_back.verdict is Verdict.SUCCEEDED:
            return End(put_back.seen, Verdict.ROLLED_BACK, cause)
        return End(put_back.seen, Verdict.FAILED, f"{cause}; deploying {name} again: {put_back.cause}")

    def _stopped_for(self, cause: str, deployment_arn: str) -> str | None:
        """Have the deployment stopped; the cause where that cannot be done, for then the wait ends here."""
        service = self.run.service
        self.run.display.show(Event(service.name, f"no further try heals this: {cause}", mood="failed"))
        refused = service.stop_deployment(deployment_arn)
        if not refused:
            self.notes.append("no further try heals this: ECS was told to stop the deployment and roll back")
            return None
        self.notes.append(f"the deployment still goes on ({refused}): ECS's circuit breaker ends it after more tries")
        return cause


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
    started = clock.now()
    while (left := seconds - (clock.now() - started)) > 0:
        clock.sleep(min(_PAUSE, left))
        seen = look()
        if seen.primary is None or seen.primary.id != target.deployment_id:
            # Another deployment has begun: whoever began it watches that.
            break
        diagnostics.look_closer(seen)
        if found := trouble(target, seen, diagnostics.evidence):
            display.show(Event(name, f"does not last: {found}", mood="failed"))
            return found
    display.show(Event(name, "succeeded", mood="done"))
    return ""


class Progress:
    """Shows what changed, once; an unchanged look shows nothing."""

    def __init__(self, target: Target, display: Display) -> None:
        self._target, self._display = target, display
        self._name = short_name(target.revision)
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
    counts = seen.counts(target.deployment_id)
    if counts.running is None:
        return "under way", "going"
    if counts.running < seen.desired:
        return "starting tasks", "going"
    if counts.old:
        return "waiting for health, then draining the old tasks", "going"
    return "settling", "going"


def leaves(target: Target, seen: Observation, targets: Counter[str]) -> dict[str, str]:
    """The new tasks, the old ones beside them, the balancer's targets, and the breaker."""
    found = {}
    counts, breaker = seen.counts(target.deployment_id), None
    if seen.service_deployment is not None:
        breaker = seen.service_deployment.breaker
    if counts.running is not None:
        words = [f"{counts.running} of {seen.desired} running"]
        words += [f"{counts.starting} starting"] if counts.starting else []
        # Where the breaker counts them, it says so itself.
        words += [f"{counts.failed} failed"] if counts.failed and breaker is None else []
        found["new"] = ", ".join(words)
    found["old"] = f"{counts.old} running"
    if targets:
        found["targets"] = ", ".join(f"{targets[state]} {state}" for state in _SHOWN if targets[state])
    if breaker is not None and breaker.failures:
        found["breaker"] = str(breaker)
    return found
