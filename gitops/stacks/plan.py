"""A plan: what every stack of an environment would become, and the hash it was reviewed under.

It is worked out by a change set per stack that exists, read and taken away again.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from gitops.cloudformation import ChangeSet, Request, Stack
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks import changes, order, templates
from gitops.stacks.access import Access, Orphan
from gitops.stacks.changes import Change, Counts
from gitops.stacks.order import Unit
from gitops.text import MASK, hide_value

# create, update: as CloudFormation's change set says. after: outputs that it takes do not exist yet, so
# the template alone was read (no changes are listed for a stack that exists). none: no change.
State = Literal["create", "update", "after", "none"]


class StackPlan(msgspec.Struct, frozen=True):
    """One stack's plan. ``hashed`` is False for a stack that this selection shows but does not apply."""

    label: str
    stack_name: str
    state: State
    template: str
    parameters: dict[str, str]
    changes: tuple[Change, ...] = ()
    after: tuple[str, ...] = ()
    takes_from: tuple[str, ...] = ()
    hashed: bool = True

    @property
    def counts(self) -> Counts:
        """Its changes by kind."""
        return changes.count(self.changes)


class Plan(msgspec.Struct, frozen=True):
    """An environment's plan, stacks in the order they are applied.

    ``left_over`` are stacks that nothing asks for any more. No apply touches them, so the hash does not either.
    """

    environment: str
    stacks: tuple[StackPlan, ...]
    left_over: tuple[Orphan, ...] = ()

    @property
    def applied(self) -> tuple[StackPlan, ...]:
        """The stacks that ``apply`` with the same words takes."""
        return tuple(stack for stack in self.stacks if stack.hashed)

    @property
    def hash(self) -> str:
        """The sha256, in hex, of everything that was reviewed and will be applied."""
        return digest(*self.applied)

    @property
    def counts(self) -> Counts:
        """All its changes by kind."""
        return changes.count(change for stack in self.applied for change in stack.changes)


def digest(*stacks: StackPlan) -> str:
    """The sha256, in hex, over stacks' templates, parameters (secrets hidden) and changes."""
    return hashlib.sha256(msgspec.json.encode(stacks, order="deterministic")).hexdigest()


def plan(access: Access, every: list[Unit], chosen: Collection[str]) -> Plan:
    """What the chosen stacks (all when none is) would become; nothing is left behind in AWS.

    Raises GitopsError for a stack that is being changed right now or that
    needs a repair, and when an output is missing that no planned stack will give.
    """
    # Without a choice bootstrap is shown too: a reviewer must see that it changes.
    shown = order.select(every, chosen) if chosen else every
    standing = access.standings(every)
    labels = {unit.label for unit in shown}
    # Bootstrap is applied only when it is asked for by name.
    found = [_stack(access, unit, standing, labels, bool(chosen) or not unit.bootstraps) for unit in shown]
    # A part of an environment says nothing of what the whole no longer asks for.
    left_over = () if chosen else tuple(access.left_over(every))
    return Plan(access.environment.environment, tuple(found), left_over)


def _stack(
    access: Access, unit: Unit, standing: Mapping[str, Stack], planned_too: Collection[str], hashed: bool
) -> StackPlan:
    stack = standing[unit.label]
    step = stack.step
    if step == "wait":
        raise GitopsError(
            f"{stack.name} is being changed right now ({stack.status})", fix="wait for it, then plan again"
        )
    if step == "repair":
        raise needs_repair(stack)
    known = access.values(unit, standing)
    missing = [output for name, output in unit.outputs.items() if name not in known]
    for output in missing:
        if output.label not in planned_too:
            raise missing_output(access.environment, unit, output)
    if step in ("create", "recreate"):
        # A change set of a stack that does not exist would leave one in review, which the plan role, under
        # which a pull request's own code runs, may not delete. There is nothing to compare with either.
        state: State = "after" if missing else "create"
        return from_template(unit, known, state, hashed, access.environment)
    if missing:
        # The stack exists but takes an output that does not: what changes is known only then.
        return msgspec.structs.replace(from_template(unit, known, "after", hashed, access.environment), changes=())
    with access.cloudformation.change_set(request(access, unit, known, stack)) as change_set:
        return from_change_set(unit, known, stack, change_set, hashed)


def from_change_set(
    unit: Unit, values: Mapping[str, str], stack: Stack, change_set: ChangeSet, hashed: bool
) -> StackPlan:
    """The plan of one stack as its change set says."""
    state: State = "none" if change_set.empty else "update" if stack.exists else "create"
    return _stack_plan(unit, values, state, hashed, changes=changes.read(change_set.changes))


