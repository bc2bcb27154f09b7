"""``gitops policy``: checkov's policies over the templates with each environment's values."""

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
    """Print each failed check and a line per environment; 1 when any failed."""
    outcomes = checkers.checkov(arguments.root, every(arguments.root, chosen(arguments), placeholders=True))
    for outcome in outcomes:
        for failure in outcome.failed:
            print(failure)
            actions.annotation("error", f"policy {failure.rule}", str(failure))
        print(
            f"{outcome.environment}: {outcome.passed} passed, {len(outcome.failed)} failed, "
            f"{outcome.skipped} skipped with a reason"
        )
    return 1 if any(outcome.failed for outcome in outcomes) else 0
