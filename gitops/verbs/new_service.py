"""``gitops new-service``: a service that runs, in files of its own."""

from __future__ import annotations

import argparse

from gitops.arguments import argument
from gitops.newservice.service import make

ARGUMENTS = (
    argument("name", metavar="NAME", help="lowercase letters, digits and dashes"),
    argument("--path", metavar="PATH", help="its folder of the load balancer (default: '/NAME/*')"),
    argument(
        "--priority", type=int, metavar="N", help="the ListenerPriority of its rule (default: a free one that fits)"
    ),
)
EPILOG = (
    "Makes services/NAME, taskdefs/NAME, tests/services/NAME and NAME.yaml in each folder of infra/environments; "
    "no file that is there changes. Everything is checked first; after an error or Ctrl-C nothing has changed. "
    "docs/new-service.md goes on from there, and tells how to remove a service."
)


def run(arguments: argparse.Namespace) -> int:
    """Make the service and say what is new."""
    name: str = arguments.name
    made = make(
        arguments.checkout, name, f"/{name}/*" if arguments.path is None else arguments.path, arguments.priority
    )
    for one in made.files:
        print(f"made {one}")
    print(f"{name} answers at {made.prefix}/, ListenerPriority {made.priority}")
    print(f"next: gitops test {name}, then commit it (docs/new-service.md)")
    return 0
