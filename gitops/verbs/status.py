"""gitops status: what runs in an environment, and where."""

from __future__ import annotations

import argparse

import msgspec

from gitops import actions, aws, environments
from gitops.rollout import status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENVIRONMENT [--json]."""
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "The JSON object, whose names stay:\n"
        "  environment, url\n"
        "  services.NAME:\n"
        "    state          active, draining, or missing (the rest is empty then)\n"
        "    commit, subject, digest, image, revision     what is live\n"
        "    deployment     {id, state}, or null\n"
        "    running, desired                             numbers of tasks\n"
        "    newest_image   {tag, digest} pushed last, live or not; null when unknown\n\n"
        "Sets the output url."
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the status; a service that is not there yet is part of it, not an error."""
    root = arguments.root
    environment = environments.load(root, arguments.environment)
    with aws.explained(environment):
        found = status.status(root, environment, aws.session(root, environment, "drift"))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print(status.text(found))
    actions.output("url", found.url)
    return 0
