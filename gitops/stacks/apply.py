"""Bringing stacks to their templates, one after the other, so that a second run goes on where one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from gitops.cloudformation import ChangeSet, Stack, StackEvent, is_settled
from gitops.display import Display, Event, Mood
from gitops.errors import GitopsError
from gitops.stacks.access import Access
from gitops.stacks.order import Unit
from gitops.stacks.plan import (
    Plan,
    StackPlan,
    differences,
    digest,
    from_change_set,
    missing_output,
    needs_repair,
    request,
)

# Told each event of the stack that is executed, as it comes.
Witness = Callable[[Unit, StackEvent], None]

# Seconds without an event after which a log says what is being waited for.
_SILENCE = 30.0


@dataclass(frozen=True)
class Applied:
    """How one stack ended, and the seconds it took."""

    label: str
    stack_name: str
    result: Literal["created", "updated", "no changes"]
    seconds: float


def require_bootstrap(access: Access, every: list[Unit], units: list[Unit]) -> None:
    """Raise GitopsError when stacks are to be applied under the roles of bootstrap stacks that are not there."""
    if all(unit.bootstraps for unit in units):
        return
    waiting = [unit for unit in every if unit.bootstraps and unit not in units]
    missing = next((unit.stack_name for unit in waiting if not access.stack(unit).exists), None)
    if missing is not None:
        name = access.environment.environment
        raise GitopsError(
            f"{name} has no stack {missing} yet: bootstrap makes the roles that the others need",
            fix=f"gitops apply {name} --stack bootstrap, as administrator",
        )


def require_reviewed(now: Plan, reviewed_hash: str, reviewed: Plan | None) -> None:
    """Raise GitopsError, saying what differs, unless the plan is the reviewed one."""
    if now.hash == reviewed_hash:
        return
    differs = differences(reviewed, now) if reviewed is not None else []
    raise GitopsError(
        f"the plan is not the one reviewed: reviewed {reviewed_hash[:12]}, now {now.hash[:12]}",
        others=tuple(f"  {line}" for line in differs),
        fix=f"review it again: gitops plan {now.environment}",
    )


class Applier:
    """Applies stacks of one environment; ``standing`` grows as stacks do, for their outputs."""

    def __init__(
        self, access: Access, every: list[Unit], reviewed: Plan | None, display: Display, witness: Witness
    ) -> None:
        self._access = access
        self._cloudformation = access.cloudformation
        self._display = display
        self._witness = witness
        self._reviewed: dict[str, StackPlan] = {stack.label: stack for stack in reviewed.applied} if reviewed else {}
        self._standing = access.standings(every)
        # Which stack CloudFormation works on, for whoever interrupts.
        self.running = ""

    def apply(self, unit: Unit) -> Applied:
        """Bring one stack to its template and wait for it.

        Raises GitopsError with the first failed event when CloudFormation
        rolls it back, and when its change set is not the one reviewed.
        """
        start = self._access.clock.now()
        self.running = unit.stack_name
        stack = self._settled(unit)
        known = self._access.values(unit, self._standing)
        for name, output in unit.outputs.items():
            if name not in known:
                raise missing_output(self._access.environment, unit, output)
        asked = request(self._access, unit, known, stack)
        self._display.show(Event(unit.label, "asking for its change set", mood="going"))
        with self._cloudformation.change_set(asked) as change_set:
            self._require_as_reviewed(from_change_set(unit, known, stack, change_set, hashed=True))
            if not change_set.empty:
                stack = self._execute(unit, change_set)
        self._protect(stack)
        self._standing[unit.label] = stack
        self.running = ""
        result: Literal["created", "updated", "no changes"] = (
            "no changes" if change_set.empty else "created" if asked.kind == "CREATE" else "updated"
        )
        self._display.show(Event(unit.label, result, mood="done"))
        return Applied(unit.label, unit.stack_name, result, self._access.clock.now() - start)

    def _settled(self, unit: Unit) -> Stack:
        """The stack in a state that takes a change set, after what was under way or broken is out of it."""
        stack = self._access.stack(unit)
        if stack.step == "wait":
            self._display.show(Event(unit.label, f"waiting: {stack.status}", mood="going"))
            follow(self._access, stack.id, unit.label, self._display)
            stack = self._access.stack(unit)
        if stack.step == "repair":
            raise needs_repair(stack)
        # A stack in review was left by a change set that nobody executed.
        if stack.step == "recreate" or stack.in_review:
            self._display.show(Event(unit.label, f"removing what is left of a create: {stack.status}", mood="going"))
            self._remove(unit, stack)
            return Stack(unit.stack_name)
        return stack

    def _remove(self, unit: Unit, stack: Stack) -> None:
        before = self._cloudformation.newest_event(stack.id)
        self._cloudformation.delete(stack)
        gone, events = follow(self._access, stack.id, unit.label, self._display, before)
        if gone.exists:
            name = self._access.environment.environment
            way = f"gitops destroy {name} --stack {unit.label} --confirm {name}"
            raise failure(gone, first_failure(events), fix=f"{way} takes what stands in the way; then run this again")

    def _execute(self, unit: Unit, change_set: ChangeSet) -> Stack:
        before = self._cloudformation.newest_event(change_set.stack_id)
        self._cloudformation.execute(change_set)
        told = partial(self._witness, unit)
        stack, events = follow(self._access, change_set.stack_id, unit.label, self._display, before, told)
        if not stack.succeeded:
            again = "correct that and run the same command again: it goes on here"
            raise failure(
                stack, first_failure(events), fix=needs_repair(stack).fix if stack.step == "repair" else again
            )
        return stack

    def _protect(self, stack: Stack) -> None:
        """Termination protection is on for every stack; ``destroy`` turns it off after a typed name."""
        if not stack.protected:
            self._cloudformation.protect(stack.name, on=True)

    def _require_as_reviewed(self, now: StackPlan) -> None:
        reviewed = self._reviewed.get(now.label)
        # A stack planned from its template alone had no change set to compare with.
        if reviewed is None or reviewed.state in ("create", "after") or digest(reviewed) == digest(now):
            return
        environment = self._access.environment.environment
        lines = differences(Plan(environment, (reviewed,)), Plan(environment, (now,)))
        raise GitopsError(
            f"{now.label} would change in another way than was reviewed, since a stack before it changed",
            others=tuple(f"  {line}" for line in lines),
            fix=f"review it again: gitops plan {environment} --stack {now.label}",
        )


def failure(stack: Stack, cause: StackEvent | None, *, fix: str) -> GitopsError:
    """The error of a stack operation that failed, with the event that made it fail."""
    if cause is None:
        return GitopsError(f"{stack.name} ended {stack.status}: {stack.reason or 'no reason given'}", fix=fix)
    return GitopsError(
        f"{stack.name} ended {stack.status}: {cause.logical_id} ({cause.type}) {cause.status}: {cause.reason}",
        fix=fix,
    )


def follow(
    access: Access,
    stack_id: str,
    label: str,
    display: Display,
    after: str | None = None,
    told: Callable[[StackEvent], None] = lambda _: None,
) -> tuple[Stack, list[StackEvent]]:
    """Show a stack's events as they come until it settles; the stack then, and its events.

    ``after`` as ``CloudFormation.watch`` takes it; ``told`` takes each event as it comes.
    """
    stack = Stack(stack_id)
    events: list[StackEvent] = []
    heard = 0.0
    for seen in access.cloudformation.watch(stack_id, after):
        stack = seen.stack
        for event in seen.fresh:
            _show(event, label, display)
            told(event)
        events += seen.fresh
        if seen.fresh:
            heard = seen.passed
        elif seen.passed - heard >= _SILENCE and (going := unfinished(events)):
            heard = seen.passed
            display.show(Event(label, f"waiting for {', '.join(going)}", mood="going"))
    return stack, events


def _show(event: StackEvent, label: str, display: Display) -> None:
    text = f"{event.status} ({event.reason})" if event.reason else event.status
    if event.of_stack:
        # Whoever executes says how the stack ended; its own events only add the state.
        display.show(Event(label, text, mood=_mood(event.status, whole=True)))
    else:
        display.show(Event(label, f"{event.type} {text}", event.logical_id, _mood(event.status, whole=False)))


def _mood(status: str, *, whole: bool) -> Mood:
    if "FAILED" in status or (whole and "ROLLBACK" in status):
        return "failed"
    return "done" if status.endswith("_COMPLETE") else "going"


def unfinished(events: Iterable[StackEvent]) -> list[str]:
    """Logical ids of the resources whose latest event says that they go on."""
    latest = {event.logical_id: event.status for event in events if not event.of_stack}
    return sorted(name for name, status in latest.items() if not is_settled(status))


def first_failure(events: Iterable[StackEvent]) -> StackEvent | None:
    """The event that made an operation fail, from events in the order they came.

    It is the first FAILED one of a resource. Those that were cancelled failed
    because of it; the stack's own event only repeats it, and counts when no
    resource failed.
    """
    failed = [event for event in events if event.status.endswith(("_FAILED", "_TIMED_OUT"))]
    causes = [event for event in failed if not is_cancelled(event)]
    return next((event for event in causes if not event.of_stack), next(iter(causes), next(iter(failed), None)))


def is_cancelled(event: StackEvent) -> bool:
    """Whether a resource failed only because another one did."""
    reason = event.reason.lower()
    return "cancelled" in reason or "canceled" in reason
