"""``gitops role``: the AWS role that a workflow job assumes, from the environment's file."""

from __future__ import annotations

import argparse

from gitops import environments, github
from gitops.environments import Environment
from gitops.repository import ENVIRONMENTS

# Not gitops.aws.Role: that would load boto3 for a name. A test holds the two together.
ROLES = ("plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Environment and role."""
    parser.add_argument("environment", metavar="ENVIRONMENT", help=f"a file of {ENVIRONMENTS}/, without .yaml")
    parser.add_argument("role", metavar="ROLE", choices=ROLES, help=f"one of {', '.join(ROLES)}")


def run(arguments: argparse.Namespace) -> int:
    """Print the role and set the step's outputs role-arn, account and region."""
    environment = environments.load(arguments.checkout, arguments.environment)
    arn = role_arn(environment, arguments.role)
    print(arn)
    github.output("role-arn", arn)
    github.output("account", environment.account)
    github.output("region", environment.region)
    return 0


def role_arn(environment: Environment, role: str) -> str:
    """The role's ARN by the naming convention of infra/cloudformation/bootstrap-*-roles.yaml."""
    return f"arn:aws:iam::{environment.account}:role/{environment.project}-{environment.environment}-{role}"
