"""gitops register: the rendered task definition of a commit, registered with its image."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from gitops import aws, github
from gitops.arguments import release_arguments, wait_argument
from gitops.clock import Clock
from gitops.deploy.register import register
from gitops.deploy.release import Destination, Release, Run
from gitops.display import Lines

ARGUMENTS = (
    partial(release_arguments, verb="register"),
    partial(wait_argument, what="the service's stack where nothing else is missing"),
)
EPILOG = (
    "Registers what was reviewed: the rendered file as git has it at the commit. Nothing is registered when something "
    "that it refers to is missing or does not fit, all of which is said at once, nor when the newest revision has the "
    "same content. Sets the outputs revision (its ARN) and service (exists or missing: then the service's stack is to "
    "be applied)."
)


def run(arguments: argparse.Namespace) -> int:
    """Register, and say whether the ECS service is there to be deployed."""
    to = Destination.of(arguments.checkout, arguments.environment, arguments.service)
    wanted = Release.of(to, arguments.commit, arguments.digest, allow_older=arguments.allow_older)
    with aws.explained(to.environment):
        session = aws.session(to.checkout, to.environment, "deploy")
        clock = Clock()
        display = Lines(sys.stdout, clock)
        how = Run(session, to.on_ecs(session), _say, display, clock, timeout=0.0, patience=arguments.wait)
        registered = register(wanted, how)
        exists = how.service.look() is not None
    if not exists:
        name = to.environment.environment
        print(f"the ECS service {to.service} does not exist yet: gitops apply {name} --stack service-{to.service}")
    github.output("revision", registered.arn)
    github.output("service", "exists" if exists else "missing")
    return 0


def _say(line: str) -> None:
    # At once: what is waited for must not stand in a buffer.
    print(line, flush=True)
