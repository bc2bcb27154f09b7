"""gitops rollback: back to what served before, and the truth about how that ended."""

from __future__ import annotations

import argparse

from gitops import aws
from gitops.arguments import environment_argument, service_argument, timeout_argument
from gitops.clock import Clock
from gitops.deploy import decision, report
from gitops.deploy.release import Destination, Run
from gitops.deploy.rollback import rollback
from gitops.display import drawing, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--to COMMIT] [--timeout SECONDS]."""
    service_argument(parser)
    environment_argument(parser)
    parser.add_argument(
        "--to", default="", metavar="COMMIT", help="the commit to go back to (default: the last one that served well)"
    )
    timeout_argument(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "A deployment in flight is stopped, and ECS goes back itself. Else, or with --to, the commit is\n"
        "deployed as any other: its reviewed task definition with the image it served with, as a new\n"
        "revision, since the newest one is what the service's stack means. A commit counts as good when a\n"
        "deployment of it succeeded here; nothing newer in git than what runs is gone back to.\n\n"
        f"{decision.exit_codes()}\n\n"
        "Sets the outputs verdict, commit (gone back to), before (the commit that was left), revision, image, digest."
    )


def run(arguments: argparse.Namespace) -> int:
    """Roll back, report, and end with the verdict's exit code."""
    to = Destination.of(arguments.checkout, arguments.environment, arguments.service)
    commit = to.checkout.commit(arguments.to) if arguments.to else ""
    with aws.explained(to.environment):
        session = aws.session(to.checkout, to.environment, "deploy")
        with drawing() as display:
            run = Run(session, to.on_ecs(session), say, display, Clock(), arguments.timeout)
            outcome = rollback(to, commit, run)
    return report.tell(outcome)
