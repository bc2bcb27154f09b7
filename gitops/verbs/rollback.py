"""gitops rollback: back to what served before, and the truth about how that ended."""

from __future__ import annotations

import argparse
import functools

from gitops import aws, environments, git, progress
from gitops.rollout.roll import Run
from gitops.rollout.rollback import rollback
from gitops.rollout.watch import Clock
from gitops.verbs import deploy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--to COMMIT] [--timeout SECONDS]."""
    parser.add_argument("service", help="a service of the environment")
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument(
        "--to", default="", metavar="COMMIT", help="the commit to go back to (default: the last one that served well)"
    )
    deploy.timeout_argument(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "A deployment in flight is stopped, and ECS goes back itself. Else, or with --to, the commit is\n"
        "deployed as any other: its reviewed task definition with the image it served with, as a new\n"
        "revision, since the newest one is what the service's stack means. A commit counts as good when a\n"
        "deployment of it succeeded here; nothing newer in git than what runs is gone back to.\n\n"
        f"{deploy.exit_codes()}\n\n"
        "Sets the outputs verdict, commit (gone back to), before (the commit that was left), revision, image, digest."
    )


def run(arguments: argparse.Namespace) -> int:
    """Roll back, report, and end with the verdict's exit code."""
    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    to = git.commit(root, arguments.to) if arguments.to else ""
    say = functools.partial(print, flush=True)
    with aws.explained(environment):
        session = aws.session(root, environment, "deploy")
        with progress.display() as display:
            outcome = rollback(root, environment, service, to, Run(session, say, display, Clock(), arguments.timeout))
    return deploy.tell(outcome)
