"""``gitops changed``: the services whose next deploy would differ between two commits."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from gitops import github
from gitops.arguments import argument, base_argument
from gitops.repository import PARTS, Checkout

ARGUMENTS = (
    base_argument,
    argument("--head", default="HEAD", metavar="COMMIT", help="the commit after the change (default: HEAD)"),
    argument("--json", action="store_true", help="print a JSON list"),
)


def run(arguments: argparse.Namespace) -> int:
    """Print the services and set the step's output services, a JSON list."""
    checkout: Checkout = arguments.checkout
    known = checkout.services()
    paths = checkout.changed(arguments.base, arguments.head)
    chosen = known if paths is None else changed_services(paths, known)
    as_json = json.dumps(chosen)
    print(as_json if arguments.json else "\n".join(chosen) or "no service changed")
    github.output("services", as_json)
    return 0


def changed_services(paths: Iterable[str], known: Sequence[str]) -> list[str]:
    """Those of the ``known`` services, in their order, that own one of the paths."""
    parts = (PurePosixPath(path).parts for path in paths)
    folders = {part.name for part in PARTS}
    touched = {names[1] for names in parts if len(names) > 2 and names[0] in folders}
    return [service for service in known if service in touched]
