"""Show what an environment's stacks would change, as a list a reviewer reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from gitops import aws, environments, github
from gitops.arguments import argument, environment_argument, part_argument, stack_argument
from gitops.review import pull_request
from gitops.stacks import order, plan, report
from gitops.stacks.access import Access
from gitops.text import COMMENT_BUDGET

ARGUMENTS = (
    environment_argument,
    stack_argument,
    part_argument,
    argument("--out", type=Path, metavar="FILE", help="also write the plan as JSON, for apply --plan"),
    argument("--json", action="store_true", help="print the plan as JSON instead of lines"),
)


def run(arguments: argparse.Namespace) -> int:
    """Plan the stacks, leave nothing behind, print the plan and its hash."""
    environment = environments.load(arguments.checkout, arguments.environment)
    every = order.load(arguments.checkout, environment)
    order.select(every, arguments.stack)
    # A new environment has no plan role yet: only the administrator can plan what makes it.
    role: aws.Role = "administrator" if order.chooses_bootstrap(arguments.stack) else "plan"
    with aws.explained(environment):
        found = plan.plan(Access(arguments.checkout, environment, role), every, arguments.stack)
    if arguments.out:
        plan.save(found, arguments.out)
    if arguments.json:
        print(plan.as_json(found).decode())
    else:
        print("\n".join(report.lines(found)))
    github.summary(report.markdown(found, COMMENT_BUDGET))
    if arguments.part:
        share = pull_request.share(len(environments.deployed(arguments.checkout)))
        pull_request.write_part(
            arguments.part, pull_request.plan_of(arguments.environment), report.markdown(found, share)
        )
    github.output("plan-hash", found.hash)
    return 0
