"""Targets: when one counts as healthy, and that the load balancer asks healthy ones only and lets a leaving one finish.

Health checks: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
Leaving: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal

from rehearsal.emulator import seams

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


# Seconds between two looks at which check is due.
TICK = 0.05
# A request chosen for a target just before it left arrives within this time, in seconds.
SETTLE = 0.2
HOP_BY_HOP = ("connection", "keep-alive")

Address = tuple[str, int]
Listener = Callable[[str, str, State], None]


class Targets:
    """Every target that a service registered, by target group; replaces ministack's own answer "healthy"."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[Address, Target]] = {}
        self.in_flight: Counter[str] = Counter()
        # Called with target group, address and state after each check of a target.
        self.listeners: list[Listener] = []
        self._lock = threading.RLock()
        self._busy: set[tuple[str, Address]] = set()
        self._checks = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health-check")

    def install(self) -> None:
        """Take over registration, description and forwarding of ministack's load balancer."""
        seams.replace("services.alb", "set_targets_for_group", self.set_targets)
        seams.replace("services.alb", "_proxy_http_target", self._proxied)
        seams.enter(seams.ELB, "DescribeTargetHealth", self._describe)
        threading.Thread(target=self._run, daemon=True, name="health-checks").start()

    def set_targets(self, group: str, targets: Sequence[Address], previous: Iterable[str] = ()) -> bool:
        """Register a service's ``targets``; those of ``previous`` that are not among them leave."""
        from ministack.services import alb

        if group not in alb._tgs:
            return False
        wanted, before = set(targets), set(previous)
        with self._lock:
            known = self.groups.setdefault(group, {})
            for address in wanted - known.keys():
                known[address] = registered(time.monotonic())
            for address in [a for a in known if a[0] in before and a not in wanted]:
                known[address] = replace(known[address], state="draining")
            self._publish(group)
        return True

    def state(self, group: str, address: str) -> State | None:
        """A target's state; None where it is not registered."""
        with self._lock:
            return next((t.state for (ip, _), t in self.groups.get(group, {}).items() if ip == address), None)

    def problem(self, group: str, address: str) -> tuple[int, str]:
        """The port of a registered target, and what its last failed check found."""
        with self._lock:
            known = self.groups.get(group, {}).items()
            return next(((port, target.detail) for (ip, port), target in known if ip == address), (0, ""))

    def drain(self, address: str, delay: float) -> None:
        """Wait until a leaving target has finished its requests, at most ``delay`` seconds; then forget it.

        "If a deregistering target has no in-flight requests and no active connections, Elastic Load
        Balancing immediately completes the deregistration process."
        """
        end = time.monotonic() + delay
        time.sleep(min(SETTLE, delay))
        while self.in_flight[address] and time.monotonic() < end:
            time.sleep(TICK)
        with self._lock:
            for known in self.groups.values():
                for key in [key for key in known if key[0] == address]:
                    del known[key]

    def _publish(self, group: str) -> None:
        """What ministack forwards to: the healthy ones, or all where every one is unhealthy."""
        from ministack.core.responses import request_scope
        from ministack.services import alb

        known = self.groups.get(group, {})
        healthy = [address for address, target in known.items() if target.state == "healthy"]
        # "If a target group contains only unhealthy registered targets, the load balancer routes
        # requests to all those targets."
        routed = healthy or [address for address, target in known.items() if target.state == "unhealthy"]
        with request_scope(*_scope(group)):
            ours = {address for address, _ in known}
            others = [t for t in alb._targets.get(group, []) if t["Id"] not in ours and "Registered" not in t]
            alb._targets[group] = others + [{"Id": ip, "Port": port, "Registered": "ecs"} for ip, port in routed]

    def _run(self) -> None:
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            with self._lock:
                due = [
                    (group, address)
                    for group, known in self.groups.items()
                    for address, target in known.items()
                    if target.due <= now and target.state != "draining" and (group, address) not in self._busy
                ]
                self._busy.update(due)
            for group, address in due:
                self._checks.submit(self._check, group, address)

    def _check(self, group: str, address: Address) -> None:
        from ministack.core.responses import request_scope
        from ministack.services import alb

        try:
            with request_scope(*_scope(group)):
                settings = alb._tgs.get(group)
            if settings is None:
                with self._lock:
                    self.groups.pop(group, None)
                return
            check = HealthCheck.of(settings)
            problem = _problem(address, check)
            with self._lock:
                target = self.groups.get(group, {}).get(address)
                if target is None:
                    return
                after = checked(target, check, problem, time.monotonic())
                self.groups[group][address] = after
                if after.state != target.state:
                    self._publish(group)
            if after.state == "unhealthy" or after.state != target.state:
                for listener in self.listeners:
                    listener(group, address[0], after.state)
        finally:
            with self._lock:
                self._busy.discard((group, address))

    async def _proxied(self, target: dict[str, Any], *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        forwarding = seams.original("services.alb", "_proxy_http_target")(target, *rest, **more)
        return await self._counted(str(target.get("Id", "")), forwarding)

    async def _counted(self, address: str, forwarding: Any) -> Any:  # noqa: ANN401
        """Forward one request, counted as in flight until its last byte."""
        from ministack.core.responses import StreamingResponse

        self.in_flight[address] += 1
        streaming = False
        try:
            status, headers, body = await forwarding
            # They are about the connection to the target, not about the client's.
            headers = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            streaming = isinstance(body, StreamingResponse)
            return (status, headers, self._until_sent(address, body)) if streaming else (status, headers, body)
        finally:
            if not streaming:
                self.in_flight[address] -= 1

    def _until_sent(self, address: str, body: Any) -> Any:  # noqa: ANN401
        from ministack.core.responses import StreamingResponse

        async def stream(send: Any, receive: Any) -> None:  # noqa: ANN401
            try:
                await body.runner(send, receive)
            finally:
                self.in_flight[address] -= 1

        return StreamingResponse(stream)

    def _describe(self, params: dict[str, Any]) -> Any:  # noqa: ANN401
        from ministack.services import alb

        group = alb._p(params, "TargetGroupArn")
        with self._lock:
            known = dict(self.groups.get(group, {}))
        if group not in alb._tgs or not known:
            return alb._describe_target_health(params)
        asked = {target["Id"] for target in alb._parse_targets_param(params)}
        members = "".join(
            _described(address, target) for address, target in known.items() if not asked or address[0] in asked
        )
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")


def _described(address: Address, target: Target) -> str:
    reason = ""
    if target.state in REASONS:
        code, description = REASONS[target.state]
        detail = target.detail if target.state == "unhealthy" else ""
        reason = f"<Reason>{code}</Reason><Description>{escape(detail or description)}</Description>"
    return (
        f"<member><Target><Id>{address[0]}</Id><Port>{address[1]}</Port></Target>"
        f"<HealthCheckPort>{address[1]}</HealthCheckPort>"
        f"<TargetHealth><State>{target.state}</State>{reason}</TargetHealth></member>"
    )


def _problem(address: Address, check: HealthCheck) -> str | None:
    """Ask the target for its health; None when it answers as the group wants."""
    connection = http.client.HTTPConnection(*address, timeout=check.timeout)
    try:
        connection.request("GET", check.path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        return "Request timed out"
    except (OSError, http.client.HTTPException):
        return "Health checks failed"
    finally:
        connection.close()
    return None if check.accepts(status) else f"Health checks failed with these codes: [{status}]"


def _scope(group: str) -> tuple[str, str]:
    """Account and region of a target group's ARN."""
    _, _, _, region, account, _ = group.split(":", 5)
    return account, region
