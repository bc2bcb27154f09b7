"""``gitops changed``: the services whose next deploy would differ between two commits."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from gitops import actions, git, services
from gitops.errors import GitopsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The two commits."""
    parser.add_argument(
        "--base",
        default="",
        metavar="COMMIT",
        help="the commit before the change; empty, all zeros or unknown to git means: every service",
    )
    parser.add_argument("--head", default="HEAD", metavar="COMMIT", help="the commit after it (default: HEAD)")
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(arguments: argparse.Namespace) -> int:
    """Print the services and set the step's output services, a JSON list."""
    known = services.names(arguments.root)
    paths = changed_paths(arguments.root, arguments.base, git.commit(arguments.root, arguments.head))
    chosen = known if paths is None else changed_services(paths, known)
    as_json = json.dumps(chosen)
    print(as_json if arguments.json else "\n".join(chosen) or "no service changed")
    actions.output("services", as_json)
    return 0


def changed_paths(root: Path, base: str, head: str) -> list[str] | None:
    """Paths that differ between the commits, both names of a renamed file; None when there is no such base.

    A push that makes a branch has zeros as its base, and one that rewrote it has a commit that is gone.
    """
    if not base.strip("0"):
        return None
    try:
        before = git.commit(root, base)
    except GitopsError:
        return None
    return git.run(root, "diff", "--name-only", "--no-renames", "-z", before, head).split("\0")[:-1]


def changed_services(paths: Iterable[str], known: Sequence[str]) -> list[str]:
    """Those of the ``known`` services, in their order, that own one of the paths."""
    parts = (PurePosixPath(path).parts for path in paths)
    touched = {names[1] for names in parts if len(names) > 2 and names[0] in services.PARTS}
    return [service for service in known if service in touched]
