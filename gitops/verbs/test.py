"""``gitops test``: the tests of one service, or all of the repository."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from gitops import services
from gitops.errors import GitopsError

TESTS = Path("tests/services")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The service."""
    parser.add_argument("service", nargs="?", metavar="SERVICE", help="test this service alone (default: everything)")


def run(arguments: argparse.Namespace) -> int:
    """Run pytest; 0 when every test passes, else 1."""
    # A file stays on one worker: the tests of a rehearsal share what it has become, in their order.
    everything = ["-n", "auto", "--dist", "loadfile"]
    words = everything if arguments.service is None else [str(tests_of(arguments.root, arguments.service))]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=arguments.root, check=False)
    # pytest's own codes would collide with the verdicts of a rollout; 5 (no test found) is a failure too.
    return 0 if done.returncode == 0 else 1


def tests_of(root: Path, service: str) -> Path:
    """The folder of a service's tests relative to ``root``; GitopsError when there is no such service or none."""
    known = services.names(root)
    if service not in known:
        raise GitopsError(
            f"no service named {service} (there are: {', '.join(known) or 'none'})", fix="check the spelling"
        )
    # A package of Python, and no dash may stand in its name.
    folder = TESTS / service.replace("-", "_")
    if not (root / folder).is_dir():
        raise GitopsError(f"{service} has no tests", fix=f"write them in {folder}")
    return folder
