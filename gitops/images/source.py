"""A service's files exactly as a commit has them; the work tree is never read."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

from backports import tarfile

from gitops.errors import GitopsError

FOLDER = "services"


def unpack(root: Path, commit: str, service: str, into: Path) -> Path:
    """Write ``services/<service>`` of a commit below ``into`` and return that folder.

    Raises GitopsError when the commit has no such service.
    """
    path = f"{FOLDER}/{service}"
    done = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", commit, "--", path],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise GitopsError(
            f"{commit[:12]} has no folder {path}", fix="name a commit that has this service, or commit it first"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(into, filter="data")
    return into / path
