"""What is released, where to and by whom; and that an older commit replaces no newer one unless somebody says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3

from gitops import environments
from gitops.clock import Clock
from gitops.display import Display
from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Observation
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout

Say = Callable[[str], None]
# Seconds: a task that cannot start takes up to five minutes until ECS gives it up (three of them took 10 to 16 minutes
# with one task wanted), and ECS some more to go back. What served before needs no such tries.
_ONE_TRY, _WAY_BACK = 300.0, 300.0
PUT_BACK_WAIT, LONGEST_WAIT = 900.0, 1500.0


@dataclass(frozen=True)
class Destination:
    """Where a release goes: a service in an environment, both as this checkout has them."""

    checkout: Checkout
    environment: Environment
    service: str

    @classmethod
    def of(cls, checkout: Checkout, environment: str, service: str) -> Destination:
        """The one that a verb was given; GitopsError when there is no such environment, or it lacks the service."""
        found = environments.load(checkout, environment)
        found.require_service(service)
        return cls(checkout, found, service)

    def __str__(self) -> str:
        return f"{self.service} in {self.environment.environment}"

    @property
    def family(self) -> str:
        """The family of its task definition."""
        return self.environment.family(self.service)

    @property
    def words(self) -> str:
        """It as a verb takes it: SERVICE ENVIRONMENT."""
        return f"{self.service} {self.environment.environment}"

    def on_ecs(self, session: boto3.Session) -> Service:
        """The ECS service, as a session's role sees it."""
        return Ecs(session, self.environment.cluster).service(self.service)

    def subject(self, commit: str) -> str:
        """The first line of a commit's message; "" where a shallow or older clone does not hold the commit."""
        try:
            return self.checkout.subject(commit) if commit else ""
        except GitopsError:
            return ""


@dataclass(frozen=True)
class Release:
    """A commit, by its full id, and how it is taken.

    ``subject`` is the first line of its message. ``digest`` is the image's
    where the caller was handed one, else empty. ``allow_older`` lets it replace
    a newer commit. ``rolled_back_from`` names the revision that a rollback
    leaves: the commit has served here before, so that its files are not
    compared again.
    """

    to: Destination
    commit: str
    subject: str
    digest: str = ""
    allow_older: bool = False
    rolled_back_from: str = ""

    @classmethod
    def of(
        cls, to: Destination, revision: str, digest: str = "", *, allow_older: bool = False, rolled_back_from: str = ""
    ) -> Release:
        """The release of what ``revision`` names in git; GitopsError when that is no commit."""
        commit = to.checkout.commit(revision)
        return cls(to, commit, to.checkout.subject(commit), digest, allow_older, rolled_back_from)

    def refuse_older(self, serving: str) -> None:
        """Raise GitopsError when the commit that serves is known to be newer, or cannot be compared.

        ``serving`` is empty when nobody wrote it down.
        """
        if not serving or serving == self.commit:
            return
        older = self.to.checkout.is_ancestor(self.commit, serving)
        if older is None:
            raise GitopsError(
                f"{self.to} serves commit {serving[:12]}, which this clone does not hold: "
                "nobody can tell which is newer",
                fix="git fetch (with --unshallow in a shallow clone), or add --allow-older",
            )
        if older:
            raise GitopsError(
                f"{self.commit[:12]} is older than {serving[:12]}, which {self.to} serves",
                fix="gitops rollback goes back to what served before; --allow-older deploys it all the same",
            )


@dataclass(frozen=True)
class Run:
    """Who acts on which ECS service, who is told, and how long is waited, in seconds.

    ``timeout`` is for a deployment's verdict, None for as long as the service
    may need; ``bake`` for watching on after it, and ``patience`` for the
    service's stack where nothing else is missing.
    """

    session: boto3.Session
    service: Service
    say: Say
    display: Display
    clock: Clock
    timeout: float | None
    bake: float = 0.0
    patience: float = 0.0

    @property
    def wait(self) -> float:
        """The seconds to watch at most."""
        return LONGEST_WAIT if self.timeout is None else self.timeout

    def fitted(self, seen: Observation, document: Mapping[str, Any]) -> Run:
        """The same with the wait that follows from a service and its task definition, unless somebody named one."""
        return replace(self, timeout=longest(seen, document)) if self.timeout is None else self


def longest(seen: Observation, document: Mapping[str, Any]) -> float:
    """The seconds that a deployment may take until ECS ends it, well or by its circuit breaker, and is back again."""
    checks = [one.get("healthCheck") or {} for one in document.get("containerDefinitions") or []]
    # The defaults of API_HealthCheck.
    health = max(
        (one.get("startPeriod", 0) + one.get("interval", 30) * one.get("retries", 3) for one in checks if one),
        default=0,
    )
    one_try, settings = _ONE_TRY + max(health, seen.settings.grace), seen.settings
    tries = math.ceil(settings.threshold / settings.together)
    batches = math.ceil(seen.desired / settings.together)
    return min(max(PUT_BACK_WAIT, max(tries, batches) * one_try + _WAY_BACK), LONGEST_WAIT)


def serving(seen: Observation) -> str:
    """The revision that a new deploy replaces: the one worked towards, unless that one failed."""
    primary = seen.primary
    if primary is not None and primary.state != "FAILED":
        return primary.revision
    done = next((one.revision for one in seen.deployments if one.state == "COMPLETED"), "")
    return done or seen.revision
