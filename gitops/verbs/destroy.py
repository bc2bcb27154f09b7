"""Remove everything of an environment, after a typed confirmation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gitops import aws, environments, github
from gitops.arguments import argument, confirm, confirm_argument, environment_argument, stack_argument
from gitops.clock import Clock
from gitops.display import Display, Event, drawing
from gitops.ecs_answers import family_of
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks import destroy, order, verify
from gitops.stacks.access import Access, Orphan
from gitops.stacks.destroy import Leftovers, Scope
from gitops.stacks.order import Unit
from gitops.text import plain

ARGUMENTS = (
    environment_argument,
    confirm_argument,
    argument(
        "--keep-bootstrap", action="store_true", help="keep the roles, for a workflow that runs under one of them"
    ),
    stack_argument,
)
_REMOVE = "remove all of this"


def run(arguments: argparse.Namespace) -> int:
    """Show what goes, have it confirmed, remove it, and verify that nothing is left."""
    environment = environments.load(arguments.checkout, arguments.environment)
    if arguments.confirm is not None:
        confirm(environment, arguments.confirm, _REMOVE)
    every = order.load(arguments.checkout, environment)
    others = environments.load_all(arguments.checkout)
    chosen, keep = arguments.stack, arguments.keep_bootstrap
    with aws.explained(environment):
        labels = [unit.label for unit in every]
        if not chosen or {*chosen} - {*labels, *order.groups(labels)}:
            # Who removes bootstrap finds what is left of a run that was interrupted after that.
            known = [label for label in chosen if order.chooses_bootstrap([label])]
            within = destroy.scope(environment, every, others, known, keep) if known or not chosen else None
            role: aws.Role = "administrator" if within and within.bootstrap else "teardown"
            looking = Access(arguments.checkout, environment, role, Clock())
            every += _no_longer_asked_for(looking, every, chosen)
        going = destroy.scope(environment, every, others, chosen, keep)
        worker, administrator = _who(arguments.checkout, environment, going)
        standing = _standing(worker, every)
        removed = _show(worker, every, going, standing)
        if removed:
            destroy.require_unused(every, {unit.label for unit in going.stacks}, standing)
            confirm(environment, arguments.confirm, _REMOVE)
            _remove(worker, administrator, going)
        found = verify.left(administrator, every, going)
    if found:
        lines = tuple(f"  {line}" for line in found)
        github.summary(_markdown(environment, f"not empty, {len(found)} left", found))
        raise GitopsError(
            f"{environment.environment} is not empty: {len(found)} left",
            others=lines,
            fix="delete them by hand or run this again",
        )
    what = environment.environment if going.whole else " and ".join(order.groups(unit.label for unit in going.stacks))
    apart = f", apart from {' and '.join(order.groups(going.kept))}" if going.kept else ""
    print(f"{what}: verified empty{apart}")
    stacks = sum(unit.label in standing for unit in going.stacks)
    empty = "empty" if going.whole else f"{what} verified empty"
    github.summary(_markdown(environment, f"{empty}{apart}, {_number(stacks)} removed", removed))
    return 0


def _number(stacks: int) -> str:
    return f"{stacks or 'no'} {'stack' if stacks == 1 else 'stacks'}"


def _markdown(environment: Environment, verdict: str, lines: Sequence[str]) -> str:
    return "\n".join([f"### destroy {environment.environment}: {verdict}", "", *(f"- {plain(line)}" for line in lines)])


def _no_longer_asked_for(access: Access, every: list[Unit], chosen: list[str]) -> list[Unit]:
    """Stacks that no entry asks for, in the order they were made, and services that are chosen and left secrets."""
    found = access.left_over(every)
    labels = {orphan.label for orphan in found}
    for label in chosen:
        one = Orphan(label, access.environment.stack_name(label))
        # An interrupted destroy may have come as far as the stack: the rest still carries the service's name.
        if one.service and label not in labels and one.service not in access.environment.services:
            rest = Leftovers(access, [one.service])
            if rest.parameters() or rest.revisions() or rest.log_groups(whole=False):
                found.append(one)
    return [orphan.unit for orphan in reversed(found)]


def _who(checkout: Checkout, environment: Environment, going: Scope) -> tuple[Access, Access]:
    """Who removes the stacks, and who removes bootstrap and verifies afterwards.

    The teardown role goes with bootstrap, so whoever finishes a run that was
    interrupted after that is the administrator.
    """
    teardown = Access(checkout, environment, "teardown", Clock())
    if not going.bootstrap:
        return teardown, teardown
    administrator = Access(checkout, environment, "administrator", Clock())
    stacks = [administrator.stack(unit) for unit in going.stacks if not unit.bootstraps]
    # A create of bootstrap that broke has no roles to take either, and nothing was made under them.
    usable = all(
        part.step in ("update", "wait", "repair") or part.status == "DELETE_FAILED"
        for part in map(administrator.stack, going.bootstrap)
    )
    destroy.require_service_role(administrator, stacks, usable)
    if usable and any(stack.exists for stack in stacks):
        return teardown, administrator
    return administrator, administrator


def _standing(access: Access, every: list[Unit]) -> dict[str, str]:
    """Labels of the stacks that are there, with their status."""
    return {label: stack.status for label, stack in access.standings(every).items() if not stack.gone}


def _show(access: Access, every: list[Unit], going: Scope, standing: dict[str, str]) -> list[str]:
    """Print what will be removed and what is kept; the lines of what will be removed."""
    lines = []
    for unit in going.stacks:
        if unit.label in standing:
            number = len(access.cloudformation.resources(unit.stack_name))
            lines.append(f"stack {unit.stack_name} ({standing[unit.label]}, resources: {number})")
    leftovers = Leftovers(access, going.services)
    lines += [f"parameter {name}" for name in leftovers.parameters()]
    if revisions := leftovers.revisions():
        families = sorted({family_of(arn) for arn in revisions})
        lines.append(f"{len(revisions)} task definition revisions of {', '.join(families)}")
    outside = set(leftovers.log_groups(whole=going.whole)) - {
        resource.physical_id
        for unit in every
        if unit.label in standing
        for resource in access.cloudformation.resources(unit.stack_name)
    }
    lines += [f"log group {name}" for name in sorted(outside)]
    for line in verify.kept_lines(going, access.environment.environment):
        print(line)
    if not lines:
        print(f"nothing of {access.environment.environment} is there to remove")
        return []
    print(f"this will be removed from {access.environment.environment} (account {access.environment.account}):")
    for line in lines:
        print(f"  - {line}")
    return lines


def _remove(worker: Access, administrator: Access, going: Scope) -> None:
    running = ""
    try:
        with drawing() as display:
            for unit in (unit for unit in going.stacks if not unit.bootstraps):
                running = unit.stack_name
                _one(worker, unit, display)
            running = ""
            leftovers = Leftovers(worker, going.services)
            for line in leftovers.delete(whole=going.whole):
                display.show(Event("outside of stacks", line, mood="done"))
            for unit in going.bootstrap:
                running = unit.stack_name
                _one(administrator, unit, display)
    except KeyboardInterrupt:
        if running:
            print(f"AWS goes on deleting {running} if that was started", file=sys.stderr)
        print("what is gone is gone; the same command again removes the rest", file=sys.stderr)
        raise
    except GitopsError as error:
        where = f" at {running}" if running else ""
        github.summary(_markdown(worker.environment, f"failed{where}", [error.problem]))
        raise


def _one(access: Access, unit: Unit, display: Display) -> None:
    for name in destroy.remove(access, unit, display):
        display.show(Event(unit.label, "its template says to keep it", name, mood="failed"))
