"""``gitops new-service``: a second service, from the shape of one that runs."""

from __future__ import annotations

import argparse

from gitops.newservice.draft import draft
from gitops.newservice.placing import place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The name, the place on the load balancer, and the service to take after."""
    parser.add_argument("name", metavar="NAME", help="lowercase letters, digits and dashes")
    parser.add_argument("--path", metavar="PATH", help="its folder of the load balancer (default: '/NAME/*')")
    parser.add_argument(
        "--from",
        dest="source",
        default="weather",
        metavar="SERVICE",
        help="whose Dockerfile, locked versions, task definition and sizes it takes (default: weather)",
    )
    parser.add_argument(
        "--priority", type=int, metavar="N", help="the ListenerPriority of its rule (default: a free one that fits)"
    )
    parser.epilog = (
        "Makes services/NAME, taskdefs/NAME and tests/services/NAME, and adds NAME to the environments that have "
        "SERVICE and to the registry's template. Everything is checked first; after an error or Ctrl-C nothing has "
        "changed. docs/new-service.md goes on from there, and tells how to remove a service."
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the service and say what is new."""
    name: str = arguments.name
    path = f"/{name}/*" if arguments.path is None else arguments.path
    drafted = draft(arguments.root, name, arguments.source, path, arguments.priority)
    done = place(arguments.root, drafted, name)
    for one in done:
        print(f"{'changed' if one in drafted.changed else 'made'} {one}")
    print(f"{name} answers at {drafted.prefix}/, ListenerPriority {drafted.priority}")
    print(f"next: gitops test {name}, then commit it (docs/new-service.md)")
    return 0
