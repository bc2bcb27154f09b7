"""Follows one deployment to its verdict: watched, drawn, its evidence gathered, stopped where nothing heals it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from gitops.errors import GitopsError
from gitops.progress import Display, Event
from gitops.rollout import incurable, live, observation
from gitops.rollout.bake import bake
from gitops.rollout.calls import Calls
from gitops.rollout.decide import Decision, Target
from gitops.rollout.evidence import Evidence, Gatherer
from gitops.rollout.look import Lookout
from gitops.rollout.observation import Observation
from gitops.rollout.progress import Progress
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock, End, watch

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

_EXPLAINED = {Verdict.ROLLED_BACK, Verdict.FAILED, Verdict.TIMED_OUT}


@dataclass(frozen=True)
class Followed:
    """How it ended, why, what was done about it, and what the wait cost: calls to AWS and seconds."""

    end: End
    evidence: Evidence
    notes: tuple[str, ...]
    calls: int
    seconds: float


def follow(
    session: boto3.Session,
    cluster: str,
    service: str,
    target: Target,
    document: Mapping[str, Any],
    timeout: float,
    display: Display,
    clock: Clock,
    first: Observation | None = None,
    bake_seconds: float = 0.0,
) -> Followed:
    """Follow one deployment; ``timeout`` and ``bake_seconds`` in seconds.

    ``document`` is its task definition, which says where its containers log.
    ``first`` is UpdateService's answer when the deployment was begun by it just
    now, None for one that goes on already. With ``bake_seconds`` a completed
    deployment is watched on, and the revision before put back when it does not
    last. Raises what ``watch`` raises.
    """
    calls = Calls()
    gatherer = Gatherer(session, cluster, service, target, document, clock, calls)
    following = _Following(session.client("ecs"), cluster, service, display, clock, calls)
    started = clock.now()
    end = following.watch(target, gatherer, timeout, first)
    made, seconds = calls.made, clock.now() - started
    if end.verdict is Verdict.SUCCEEDED and bake_seconds and target.previous_revision:
        end = following.bake(target, gatherer, end, bake_seconds, timeout)
    if end.verdict in _EXPLAINED:
        gatherer.at_end(end.seen)
    return Followed(end, gatherer.evidence, tuple(following.notes), made, seconds)


@dataclass
class _Following:
    """One service, followed through one deployment and perhaps the one that puts things back."""

    ecs: ECSClient
    cluster: str
    service: str
    display: Display
    clock: Clock
    calls: Calls
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls.count(self.ecs)

    def watch(self, target: Target, gatherer: Gatherer, timeout: float, first: Observation | None) -> End:
        """Watch a deployment, gathering and drawing on the way, and stop it where no further try heals it."""
        look = Lookout(self.ecs, self.cluster, self.service, target, self.calls, first)
        progress = Progress(target, self.display)

        def tell(seen: Observation, decision: Decision, waited: float) -> str | None:
            gatherer.during(seen, decision, waited)
            progress(seen, decision, gatherer.evidence.targets)
            if self.notes or decision.verdict is not None or decision.rolling_back:
                return None
            cause = incurable.incurable(gatherer.evidence.stopped.values())
            return self._stopped_for(cause, look.arn) if cause else None

        return watch(target, look, tell, timeout, self.clock, first)

    def bake(self, target: Target, gatherer: Gatherer, end: End, seconds: float, timeout: float) -> End:
        """Watch on after the end, and put the revision before back when the new one does not last."""
        name = live.short_name(target.previous_revision)
        cause = bake(target, gatherer, self._look, seconds, self.clock, self.display)
        if not cause:
            return end
        self.notes.append(f"it was complete and did not last, so {name} was deployed again")
        answer = self.ecs.update_service(
            cluster=self.cluster, service=self.service, taskDefinition=target.previous_revision
        )
        first = observation.service(answer["service"])
        if first.primary is None:
            return End(first, Verdict.FAILED, cause)
        back = Target(first.primary.id, first.primary.revision, first.primary.created, target.revision)
        look = Lookout(self.ecs, self.cluster, self.service, back, self.calls, first)
        progress = Progress(back, self.display)

        def tell(seen: Observation, decision: Decision, _: float) -> None:
            progress(seen, decision, Counter())

        put_back = watch(back, look, tell, timeout, self.clock, first)
        if put_back.verdict is Verdict.SUCCEEDED:
            return End(put_back.seen, Verdict.ROLLED_BACK, cause)
        return End(put_back.seen, Verdict.FAILED, f"{cause}; deploying {name} again: {put_back.cause}")

    def _look(self) -> Observation:
        seen = live.service(self.ecs, self.cluster, self.service)
        if seen is None:
            raise GitopsError(f"the service {self.service} was deleted while it was watched", fix="find out by whom")
        return seen

    def _stopped_for(self, cause: str, deployment_arn: str) -> str | None:
        """Have the deployment stopped; the cause where that cannot be done, for then the wait ends here."""
        self.display.show(Event(self.service, f"no further try heals this: {cause}", mood="failed"))
        refused = incurable.stop(self.ecs, deployment_arn)
        if not refused:
            self.notes.append("no further try heals this: ECS was told to stop the deployment and roll back")
            return None
        self.notes.append(f"the deployment still goes on ({refused}): ECS's circuit breaker ends it after more tries")
        return cause
