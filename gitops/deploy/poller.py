"""Polls a deployment until it has a verdict: asks ECS, decides, tells, waits, under one call a second on average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gitops import aws
from gitops.clock import Clock
from gitops.deploy.decision import OPEN_STATUSES, Decision, Target, Verdict, decide
from gitops.ecs import NotOfferedError, Service
from gitops.ecs_answers import Observation, ServiceDeployment
from gitops.errors import GitopsError

# Seconds before the first look at a deployment that has just begun: none ends sooner than a task starts
# and passes a health check, and the calls saved here pay for finding its service deployment.
_FIRST = 2.6
# Seconds from one look to the next: a deployment that may end now is looked at once a second, less the
# time of a call; one whose tasks do not even run cannot end within two.
_SOON = 0.985
_LATER = 2.0
_EARLY_SECONDS = 10.0
_JITTER = 0.01
_MOST_BACK_OFF = 10.0
_TRIES = 4
# The looks at which ours is searched for: ECS lists a new service deployment some seconds late.
_SEARCHES = (1, 4, 8)
# While the service deployment is asked, the service itself (for its events) is described this seldom.
_SERVICE_EVERY = 5
# Calls a second that extra questions may bring the average to; the looks themselves always happen.
_MOST_CALLS = 0.9

Look = Callable[[float], Observation]
Tell = Callable[[Observation, Decision, float], str | None]


@dataclass(frozen=True)
class End:
    """How a watch ended: the last observation, the verdict and its cause."""

    seen: Observation
    verdict: Verdict
    cause: str


def watch(
    target: Target, look: Look, tell: Tell, timeout: float, clock: Clock, first: Observation | None = None
) -> End:
    """Watch until there is a verdict; ``timeout`` in seconds.

    ``tell`` is called with every observation, what was decided and the seconds
    waited; a cause that it answers ends the watch as failed. ``first`` is what
    was seen when the deployment began; without it the first look comes at once.
    A look that fails is tried again with growing pauses, for the deployment
    goes on without us: throttling until the time is up, anything else three times.
    """
    started, why_back = clock.now(), ""
    if first is not None:
        tell(first, Decision(), 0.0)
        clock.sleep(_FIRST * _jitter(clock))
    while True:
        begun = clock.now()
        seen = _seen(look, clock, started, timeout)
        waited = clock.now() - started
        decision = decide(target, seen, waited, timeout)
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
        clock.sleep(max(0.0, begun + pause(target, seen, decision, waited) * _jitter(clock) - clock.now()))


def pause(target: Target, seen: Observation, decision: Decision, waited: float) -> float:
    """Seconds until the next look: short while the deployment may end, longer while it cannot."""
    counts = seen.counts(target.deployment_id)
    # A deployment that ECS dropped, and counts no tasks of, may be at its end.
    starts = counts.running is not None and counts.running < seen.desired and counts.failed == 0
    return _LATER if starts and not decision.rolling_back and waited >= _EARLY_SECONDS else _SOON


def _seen(look: Look, clock: Clock, started: float, timeout: float) -> Observation:
    """One look, tried again where the problem may pass."""
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
    """Called for one observation after the other of the same deployment: the service deployments API first.

    ``first`` is what UpdateService answered, None when it was not asked: the
    service need not be described again before something is decided on it.
    """

    def __init__(self, service: Service, target: Target, calls: Calls, first: Observation | None = None) -> None:
        self._service, self._target = service, target
        self._calls, self._seen = calls, first
        self._looks = 0
        self._api_offered = True
        self.arn = ""
        """The service deployment's ARN, once it is known."""

    def __call__(self, waited: float) -> Observation:
        """One observation, ``waited`` seconds after the first.

        Raises GitopsError when the service is gone and ClientError as botocore does.
        """
        self._looks += 1
        ours: ServiceDeployment | None = None
        if not self.arn and self._api_offered and self._looks in _SEARCHES:
            ours = self._find()
        if not self.arn:
            return require_still_there(self._service)
        if ours is None or ours.status not in OPEN_STATUSES:
            ours = self._service.deployment(self.arn)
        if ours is None or self._is_due(ours, waited):
            self._seen = require_still_there(self._service)
        assert self._seen is not None  # noqa: S101 (without it, it was due)
        return replace(self._seen, service_deployment=ours)

    def _is_due(self, ours: ServiceDeployment, waited: float) -> bool:
        """Whether the service is described too: for its events now and then, for what came after a stop always."""
        if self._seen is None or ours.status == "STOPPED":
            return True
        return self._looks % _SERVICE_EVERY == 0 and self._calls.leave_room(1, waited)

    def _find(self) -> ServiceDeployment | None:
        """Our service deployment: of those with our revision, the one created when ours was.

        What the list says of it already saves a call at the first look.
        """
        try:
            listed = self._service.deployments(after=self._target.created - timedelta(minutes=1))
            revisions = self._service.revisions_of(listed)
        except NotOfferedError:
            self._api_offered = False
            return None
        candidates = [one for one in listed if revisions.get(one.service_revision) == self._target.revision]
        if not candidates:
            return None
        nearest = min(candidates, key=lambda one: abs(one.created - self._target.created))
        self.arn = nearest.arn
        return nearest


def require_still_there(service: Service) -> Observation:
    """The service as it is now; GitopsError when it was deleted."""
    seen = service.look()
    if seen is None:
        raise GitopsError(f"the service {service.name} was deleted while it was watched", fix="find out by whom")
    return seen
