"""The environments that a checking verb is told on its command line."""

from __future__ import annotations

import argparse

from gitops import environments
from gitops.environments import Environment


def add_environments(parser: argparse.ArgumentParser) -> None:
    """Names of environments; none means all."""
    parser.add_argument(
        "environments", nargs="*", metavar="ENVIRONMENT", help="environments to check (default: all of them)"
    )


def chosen(arguments: argparse.Namespace) -> dict[str, Environment]:
    """The named environments, or all; GitopsError for one that does not exist."""
    names = arguments.environments or environments.names(arguments.root)
    return {name: environments.load(arguments.root, name) for name in names}
