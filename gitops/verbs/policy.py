"""``gitops policy``: checkov's policies over the templates with each environment's values."""

from __future__ import annotations

import argparse

from gitops import github
from gitops.arguments import base_argument, chosen_environments, environments_argument
from gitops.display import say
from gitops.policy import checkers
from gitops.policy.filled import every

ARGUMENTS = (environments_argument, base_argument)


def run(arguments: argparse.Namespace) -> int:
    """Print each failed check and a line per environment; 1 when any failed."""
    chosen = chosen_environments(arguments)
    outcomes = checkers.checkov(
        arguments.checkout, every(arguments.checkout, chosen, placeholders=True, base=arguments.base)
    )
    for outcome in outcomes:
        for failure in outcome.failed:
            say(str(failure))
            github.annotation("error", f"policy {failure.rule}", str(failure))
        print(
            f"{outcome.environment}: {outcome.passed} passed, {len(outcome.failed)} failed, "
            f"{outcome.skipped} skipped with a reason"
        )
    if not outcomes:
        print(f"no stack that the change since {arguments.base} can affect")
    return 1 if any(outcome.failed for outcome in outcomes) else 0
