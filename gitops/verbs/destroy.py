"""Remove everything of an environment, after a typed confirmation."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gitops import actions, aws, environments, progress
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.progress import Event
from gitops.stacks import emptying, live, removing, scope, states, verifying
from gitops.stacks.access import Access
from gitops.stacks.leftovers import Leftovers
from gitops.stacks.order import BOOTSTRAP, Unit
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
    going = scope.scope(environment, every, others, arguments.stack, arguments.keep_bootstrap)
    with aws.explained(environment):
        worker, administrator = _who(arguments.root, environment, going)
        standing = _standing(worker, every)
        if _show(worker, every, going, standing):
            scope.require_unused(every, {unit.label for unit in going.stacks}, standing)
            _confirm(environment, arguments.confirm)
            _remove(worker, administrator, going)
        found = verifying.left(administrator, every, going, Clock())
    if found:
        lines = tuple(f"  {line}" for line in found)
        raise GitopsError(
            f"{environment.environment} is not empty: {len(found)} left",
            others=lines,
            fix="delete them by hand or run this again",
        )
    what = environment.environment if going.whole else " and ".join(unit.label for unit in going.stacks)
    apart = f", apart from {' and '.join(going.kept)}" if going.kept else ""
    print(f"{what}: verified empty{apart}")
    actions.summary(f"### destroy {environment.environment}\n\n{what}: verified empty{apart}")
    return 0


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


def _show(access: Access, every: list[Unit], going: Scope, standing: dict[str, str]) -> bool:
    """Print what will be removed and what is kept; whether there is anything to remove."""
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
        return False
    print(f"this will be removed from {access.environment.environment} (account {access.environment.account}):")
    for line in lines:
        print(f"  - {line}")
    return True


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


def _one(access: Access, unit: Unit, display: progress.Display) -> None:
    for name in removing.remove(access, unit, display, Clock()):
        display.show(Event(unit.label, "its template says to keep it", name, mood="failed"))
