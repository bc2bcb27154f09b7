"""Polls a deployment until it has a verdict: asks ECS, decides, tells, waits, under one call a second on average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gitops import aws
from gitops.clock import Clock
from gitops.deploy.decision import OPEN_STATUSES, Decision, State, Target, Verdict, decide, read
from gitops.ecs import Service
from gitops.ecs_answers import Observation, ServiceDeployment
from gitops.errors import GitopsError

# Seconds before the first look at a deployment that has just begun: none ends sooner than a task starts
# and passes a health check, and the calls saved here pay for the proof at the end.
_FIRST = 2.6
# Seconds from one look to the next: a deployment that may end now is looked at once a second, less the
# time of a call; one whose tasks do not even run, or have not run for long, cannot end so soon.
_SOON = 0.985
_BETWEEN, _LATER = 1.35, 2.0
_EARLY_SECONDS = 10.0
_JITTER = 0.01
_MOST_BACK_OFF = 10.0
_TRIES = 4
# Seconds for which a read may not know yet what UpdateService has answered: reads are eventually consistent
# (bugcrowd/ecs-deployment-monitor#2 takes three looks without it, kayac/ecspresso#28 waits 3 s before the first).
LATE = 30.0
# A deployment and its service deployment are made at one time, by two clocks perhaps.
_APART = timedelta(seconds=10)
# Seconds that a proof of success may take beyond the time: a deployment may end with it.
_PROOF = 10.0
# Where nothing speaks for a failure, and where it is not over.
_WELL = {State.ROLLING_OUT, State.SETTLING, State.STEADY}
_GOING = _WELL | {State.ROLLING_BACK, State.FAILING}
# Calls a second that extra questions may bring the average to; the looks themselves always happen.
_MOST_CALLS = 0.9

Look = Callable[[float], Observation]
Tell = Callable[[Observation, Decision, float], str | None]
# What speaks against success yet, "" when nothing does; it is asked with every look, and the seconds waited.
Doubt = Callable[[Observation, Decision, float], str]


@dataclass(frozen=True)
class End:
    """How a watch ended: the last observation, the verdict and its cause."""

    seen: Observation
    verdict: Verdict
    cause: str


def watch(
    target: Target,
    look: Look,
    tell: Tell,
    timeout: float,
    clock: Clock,
    first: Observation | None = None,
    doubt: Doubt | None = None,
) -> End:
    """Watch until there is a verdict; ``timeout`` in seconds.

    ``tell`` is called with every observation, what was decided and the seconds
    waited; a cause that it answers ends the watch as failed. ``first`` is what
    was seen when the deployment began; without it the first look comes at once.
    While there is a ``doubt``, nothing has succeeded; with the time up it has
    failed then. What follows from absence alone is not believed at once.
    A look that fails is tried again with growing pauses, for the deployment
    goes on without us: throttling until the time is up, anything else three times.
    """
    started, why_back, proof = clock.now(), "", _Absence()
    if first is not None:
        tell(first, Decision(), 0.0)
        clock.sleep(_FIRST * _jitter(clock))
    while True:
        begun = clock.now()
        seen = tried(look, clock, started, timeout)
        waited = clock.now() - started
        decision = decide(target, seen, waited, timeout)
        doubted = doubt(seen, decision, waited) if doubt is not None else ""
        if doubted and decision.verdict is Verdict.SUCCEEDED:
            late = f"ECS calls it complete, and after {timeout:g} s {doubted}"
            over = waited >= timeout + _PROOF
            decision = Decision(Verdict.FAILED, late) if over else Decision(None, doubted)
        decision = proof.believed(target, seen, decision, waited, timeout)
        if decision.rolling_back:
            # ECS gives the reason while it rolls back, and may have dropped it at the end.
            why_back = decision.cause
        hopeless = tell(seen, decision, waited)
        if decision.verdict is not None:
            kept = why_back if decision.verdict is Verdict.ROLLED_BACK else ""
            return End(seen, decision.verdict, kept or decision.cause)
        if hopeless:
            return End(seen, Verdict.FAILED, hopeless)
        # What the look and the evidence took is part of the pause, or the next look would come late by it.
        wanted = pause(target, seen, decision, waited, unproven=doubted != "")
        clock.sleep(max(0.0, begun + wanted * _jitter(clock) - clock.now()))


class _Absence:
    """What follows from the absence of ours in a read is believed where ECS said before that it fails, and for long."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def believed(
        self, target: Target, seen: Observation, decision: Decision, waited: float, timeout: float
    ) -> Decision:
        """The decision, or to go on; with the time up it still goes on in ECS, as far as anybody can tell."""
        ended = seen.service_deployment
        failed = seen.counts(target.deployment_id).failed > 0 or (decision.rolling_back and not decision.by_absence)
        self._told = self._told or failed or (ended is not None and ended.status not in OPEN_STATUSES)
        if not decision.by_absence or decision.verdict is None:
            self._since = None
            return decision
        self._since = waited if self._since is None else self._since
        if self._told and waited - self._since >= LATE:
            return decision
        unknown = f"ECS does not show it any more, nor say why: {decision.cause}"
        return Decision(Verdict.TIMED_OUT if waited >= timeout else None, unknown)


