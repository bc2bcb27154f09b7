"""gitops status: what runs in an environment, and where."""

from __future__ import annotations

import argparse

import msgspec

from gitops import aws, environments, github
from gitops.arguments import environment_argument, json_argument
from gitops.deploy import status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENVIRONMENT [--json]."""
    environment_argument(parser)
    json_argument(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "The JSON object, whose names stay:\n"
        "  environment, url\n"
        "  services.NAME:\n"
        "    state          active, draining, or missing (the rest is empty then)\n"
        "    commit, subject, digest, image, revision     what is live\n"
        "    deployment     {id, state, doing}, or null: ECS's rolloutState, and in words what it is doing\n"
        "    running, desired                             numbers of tasks\n"
        "    newest_image   {tag, digest} pushed last, live or not; null when unknown\n\n"
        "Sets the output url."
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the status; a service that is not there yet is part of it, not an error."""
    checkout = arguments.checkout
    environment = environments.load(checkout, arguments.environment)
    with aws.explained(environment):
        found = status.status(checkout, environment, aws.session(checkout, environment, "drift"))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print(status.text(found))
    github.output("url", found.url)
    return 0
