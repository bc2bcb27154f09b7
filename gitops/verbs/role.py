"""``gitops role``: the AWS role that a workflow job assumes, from the environment's file."""

from __future__ import annotations

import argparse

from gitops import environments, github
from gitops.arguments import argument, environment_argument

# Not gitops.aws.Role: that would load boto3 for a name. A test holds the two together.
ROLES = ("plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill")


ARGUMENTS = (
    environment_argument,
    argument("role", metavar="ROLE", choices=ROLES, help=f"one of {', '.join(ROLES)}"),
)


def run(arguments: argparse.Namespace) -> int:
    """Print the role and set the step's outputs role-arn, account and region."""
    environment = environments.load(arguments.checkout, arguments.environment)
    # The naming convention of infra/cloudformation/bootstrap-*-roles.yaml.
    name = f"{environment.project}-{environment.environment}-{arguments.role}"
    arn = f"arn:aws:iam::{environment.account}:role/{name}"
    print(arn)
    github.output("role-arn", arn)
    github.output("account", environment.account)
    github.output("region", environment.region)
    return 0
