"""``gitops lint``: cfn-lint over the templates, as they stand and with each environment's values."""

from __future__ import annotations

import argparse

from gitops import github
from gitops.arguments import base_argument, chosen_environments, environments_argument
from gitops.display import say
from gitops.policy import checkers
from gitops.policy.filled import every, own

ARGUMENTS = (environments_argument, base_argument)


def run(arguments: argparse.Namespace) -> int:
    """Print each finding and how many templates were read; 1 when there is any finding."""
    checkout, base = arguments.checkout, arguments.base
    filled = every(checkout, chosen_environments(arguments), placeholders=False, base=base)
    as_they_stand = own(checkout, base)
    found = checkers.cfn_lint(checkout, as_they_stand, filled)
    for finding in found:
        say(str(finding))
        github.annotation("error", f"lint {finding.rule}", str(finding))
    templates = len({one.template for one in filled} | set(as_they_stand))
    print(f"{templates} templates, {len(filled)} stacks: {len(found)} findings")
    return 1 if found else 0
