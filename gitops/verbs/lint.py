"""``gitops lint``: cfn-lint over the templates, as they stand and with each environment's values."""

from __future__ import annotations

import argparse

from gitops import actions
from gitops.policy import checkers
from gitops.policy.arguments import add_environments, chosen
from gitops.policy.filled import every


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The environments."""
    add_environments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print each finding and how many templates were read; 1 when there is any finding."""
    filled = every(arguments.root, chosen(arguments), placeholders=False)
    found = checkers.cfn_lint(arguments.root, filled)
    for finding in found:
        print(finding)
        actions.annotation("error", f"lint {finding.rule}", str(finding))
    templates = len({one.template for one in filled})
    print(f"{templates} templates, {len(filled)} stacks: {len(found)} findings")
    return 1 if found else 0
