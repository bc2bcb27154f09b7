"""``gitops test``: the tests of one service, those that a change can affect, or all of the repository."""

from __future__ import annotations

import argparse
import subprocess
import sys

from gitops import repository
from gitops.arguments import argument, base_argument
from gitops.checks.selection import selected
from gitops.errors import GitopsError
from gitops.repository import Checkout

ARGUMENTS = (
    argument("service", nargs="?", metavar="SERVICE", help="test this service alone (default: everything)"),
    base_argument,
)


def run(arguments: argparse.Namespace) -> int:
    """Run pytest; 0 when every test passes, else 1."""
    checkout: Checkout = arguments.checkout
    # A file stays on one worker: the tests of a rehearsal share what it has become, in their order.
    words = ["-n", "auto", "--dist", "loadfile"]
    if arguments.service is not None:
        folder = tests_of(checkout, arguments.service)
        # What needs a container engine runs with all the rest, in a pull request and on main.
        words = [folder, f"--ignore={folder}/image"]
    elif (chosen := selected(checkout, arguments.base).tests) is not None:
        folders = [folder for folder in chosen if (checkout.root / folder).is_dir()]
        print(f"tests that the change since {arguments.base} can affect: {', '.join(folders) or 'none'}", flush=True)
        if not folders:
            return 0
        words += folders
    # By their paths: the tests of two services may have files of one name.
    words.append("--import-mode=importlib")
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=checkout.root, check=False)
    # pytest's own codes would collide with the verdicts of a rollout; 5 (no test found) is a failure too.
    return 0 if done.returncode == 0 else 1


def tests_of(checkout: Checkout, service: str) -> str:
    """The folder of a service's tests below the top; GitopsError when there is no such service or none."""
    checkout.require_service(service)
    folder = repository.tests(service)
    if not (checkout.root / folder).is_dir():
        raise GitopsError(f"{service} has no tests", fix=f"write them in {folder}")
    return folder.as_posix()
