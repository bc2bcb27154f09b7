"""Follows one deployment to its verdict: watched, drawn, diagnosed, stopped where nothing heals it, proven and baked.

ECS ends a rolling deployment once its tasks are healthy, and replaces one that turns unhealthy later with another of
the same revision, for ever. For blue/green deployments it calls the time after the end "bake time".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gitops.aws import UNANSWERED, answered
from gitops.deploy import causes
from gitops.deploy.decision import Decision, State, Target, Verdict, read
from gitops.deploy.diagnostics import Diagnostics, Evidence
from gitops.deploy.lasting import Proof, bake
from gitops.deploy.poller import Calls, End, Poller, require_still_there, tried, watch
from gitops.deploy.release import PUT_BACK_WAIT, Run
from gitops.display import Display, Event, Mood
from gitops.ecs_answers import Observation, short_name

_EXPLAINED = {Verdict.ROLLED_BACK, Verdict.FAILED, Verdict.TIMED_OUT}
# As ECS calls a deployment whether its tasks last or not.
_COMPLETE = {State.STEADY, State.SETTLING, State.FAILING}
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
    ``first`` is what was seen just now of one that cannot end at once: the answer
    of the UpdateService that began it, or that it is live. None for one in flight.
    With the run's ``bake`` a completed deployment is watched on, and the revision
    before put back when it does not last. Raises what ``watch`` raises.
    """
    following = _Following(run, Calls())
    diagnostics = Diagnostics(target, document, run, following.calls)
    started = run.clock.now()
    end = following.watch(target, diagnostics, first, prove=not run.bake)
    made, seconds = following.calls.made, run.clock.now() - started
    if run.bake:
        end = following.bake(target, diagnostics, end)
    if end.verdict is Verdict.SUCCEEDED and (unseen := diagnostics.evidence.unseen):
        # A crash loop that nobody could see would be green.
        end = replace(end, verdict=Verdict.UNPROVEN, cause=f"could not be looked up: {'; '.join(unseen)}")
    if end.verdict in _EXPLAINED:
        diagnostics.at_end(end.seen)
    return Followed(end, diagnostics.evidence, tuple(following.notes), made, seconds)


@dataclass
class _Following:
    """A run's service, followed through one deployment and perhaps the one that puts things back."""

    run: Run
    calls: Calls
    notes: list[str] = field(default_factory=list)

    def watch(self, target: Target, diagnostics: Diagnostics, first: Observation | None, *, prove: bool = True) -> End:
        """Watch a deployment, diagnosing and drawing on the way, and stop it where no further try heals it."""
        poller = Poller(self.run.service, target, self.calls)
        progress = Progress(target, self.run.display)

        def tell(seen: Observation, decision: Decision, waited: float) -> str | None:
            diagnostics.during(seen, decision, waited)
            progress(seen, decision, diagnostics.evidence.targets)
            if self.notes or decision.verdict is not None or read(seen, target).state is not State.ROLLING_OUT:
                return None
            evidence = diagnostics.evidence
            cause = causes.never_heals(evidence.stopped.values(), evidence.definition, seen.desired)
            return self._stopped_for(cause, poller.arn or seen.current_deployment) if cause else None

        proof = Proof(target, diagnostics) if prove else None
        return watch(target, poller, tell, self.run.wait, self.run.clock, first, proof)

    def bake(self, target: Target, diagnostics: Diagnostics, end: End) -> End:
        """Watch on after the end, and put the revision before, if any, back when the new one does not last."""
        run = self.run
        if end.verdict is Verdict.SUCCEEDED:
            begun = run.clock.now()
            look = partial(tried, lambda _: require_still_there(run.service), run.clock, begun, run.bake)
            cause = bake(target, diagnostics, look, run.bake, run.clock, run.display)
            end = End(end.seen, Verdict.FAILED, cause) if cause else self.watch(target, diagnostics, None)
        now = read(end.seen, target)
        complete = now.to is not None and now.to.id == target.deployment_id and now.state in _COMPLETE
        gives_up = end.verdict is Verdict.FAILED and complete and target.previous_revision != ""
        return self._put_back(target, end) if gives_up else end

    def _put_back(self, target: Target, end: End) -> End:
        run, name, cause = self.run, short_name(target.previous_revision), end.cause
        try:
            first = run.service.update(target.previous_revision)
        except UNANSWERED as error:
            return End(end.seen, Verdict.FAILED, f"{cause}; {name} could not be deployed again: {answered(error)}")
        self.notes.append(f"it was complete and did not last, so {name} was deployed again")
        if first.primary is None:
            return End(first, Verdict.FAILED, cause)
        back = Target.of(first.primary, target.revision)
        self.run = replace(run, timeout=min(run.wait, PUT_BACK_WAIT))
        try:
            put_back = self.watch(back, Diagnostics(back, {}, run, self.calls), first)
        except UNANSWERED as error:
            return End(first, Verdict.FAILED, f"{cause}; deploying {name} again: {answered(error)}")
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