def request(access: Access, unit: Unit, values: Mapping[str, str], stack: Stack) -> Request:
    """The change set that brings a stack to its template, with the tags that name whose it is."""
    here = access.environment
    tags = {"Project": here.project, "Environment": here.environment}
    return Request(
        stack_name=unit.stack_name,
        kind="UPDATE" if stack.exists else "CREATE",
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


def needs_repair(stack: Stack) -> GitopsError:
    """The error for a stack that CloudFormation itself could not bring back."""
    reason = f": {stack.reason}" if stack.reason else ""
    command = "continue-update-rollback" if stack.status == "UPDATE_ROLLBACK_FAILED" else "rollback-stack"
    return GitopsError(
        f"{stack.name} is {stack.status}{reason}",
        fix=f"correct that, then aws cloudformation {command} --stack-name {stack.name}, then run this again",
    )


def _stack_plan(unit: Unit, values: Mapping[str, str], state: State, hashed: bool, **more: Any) -> StackPlan:  # noqa: ANN401
    """One stack's plan; NoEcho values and what looks like a secret are hidden."""
    declared = unit.template.parameters
    return StackPlan(
        label=unit.label,
        stack_name=unit.stack_name,
        state=state,
        template=unit.template.digest,
        parameters={
            name: MASK if declared[name].no_echo else hide_value(name, value) for name, value in sorted(values.items())
        },
        takes_from=tuple(sorted(unit.needs)),
        hashed=hashed,
        **more,
    )


def from_template(
    unit: Unit, values: Mapping[str, str], state: State, hashed: bool, environment: Environment
) -> StackPlan:
    """The plan of a stack that CloudFormation cannot be asked about: what its template's conditions let in is added.

    A change keeps its condition's name where the values that are known do not decide it.
    """
    known = {**templates.pseudo(environment.account, environment.region, unit.stack_name), **values}
    holds = {"": True, **templates.holds(unit.template.conditions, known)}
    pending = {name: f"(output of {output.label})" for name, output in unit.outputs.items() if name not in values}
    return _stack_plan(
        unit,
        {**values, **pending},
        state,
        hashed,
        changes=tuple(
            Change("Add", resource.logical_id, resource.type, condition="" if certain else resource.condition)
            for resource in unit.template.resources
            if (certain := holds.get(resource.condition)) is not False
        ),
        after=tuple(sorted({unit.outputs[name].label for name in pending})),
    )


def save(plan: Plan, path: Path) -> None:
    """Write the plan as JSON, for ``gitops apply --plan``; GitopsError when the file cannot be written."""
    try:
        path.write_bytes(as_json(plan) + b"\n")
    except OSError as error:
        raise GitopsError(f"the plan cannot be written to {path}: {error.strerror}", fix="name another file") from None


def as_json(plan: Plan) -> bytes:
    """The plan as indented JSON with its hash and counts."""
    whole = {
        "environment": plan.environment,
        "hash": plan.hash,
        "counts": plan.counts,
        "stacks": plan.stacks,
        "left_over": plan.left_over,
    }
    return msgspec.json.format(msgspec.json.encode(whole, order="deterministic"), indent=2)


def read(path: Path) -> Plan:
    """A plan that ``save`` wrote; GitopsError when the file is missing or is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except OSError as error:
        raise GitopsError(
            f"the plan {path} cannot be read: {error.strerror}", fix="name the file --out wrote"
        ) from None
    except msgspec.DecodeError as error:
        raise GitopsError(f"{path} is not a plan: {error}", fix="name the file that plan --out wrote") from None


def differences(reviewed: Plan, now: Plan) -> list[str]:
    """What a plan says now that the reviewed one did not say, one line each, by stack."""
    lines: list[str] = []
    before = {stack.label: stack for stack in reviewed.applied}
    after = {stack.label: stack for stack in now.applied}
    for label in [*after, *(label for label in before if label not in after)]:
        if label not in before or label not in after:
            lines.append(f"{label}: {'not in the reviewed plan' if label in after else 'no longer planned'}")
            continue
        if digest(before[label]) == digest(after[label]):
            continue
        diff = [
            line for line in difflib.ndiff(facts(before[label]), facts(after[label])) if line.startswith(("+ ", "- "))
        ]
        lines += [f"{label}: {line}" for line in diff]
    return lines


def facts(stack: StackPlan) -> list[str]:
    """Everything a stack's part of the hash depends on, one line each."""
    lines = [f"state {stack.state}", f"template {stack.template[:12]}"]
    lines += [f"parameter {name} = {value}" for name, value in stack.parameters.items()]
    for change in stack.changes:
        lines.append(f"{change.kind} {change.logical_id} ({change.type})")
        lines += [f"{change.logical_id}.{one.path}: {one.before} → {one.after}" for one in change.properties]
    return lines
