"""gitops register: the rendered task definition of a commit, registered with its image."""

from __future__ import annotations

import argparse
import re

from gitops import actions, aws, environments, git
from gitops.rollout import live
from gitops.rollout.register import register
from gitops.rollout.release import Release
from gitops.stacks import waiting

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})?\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--digest DIGEST] [--allow-older] [--wait SECONDS]."""
    release_arguments(parser, "register")
    wait_argument(parser, "the service's stack where nothing else is missing")
    parser.epilog = (
        "Registers what was reviewed: the rendered file as git has it at the commit. Nothing is registered when "
        "something that it refers to is missing or does not fit, all of which is said at once, nor when the newest "
        "revision has the same content. Sets the outputs revision (its ARN) and service (exists or missing: then the "
        "service's stack is to be applied)."
    )


def run(arguments: argparse.Namespace) -> int:
    """Register, and say whether the ECS service is there to be deployed."""
    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    commit = git.commit(root, arguments.commit)
    release = Release(root, environment, service, commit, arguments.digest, arguments.allow_older)
    with aws.explained(environment):
        session = aws.session(root, environment, "deploy")
        registered = register(release, session, _say, patience=arguments.wait)
        exists = live.service(session.client("ecs"), environment.cluster, service) is not None
    if not exists:
        name = environment.environment
        print(f"the ECS service {service} does not exist yet: gitops apply {name} --stack service-{service}")
    actions.output("revision", registered.arn)
    actions.output("service", "exists" if exists else "missing")
    return 0


def release_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """What says which commit goes where: the same for all verbs that take one there."""
    parser.add_argument("service", help="a service of the environment")
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument("--commit", default="HEAD", help=f"the commit to {verb} (default: HEAD)")
    parser.add_argument(
        "--digest",
        type=_digest,
        default="",
        metavar="DIGEST",
        help="the digest its image has to have, sha256:…, as the build set it (empty: any)",
    )
    parser.add_argument("--allow-older", action="store_true", help="let an older commit replace a newer one")


def _say(line: str) -> None:
    # At once: what is waited for must not stand in a buffer.
    print(line, flush=True)


def wait_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """--wait SECONDS, for what the apply of the same push may be making."""
    parser.add_argument(
        "--wait",
        type=waiting.seconds,
        default=waiting.PATIENCE,
        metavar="SECONDS",
        help=f"how long to wait for {what} (default: {waiting.PATIENCE:.0f})",
    )


def _digest(text: str) -> str:
    if not _DIGEST.match(text):
        raise argparse.ArgumentTypeError(f"not a digest (sha256: and 64 hexadecimal digits): {text}")
    return text
