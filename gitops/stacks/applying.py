"""Bringing stacks to their templates, one after the other, so that a second run goes on where one ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gitops.errors import GitopsError
from gitops.progress import Display, Event
from gitops.stacks import changesets, following, live, planned, planning, states
from gitops.stacks.access import Access
from gitops.stacks.live import LiveStack
from gitops.stacks.order import BOOTSTRAP, Unit
from gitops.stacks.planned import Plan, StackPlan
from gitops.stacks.waiting import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True)
class Applied:
    """How one stack ended, and the seconds it took."""

    label: str
    stack_name: str
    result: Literal["created", "updated", "no changes"]
    seconds: float


def require_bootstrap(access: Access, every: list[Unit], units: list[Unit]) -> None:
    """Raise GitopsError when stacks are to be applied under the roles of a bootstrap stack that is not there."""
    bootstrap = next((unit for unit in every if unit.label == BOOTSTRAP), None)
    if bootstrap is None or bootstrap in units:
        return
    status = live.find(access.cloudformation, bootstrap.stack_name).status
    if not states.exists(status):
        name = access.environment.environment
        raise GitopsError(
            f"{name} is new: its bootstrap stack ({bootstrap.stack_name}) makes the roles that the others need",
            fix=f"gitops apply {name} --stack bootstrap, as administrator",
        )


def require_reviewed(now: Plan, reviewed_hash: str, reviewed: Plan | None) -> None:
    """Raise GitopsError, saying what differs, unless the plan is the reviewed one."""
    if now.hash == reviewed_hash:
        return
    differs = planned.differences(reviewed, now) if reviewed is not None else []
    raise GitopsError(
        f"the plan is not the one reviewed: reviewed {reviewed_hash[:12]}, now {now.hash[:12]}",
        others=tuple(f"  {line}" for line in differs),
        fix=f"review it again: gitops plan {now.environment}",
    )


class Applier:
    """Applies stacks of one environment; ``standing`` grows as stacks do, for their outputs."""

    def __init__(
        self, access: Access, every: list[Unit], reviewed: Plan | None, display: Display, clock: Clock
    ) -> None:
        self._access = access
        self._display = display
        self._clock = clock
        self._reviewed: dict[str, StackPlan] = {stack.label: stack for stack in reviewed.applied} if reviewed else {}
        self._standing = planning.standings(access, every)
        # Which stack CloudFormation works on, for whoever interrupts.
        self.running = ""

    def apply(self, unit: Unit) -> Applied:
        """Bring one stack to its template and wait for it.

        Raises GitopsError with the first failed event when CloudFormation
        rolls it back, and when its change set is not the one reviewed.
        """
        start = self._clock.now()
        self.running = unit.stack_name
        client = self._access.cloudformation
        stack = self._settled(client, unit)
        known = planning.known_values(self._access, unit, self._standing)
        for name, output in unit.outputs.items():
            if name not in known:
                raise planning.missing_output(self._access.environment, unit, output)
        asked = planning.request(self._access, unit, known, stack)
        self._display.show(Event(unit.label, "asking for its change set", mood="going"))
        with changesets.opened(client, asked, self._clock) as change_set:
            self._require_as_reviewed(planning.from_change_set(unit, known, stack, change_set, hashed=True))
            if not change_set.empty:
                stack = self._execute(client, unit, change_set)
        stack = self._protected(client, stack)
        self._standing[unit.label] = stack
        self.running = ""
        result: Literal["created", "updated", "no changes"] = (
            "no changes" if change_set.empty else "created" if asked.kind == "CREATE" else "updated"
        )
        self._display.show(Event(unit.label, result, mood="done"))
        return Applied(unit.label, unit.stack_name, result, self._clock.now() - start)

    def _settled(self, client: CloudFormationClient, unit: Unit) -> LiveStack:
        """The stack in a state that takes a change set, after what was under way or broken is out of it."""
        stack = live.find(client, unit.stack_name)
        if states.next_step(stack.status) == "wait":
            self._display.show(Event(unit.label, f"waiting: {stack.status}", mood="going"))
            following.follow(client, stack.id, unit.label, self._display, self._clock)
            stack = live.find(client, unit.stack_name)
        step = states.next_step(stack.status)
        if step == "repair":
            raise planning.needs_repair(stack)
        # A REVIEW_IN_PROGRESS stack was left by a change set that nobody executed.
        if step == "recreate" or stack.status == "REVIEW_IN_PROGRESS":
            self._display.show(Event(unit.label, f"removing what is left of a create: {stack.status}", mood="going"))
            self._remove(client, unit, stack)
            return LiveStack(unit.stack_name)
        return stack

    def _remove(self, client: CloudFormationClient, unit: Unit, stack: LiveStack) -> None:
        before = following.newest(client, stack.id)
        client.delete_stack(StackName=stack.id)
        gone, events = following.follow(client, stack.id, unit.label, self._display, self._clock, before)
        if states.exists(gone.status):
            raise failure(gone, states.first_failure(events), fix="remove that by hand, then run this again")

    def _execute(self, client: CloudFormationClient, unit: Unit, change_set: changesets.ChangeSet) -> LiveStack:
        before = following.newest(client, change_set.stack_id)
        change_set.execute(client)
        stack, events = following.follow(client, change_set.stack_id, unit.label, self._display, self._clock, before)
        if not states.succeeded(stack.status):
            raise failure(
                stack, states.first_failure(events), fix="correct that and run the same command again: it goes on here"
            )
        return stack

    def _protected(self, client: CloudFormationClient, stack: LiveStack) -> LiveStack:
        """Termination protection is on for every stack; ``destroy`` turns it off after a typed name."""
        if not stack.protected:
            client.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)
        return stack

    def _require_as_reviewed(self, now: StackPlan) -> None:
        reviewed = self._reviewed.get(now.label)
        # A stack planned from its template alone had no change set to compare with.
        if reviewed is None or reviewed.state in ("create", "after") or planned.digest(reviewed) == planned.digest(now):
            return
        environment = self._access.environment.environment
        lines = planned.differences(Plan(environment, (reviewed,)), Plan(environment, (now,)))
        raise GitopsError(
            f"{now.label} would change in another way than was reviewed, since a stack before it changed",
            others=tuple(f"  {line}" for line in lines),
            fix=f"review it again: gitops plan {environment} --stack {now.label}",
        )


def failure(stack: LiveStack, cause: states.StackEvent | None, *, fix: str) -> GitopsError:
    """The error of a stack operation that failed, with the event that made it fail."""
    if cause is None:
        return GitopsError(f"{stack.name} ended {stack.status}: {stack.reason or 'no reason given'}", fix=fix)
    return GitopsError(
        f"{stack.name} ended {stack.status}: {cause.logical_id} ({cause.type}) {cause.status}: {cause.reason}",
        fix=fix,
    )