def pause(target: Target, seen: Observation, decision: Decision, waited: float, *, unproven: bool = False) -> float:
    """Seconds until the next look: short while the deployment may end, longer while it cannot."""
    counts = seen.counts(target.deployment_id)
    # A deployment that ECS dropped, and counts no tasks of, may be at its end.
    if decision.rolling_back or counts.failed or counts.running is None:
        return _SOON
    if counts.running < seen.desired:
        return _LATER if waited >= _EARLY_SECONDS else _BETWEEN
    return _BETWEEN if unproven else _SOON


def tried(look: Look, clock: Clock, started: float, timeout: float) -> Observation:
    """One look, tried again where the problem may pass; ClientError or BotoCoreError where it does not."""
    failures = 0
    while True:
        waited = clock.now() - started
        try:
            return look(waited)
        except (ClientError, BotoCoreError) as error:
            failures += 1
            may_go_on = waited < timeout if aws.is_throttling(error) else failures < _TRIES and aws.may_pass(error)
            if not may_go_on:
                raise
        # Many watchers that were throttled together must not come back together.
        clock.sleep(min(_MOST_BACK_OFF, _LATER**failures) * (1 - clock.chance() / 2))


def _jitter(clock: Clock) -> float:
    return 1 - _JITTER * clock.chance()


class Calls:
    """The calls made through some clients since the watch began."""

    def __init__(self) -> None:
        self.made = 0

    def count(self, client: Any) -> None:  # noqa: ANN401 (every client of boto3 has the same events)
        """Count a client's calls from now on, each once however often this is asked."""
        # The first event of a call, sent once however often botocore tries it again.
        client.meta.events.register("provide-client-params", self._counted, unique_id=f"calls-{id(self)}")

    def leave_room(self, wanted: int, waited: float) -> bool:
        """Whether ``wanted`` more calls keep the average over ``waited`` seconds."""
        return self.made + wanted <= waited * _MOST_CALLS

    def _counted(self, **_: object) -> None:
        self.made += 1


class Poller:
    """Called for one observation after the other of the same deployment: the service as it is now.

    Its service deployment, which knows why and how often it failed, is asked beside it where something fails.
    """

    def __init__(self, service: Service, target: Target, calls: Calls) -> None:
        self._service, self._target, self._calls = service, target, calls
        self._candidate, self._failed = "", False
        self._others: set[str] = set()
        self.arn = ""
        """The service deployment's ARN, once it is known."""

    def __call__(self, waited: float) -> Observation:
        """One observation, ``waited`` seconds after the first.

        It is late where it lacks ours so soon after the update, unless something
        failed and the service deployment says more. Raises GitopsError when the service is
        gone and ClientError as botocore does.
        """
        seen = require_still_there(self._service)
        ours, now = seen.deployment(self._target.deployment_id), read(seen, self._target)
        if ours is not None and ours is seen.primary:
            self._candidate = seen.current_deployment
        fails = bool(ours and ours.failed) or not (now.state in _WELL or now.by_absence)
        self._failed, late = self._failed or fails, now.by_absence and waited < LATE
        if not fails and (now.state in _WELL or (late and not self._failed)):
            return replace(seen, late=late)
        if now.state in _GOING and not self._calls.leave_room(2, waited):
            return replace(seen, late=late)
        described = self._service_deployment(seen)
        unsaid = described is None or described.status in OPEN_STATUSES
        return replace(seen, service_deployment=described, late=late and unsaid)

    def _service_deployment(self, seen: Observation) -> ServiceDeployment | None:
        """Ours, where it is the one that ECS names as the service's current one.

        UpdateService does not answer it (aws/containers-roadmap#2709), and a read may still name the one before: even
        one of the same revision, which was made earlier.
        """
        arn = self.arn or self._candidate or seen.current_deployment
        if not arn or arn in self._others:
            return None
        try:
            found = self._service.deployment(arn)
            if found is None or self.arn:
                return found
            revision = self._service.revisions_of([found]).get(found.service_revision)
        except GitopsError:
            # It is not offered here, or not described: what the service says has to do.
            self._others.add(arn)
            return None
        if revision != self._target.revision or found.created < self._target.created - _APART:
            self._others.add(arn)
            return None
        self.arn = arn
        return found


def require_still_there(service: Service) -> Observation:
    """The service as it is now; GitopsError when it was deleted."""
    seen = service.look()
    if seen is None:
        raise GitopsError(f"the service {service.name} was deleted while it was watched", fix="find out by whom")
    return seen
