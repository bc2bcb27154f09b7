"""Watches a deployment until it has a verdict: asks, decides, tells, waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from gitops.rollout.decide import Decision, Target, decide
from gitops.rollout.observation import Observation
from gitops.rollout.verdict import Verdict

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

Look = Callable[[float], Observation]
Tell = Callable[[Observation, Decision, float], str | None]


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that a test needs neither."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


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
    running, failed = _progress(target, seen)
    starts = running < seen.desired and failed == 0 and not decision.rolling_back
    return _LATER if starts and waited >= _EARLY_SECONDS else _SOON


def _progress(target: Target, seen: Observation) -> tuple[int, int]:
    """Tasks of ours that run, and that failed, as far as one observation tells."""
    ours = seen.service_deployment
    if ours is not None:
        return ours.running, ours.breaker.failures if ours.breaker else 0
    deployment = seen.deployment(target.deployment_id)
    # A deployment that ECS dropped may be at its end.
    return (deployment.running, deployment.failed) if deployment else (seen.desired, 0)


def _seen(look: Look, clock: Clock, started: float, timeout: float) -> Observation:
    """One look, tried again where the problem may pass."""
    failures = 0
    while True:
        waited = clock.now() - started
        try:
            return look(waited)
        except (ClientError, BotoCoreError) as error:
            failures += 1
            may_go_on = waited < timeout if _is_throttling(error) else failures < _TRIES and _is_transient(error)
            if not may_go_on:
                raise
        # Many watchers that were throttled together must not come back together.
        clock.sleep(min(_MOST_BACK_OFF, _LATER**failures) * (1 - clock.chance() / 2))


def _is_throttling(error: ClientError | BotoCoreError) -> bool:
    if isinstance(error, BotoCoreError):
        return False
    code = error.response["Error"]["Code"]
    return "Throttl" in code or code in {"RequestLimitExceeded", "TooManyRequestsException"}


def _is_transient(error: ClientError | BotoCoreError) -> bool:
    if isinstance(error, BotoCoreError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"]["Code"] == "ServerException"


def _jitter(clock: Clock) -> float:
    return 1 - _JITTER * clock.chance()
