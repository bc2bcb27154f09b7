"""What several verbs take on their command line, and the kinds of value that options have."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS

if TYPE_CHECKING:
    from gitops.environments import Environment

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})?\Z")
# A deployment that ends after its stopped tasks are forgotten cannot be explained any more.
_LONGEST_WATCH = 3600.0
# For what an apply makes that began with the same push. Long enough where nobody has to approve it, and half of a
# build's 20 minutes are left for the build.
PATIENCE = 600.0


def argument(*names: str, **options: Any) -> Callable[[argparse.ArgumentParser], object]:  # noqa: ANN401
    """What adds a word or an option to a parser, both as argparse's ``add_argument`` takes them."""
    return lambda parser: parser.add_argument(*names, **options)


def seconds(least: float = 0.0, most: float = math.inf) -> Callable[[str], float]:
    """Reads an option's value in seconds; it raises ArgumentTypeError for no number, or one out of bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
        if not least <= value <= most:
            bounds = f"between {least:.0f} and {most:.0f}" if most < math.inf else f"at least {least:.0f}"
            raise argparse.ArgumentTypeError(f"{bounds} seconds, not {text}")
        return value

    return read


def _digest(text: str) -> str:
    if not _DIGEST.match(text):
        raise argparse.ArgumentTypeError(f"not a digest (sha256: and 64 hexadecimal digits): {text}")
    return text


environment_argument = argument("environment", help=f"a file of {ENVIRONMENTS}/, without .yaml")
service_argument = argument("service", help="a service of the environment")
environments_argument = argument(
    "environments", nargs="*", metavar="ENVIRONMENT", help="environments to check (default: all of them)"
)
base_argument = argument(
    "--base",
    default="",
    metavar="COMMIT",
    help="look only at what the change since this commit can affect; empty, all zeros or unknown to git: at all",
)
timeout_argument = argument(
    "--timeout",
    type=seconds(1.0, _LONGEST_WATCH),
    metavar="SECONDS",
    help="how long to watch (default: what tasks, health checks and circuit breaker may need, 900 to 1500)",
)
stack_argument = argument(
    "--stack",
    action="append",
    default=[],
    metavar="STACK",
    help="only this one: bootstrap, another template's name or service-NAME (may be repeated; default: all)",
)
part_argument = argument(
    "--part", type=Path, metavar="FOLDER", help="also write it there as a part of what comment-review posts"
)
# docs/interface.md lists the names of each object.
json_argument = argument("--json", action="store_true", help="print one JSON object instead")
confirm_argument = argument("--confirm", metavar="NAME", help="the environment's name, where nobody can type it")


def chosen_environments(arguments: argparse.Namespace) -> dict[str, Environment]:
    """The named environments, or all; GitopsError for one that does not exist."""
    # Imported late: some jobs ask before anything is installed.
    from gitops import environments

    names = arguments.environments or environments.names(arguments.checkout)
    return {name: environments.load(arguments.checkout, name) for name in names}


def release_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """What says which commit goes where: the same for all verbs that take one there."""
    service_argument(parser)
    environment_argument(parser)
    parser.add_argument("--commit", default="HEAD", help=f"the commit to {verb} (default: HEAD)")
    parser.add_argument(
        "--digest",
        type=_digest,
        default="",
        metavar="DIGEST",
        help="the digest its image has to have, sha256:…, as the build set it (empty: any)",
    )
    parser.add_argument("--allow-older", action="store_true", help="let an older commit replace a newer one")


def wait_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """--wait SECONDS, for what the apply of the same push may be making."""
    parser.add_argument(
        "--wait",
        type=seconds(),
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long to wait for {what} (default: {PATIENCE:.0f})",
    )


def confirm(environment: Environment, given: str | None, to: str) -> None:
    """Have the environment's name typed, to do something (``to``, in words), unless it was ``given``.

    Raises GitopsError when it is another name, or nobody is there to type it.
    """
    name = environment.environment
    if given is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise GitopsError(
                "nobody can type the environment's name here: nothing was touched", fix=f"--confirm {name}"
            )
        try:
            given = input(f"type {name} to {to}: ").strip()
        except EOFError:
            given = ""
    if given != name:
        raise GitopsError(
            f'"{given}" is not the name of the environment: nothing was touched', fix=f"to {to}, type {name}"
        )
