"""Working out a plan: a change set per stack that exists, read and taken away again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks import changesets, live, order, orphans, planned, states
from gitops.stacks.access import Access
from gitops.stacks.changesets import ChangeSet, Request
from gitops.stacks.live import LiveStack
from gitops.stacks.order import Unit
from gitops.stacks.planned import Plan, StackPlan
from gitops.stacks.waiting import Clock


def plan(access: Access, every: list[Unit], chosen: Collection[str], clock: Clock) -> Plan:
    """What the chosen stacks (all when none is) would become; nothing is left behind in AWS.

    Raises GitopsError for a stack that is being changed right now or that
    needs a repair, and when an output is missing that no planned stack will give.
    """
    # Without a choice bootstrap is shown too: a reviewer must see that it changes.
    shown = [unit for unit in every if not chosen or unit.label in chosen]
    standing = standings(access, every)
    labels = {unit.label for unit in shown}
    found = []
    for unit in shown:
        hashed = planned.is_hashed(unit, unit.label in chosen)
        found.append(_stack(access, unit, standing, labels, clock, hashed))
    # A part of an environment says nothing of what the whole no longer asks for.
    left_over = () if chosen else tuple(orphans.left_over(access.cloudformation, access.environment))
    return Plan(access.environment.environment, tuple(found), left_over)


def standings(access: Access, every: list[Unit]) -> dict[str, LiveStack]:
    """The environment's live stacks by label."""
    return {unit.label: live.find(access.cloudformation, unit.stack_name) for unit in every}


def _stack(
    access: Access,
    unit: Unit,
    standing: Mapping[str, LiveStack],
    planned_too: Collection[str],
    clock: Clock,
    hashed: bool,
) -> StackPlan:
    stack = standing[unit.label]
    step = states.next_step(stack.status)
    if step == "wait":
        raise GitopsError(
            f"{stack.name} is being changed right now ({stack.status})", fix="wait for it, then plan again"
        )
    if step == "repair":
        raise needs_repair(stack)
    known = known_values(access, unit, standing)
    missing = [output for name, output in unit.outputs.items() if name not in known]
    for output in missing:
        if output.label not in planned_too:
            raise missing_output(access.environment, unit, output)
    if step in ("create", "recreate"):
        # A change set of a stack that does not exist would leave one in review, which the plan role, under
        # which a pull request's own code runs, may not delete. There is nothing to compare with either.
        state: planned.State = "after" if missing else "create"
        return planned.from_template(unit, known, state, hashed, access.environment)
    if missing:
        # The stack exists but takes an output that does not: what changes is known only then.
        return planned.unknown_until(unit, known, hashed, access.environment)
    with changesets.opened(access.cloudformation, request(access, unit, known, stack), clock) as change_set:
        return from_change_set(unit, known, stack, change_set, hashed)


def from_change_set(
    unit: Unit, values: Mapping[str, str], stack: LiveStack, change_set: ChangeSet, hashed: bool
) -> StackPlan:
    """The plan of one stack as its change set says."""
    creates = not states.exists(stack.status)
    return StackPlan(
        label=unit.label,
        stack_name=unit.stack_name,
        state="none" if change_set.empty else "create" if creates else "update",
        template=unit.template.digest,
        parameters=planned.shown_parameters(unit, values),
        changes=change_set.changes,
        takes_from=tuple(sorted(unit.needs)),
        hashed=hashed,
    )


def known_values(access: Access, unit: Unit, standing: Mapping[str, LiveStack]) -> dict[str, str]:
    """The parameters of a stack whose values are known now."""
    return live.values(unit, access.environment, access.ecs if unit.asks_service_enabled else None, standing)


def request(access: Access, unit: Unit, values: Mapping[str, str], stack: LiveStack) -> Request:
    """The change set that brings a stack to its template, with the tags that name whose it is."""
    here = access.environment
    tags = {"Project": here.project, "Environment": here.environment}
    return Request(
        stack_name=unit.stack_name,
        kind="UPDATE" if states.exists(stack.status) else "CREATE",
        template=unit.template.body,
        parameters=values,
        tags={**tags, "Service": unit.service} if unit.service else tags,
        service_role=access.service_role(unit),
    )


def missing_output(environment: Environment, unit: Unit, output: order.Output) -> GitopsError:
    """The error for an output that its stack does not have (yet)."""
    return GitopsError(
        f"{unit.label} takes {output.name} from {output.label}, which does not have it yet",
        fix=f"gitops apply {environment.environment} --stack {output.label}",
    )


def needs_repair(stack: LiveStack) -> GitopsError:
    """The error for a stack that CloudFormation itself could not bring back."""
    reason = f": {stack.reason}" if stack.reason else ""
    command = "continue-update-rollback" if stack.status == "UPDATE_ROLLBACK_FAILED" else "rollback-stack"
    return GitopsError(
        f"{stack.name} is {stack.status}{reason}",
        fix=f"correct that, then aws cloudformation {command} --stack-name {stack.name}, then run this again",
    )
