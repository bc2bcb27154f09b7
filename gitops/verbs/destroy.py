"""Remove everything of an environment, after a typed confirmation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gitops import actions, aws, environments, progress
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.progress import Event
from gitops.review.markdown import plain
from gitops.stacks import emptying, live, orphans, removing, scope, states, verifying
from gitops.stacks.access import Access
from gitops.stacks.leftovers import Leftovers
from gitops.stacks.order import BOOTSTRAP, Unit
from gitops.stacks.orphans import Orphan
from gitops.stacks.scope import Scope
from gitops.stacks.waiting import Clock
from gitops.verbs.plan import load_units, stack_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's words."""
    parser.add_argument("environment", help="a file in infra/environments, without .yaml")
    parser.add_argument("--confirm", metavar="NAME", help="the environment's name, where nobody can type it")
    parser.add_argument(
        "--keep-bootstrap", action="store_true", help="keep the roles, for a workflow that runs under one of them"
    )
    stack_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what goes, have it confirmed, remove it, and verify that nothing is left."""
    environment = environments.load(arguments.root, arguments.environment)
    if arguments.confirm is not None:
        _require_name(environment, arguments.confirm)
    every = load_units(arguments.root, environment)
    others = environments.load_all(arguments.root)
    chosen, keep = arguments.stack, arguments.keep_bootstrap
    with aws.explained(environment):
        if not chosen or {*chosen} - {unit.label for unit in every}:
            # Who removes bootstrap finds what is left of a run that was interrupted after that.
            known = [label for label in chosen if label == BOOTSTRAP]
            bootstrap = scope.scope(environment, every, others, known, keep).bootstrap if known or not chosen else None
            looking = Access(arguments.root, environment, "administrator" if bootstrap else "teardown")
            every += _no_longer_asked_for(looking, chosen)
        going = scope.scope(environment, every, others, chosen, keep)
        worker, administrator = _who(arguments.root, environment, going)
        standing = _standing(worker, every)
        removed = _show(worker, every, going, standing)
        if removed:
            scope.require_unused(every, {unit.label for unit in going.stacks}, standing)
            _confirm(environment, arguments.confirm)
            _remove(worker, administrator, going)
        found = verifying.left(administrator, every, going, Clock())
    if found:
        lines = tuple(f"  {line}" for line in found)
        actions.summary(_markdown(environment, f"not empty, {len(found)} left", found))
        raise GitopsError(
            f"{environment.environment} is not empty: {len(found)} left",
            others=lines,
            fix="delete them by hand or run this again",
        )
    what = environment.environment if going.whole else " and ".join(unit.label for unit in going.stacks)
    apart = f", apart from {' and '.join(going.kept)}" if going.kept else ""
    print(f"{what}: verified empty{apart}")
    stacks = sum(unit.label in standing for unit in going.stacks)
    empty = "empty" if going.whole else f"{what} verified empty"
    actions.summary(_markdown(environment, f"{empty}{apart}, {_number(stacks)} removed", removed))
    return 0


def _number(stacks: int) -> str:
    return f"{stacks or 'no'} {'stack' if stacks == 1 else 'stacks'}"


def _markdown(environment: Environment, verdict: str, lines: Sequence[str]) -> str:
    return "\n".join([f"### destroy {environment.environment}: {verdict}", "", *(f"- {plain(line)}" for line in lines)])


def _no_longer_asked_for(access: Access, chosen: list[str]) -> list[Unit]:
    """Stacks that no entry asks for, in the order they were made, and services that are chosen and left secrets."""
    found = orphans.left_over(access.cloudformation, access.environment)
    labels = {orphan.label for orphan in found}
    for label in chosen:
        one = Orphan(label, access.environment.stack_name(label))
        # An interrupted destroy may have come as far as the stack: the rest still carries the service's name.
        if one.service and label not in labels and one.service not in access.environment.services:
            rest = Leftovers(access.session, access.environment, [one.service])
            if rest.parameters() or rest.revisions() or rest.log_groups(whole=False):
                found.append(one)
    return [orphan.unit for orphan in reversed(found)]


def _who(root: Path, environment: Environment, going: Scope) -> tuple[Access, Access]:
    """Who removes the stacks, and who removes bootstrap and verifies afterwards.

    The teardown role goes with bootstrap, so whoever finishes a run that was
    interrupted after that is the administrator.
    """
    teardown = Access(root, environment, "teardown")
    if going.bootstrap is None:
        return teardown, teardown
    administrator = Access(root, environment, "administrator")
    status = live.find(administrator.cloudformation, going.bootstrap.stack_name).status
    stacks = [
        live.find(administrator.cloudformation, unit.stack_name) for unit in going.stacks if unit != going.bootstrap
    ]
    # A create of bootstrap that broke has no roles to take either, and nothing was made under them.
    usable = states.next_step(status) in ("update", "wait", "repair") or status == "DELETE_FAILED"
    removing.require_service_role(administrator, stacks, usable)
    if usable and any(states.exists(stack.status) for stack in stacks):
        return teardown, administrator
    return administrator, administrator


def _standing(access: Access, every: list[Unit]) -> dict[str, str]:
    """Labels of the stacks that are there, with their status."""
    found = {unit.label: live.find(access.cloudformation, unit.stack_name).status for unit in every}
    return {label: status for label, status in found.items() if status not in states.GONE}


def _show(access: Access, every: list[Unit], going: Scope, standing: dict[str, str]) -> list[str]:
    """Print what will be removed and what is kept; the lines of what will be removed."""
    lines = []
    for unit in going.stacks:
        if unit.label in standing:
            number = len(emptying.resources(access.cloudformation, unit.stack_name))
            lines.append(f"stack {unit.stack_name} ({standing[unit.label]}, resources: {number})")
    leftovers = Leftovers(access.session, access.environment, going.services)
    lines += [f"parameter {name}" for name in leftovers.parameters()]
    if revisions := leftovers.revisions():
        families = sorted({live.family_of(arn) for arn in revisions})
        lines.append(f"{len(revisions)} task definition revisions of {', '.join(families)}")
    outside = set(leftovers.log_groups(whole=going.whole)) - {
        resource.physical_id
        for unit in every
        if unit.label in standing
        for resource in emptying.resources(access.cloudformation, unit.stack_name)
    }
    lines += [f"log group {name}" for name in sorted(outside)]
    for line in verifying.kept_lines(going, access.environment.environment):
        print(line)
    if not lines:
        print(f"nothing of {access.environment.environment} is there to remove")
        return []
    print(f"this will be removed from {access.environment.environment} (account {access.environment.account}):")
    for line in lines:
        print(f"  - {line}")
    return lines


def _require_name(environment: Environment, name: str) -> None:
    if name != environment.environment:
        raise GitopsError(
            f'"{name}" is not the name of the environment: nothing was touched',
            fix=f"to remove it, type {environment.environment}",
        )


def _confirm(environment: Environment, given: str | None) -> None:
    if given is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise GitopsError(
            "nobody can type the environment's name here: nothing was touched",
            fix=f"--confirm {environment.environment}",
        )
    try:
        typed = input(f"type {environment.environment} to remove all of this: ")
    except EOFError:
        typed = ""
    _require_name(environment, typed.strip())


def _remove(worker: Access, administrator: Access, going: Scope) -> None:
    running = ""
    try:
        with progress.display() as display:
            for unit in (unit for unit in going.stacks if unit.label != BOOTSTRAP):
                running = unit.stack_name
                _one(worker, unit, display)
            running = ""
            leftovers = Leftovers(worker.session, worker.environment, going.services)
            for line in leftovers.delete(whole=going.whole):
                display.show(Event("outside of stacks", line, mood="done"))
            if going.bootstrap is not None:
                running = going.bootstrap.stack_name
                _one(administrator, going.bootstrap, display)
    except KeyboardInterrupt:
        if running:
            print(f"AWS goes on deleting {running} if that was started", file=sys.stderr)
        print("what is gone is gone; the same command again removes the rest", file=sys.stderr)
        raise
    except GitopsError as error:
        where = f" at {running}" if running else ""
        actions.summary(_markdown(worker.environment, f"failed{where}", [error.problem]))
        raise


def _one(access: Access, unit: Unit, display: progress.Display) -> None:
    for name in removing.remove(access, unit, display, Clock()):
        display.show(Event(unit.label, "its template says to keep it", name, mood="failed"))
