"""When a target counts as healthy: the decision, apart from asking the target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

State = Literal["initial", "healthy", "unhealthy", "draining"]

# A new target is asked this often until it answers for the first time, in seconds. AWS waits a whole
# interval; a rehearsal that did would take half a minute longer and prove nothing more.
FIRST_INTERVAL = 0.2

# State → reason code and description of DescribeTargetHealth.
REASONS: dict[State, tuple[str, str]] = {
    "initial": ("Elb.InitialHealthChecks", "Initial health checks in progress"),
    "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
}


@dataclass(frozen=True)
class HealthCheck:
    """A target group's own settings; times in seconds."""

    path: str
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> HealthCheck:
        """The settings as DescribeTargetGroups answers them."""
        return cls(
            path=str(group["HealthCheckPath"]),
            interval=float(group["HealthCheckIntervalSeconds"]),
            timeout=float(group["HealthCheckTimeoutSeconds"]),
            healthy_threshold=int(group["HealthyThresholdCount"]),
            unhealthy_threshold=int(group["UnhealthyThresholdCount"]),
            matcher=str((group.get("Matcher") or {}).get("HttpCode", "200")),
        )

    def accepts(self, status: int) -> bool:
        """Whether a status is one of ``200``, ``200,202`` or ``200-299``."""
        for part in self.matcher.split(","):
            low, _, high = part.partition("-")
            if int(low) <= status <= int(high or low):
                return True
        return False


@dataclass(frozen=True)
class Target:
    """What is known of one registered target; times on a monotonic clock in seconds."""

    state: State
    registered: float
    due: float
    # Checks in a row that contradict the state.
    contrary: int = 0
    detail: str = ""


def registered(now: float) -> Target:
    """A target that has just been registered."""
    return Target("initial", registered=now, due=now)


def checked(target: Target, check: HealthCheck, problem: str | None, now: float) -> Target:
    """The target after a check that found ``problem`` (None: it passed).

    A new target is healthy after one passed check; later it takes the group's
    thresholds in a row, either way.
    """
    if target.state == "draining":
        return target
    if target.state == "initial":
        if problem is None:
            return Target("healthy", target.registered, now + check.interval)
        if now - target.registered >= check.interval * check.unhealthy_threshold:
            return Target("unhealthy", target.registered, now + check.interval, detail=problem)
        return replace(target, due=now + FIRST_INTERVAL, detail=problem)
    if (problem is None) == (target.state == "healthy"):
        return replace(target, due=now + check.interval, contrary=0, detail=problem or "")
    contrary = target.contrary + 1
    threshold = check.unhealthy_threshold if target.state == "healthy" else check.healthy_threshold
    if contrary < threshold:
        return replace(target, due=now + check.interval, contrary=contrary)
    turned: State = "unhealthy" if target.state == "healthy" else "healthy"
    return Target(turned, target.registered, now + check.interval, detail=problem or "")
