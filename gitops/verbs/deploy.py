"""gitops deploy: a service rolled to a commit, and the truth about how that ended."""

from __future__ import annotations

import argparse

from gitops import aws
from gitops.arguments import release_arguments, seconds, timeout_argument
from gitops.clock import Clock
from gitops.deploy import decision, report
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.roll import deploy
from gitops.display import drawing, say

_LONGEST_BAKE_SECONDS = 1800.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--digest DIGEST] [--allow-older] [--timeout SECONDS] [--bake SECONDS]."""
    release_arguments(parser, "deploy")
    timeout_argument(parser)
    parser.add_argument(
        "--bake",
        type=seconds(0.0, _LONGEST_BAKE_SECONDS),
        default=0.0,
        metavar="SECONDS",
        help="watch on for so long after the deployment is complete, and put the revision before back when the new "
        "one does not last (default: 0)",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Registers the commit's task definition, updates the service if it runs another one, and watches\n"
        "the deployment by its id. Run it again after an interruption: it goes on where it was.\n\n"
        f"{decision.exit_codes()}\n\n"
        "Sets the outputs verdict, commit, before (the commit that served), revision, image and digest."
    )


def run(arguments: argparse.Namespace) -> int:
    """Deploy, report, and end with the verdict's exit code."""
    to = Destination.of(arguments.checkout, arguments.environment, arguments.service)
    release = Release.of(to, arguments.commit, arguments.digest, allow_older=arguments.allow_older)
    with aws.explained(to.environment):
        session = aws.session(to.checkout, to.environment, "deploy")
        with drawing() as display:
            service = to.on_ecs(session)
            outcome = deploy(release, Run(session, service, say, display, Clock(), arguments.timeout, arguments.bake))
    return report.tell(outcome)
