"""Show what an environment's stacks would change, as a list a reviewer reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from gitops import actions, aws, environments
from gitops.environments import Environment
from gitops.pullrequests import review
from gitops.stacks import order, planned, planning, report
from gitops.stacks.access import Access
from gitops.stacks.order import Unit
from gitops.stacks.waiting import Clock
from gitops.verbs import diff


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's words."""
    parser.add_argument("environment", help="a file in infra/environments, without .yaml")
    stack_argument(parser)
    diff.part_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the plan as JSON, for apply --plan")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON instead of lines")


def run(arguments: argparse.Namespace) -> int:
    """Plan the stacks, leave nothing behind, print the plan and its hash."""
    environment = environments.load(arguments.root, arguments.environment)
    every = load_units(arguments.root, environment)
    order.select(every, arguments.stack)
    # A new environment has no plan role yet: only the administrator can plan what makes it.
    role: aws.Role = "administrator" if order.BOOTSTRAP in arguments.stack else "plan"
    with aws.explained(environment):
        found = planning.plan(Access(arguments.root, environment, role), every, arguments.stack, Clock())
    if arguments.out:
        planned.save(found, arguments.out)
    if arguments.json:
        print(planned.as_json(found).decode())
    else:
        print("\n".join(report.lines(found)))
    actions.summary(report.markdown(found))
    if arguments.part:
        share = review.share(len(environments.deployed(arguments.root)))
        review.write_part(arguments.part, review.plan_of(arguments.environment), report.markdown(found, share))
    actions.output("plan-hash", found.hash)
    return 0


def stack_argument(parser: argparse.ArgumentParser) -> None:
    """The --stack option, the same for plan, apply and destroy."""
    parser.add_argument(
        "--stack",
        action="append",
        default=[],
        metavar="STACK",
        help="only this one: a template's name or service-NAME (may be repeated; default: all)",
    )


def load_units(root: Path, environment: Environment) -> list[Unit]:
    """The environment's stacks; GitopsError when its registry's environment has no file."""
    registry = (
        environment
        if environment.registry == environment.environment
        else environments.load(root, environment.registry)
    )
    return order.load(root, environment, registry.account)
