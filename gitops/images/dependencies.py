"""A service's locked requirements, installed into a folder of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import uv

from gitops.errors import GitopsError

CACHE = Path(".rehearsal/cache/site-packages")


def installed(root: Path, requirements: Path) -> Path:
    """The folder that holds a requirements file's packages; installed once per content and platform.

    Every package is checked against its hash, and nothing outside of the file
    is installed. Raises GitopsError with uv's own message when that fails.
    """
    if not requirements.exists():
        raise GitopsError("the commit's service has no requirements.txt", fix="lock its requirements (make lock)")
    platform = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    key = hashlib.sha256(requirements.read_bytes() + platform.encode()).hexdigest()[:32]
    folder = root / CACHE / key
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="install-") as scratch:
        target = Path(scratch) / "packages"
        # uv makes none for a file without packages.
        target.mkdir()
        _install(requirements, target)
        # Renamed when complete, so an interrupted install is never taken for a finished one.
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            shutil.rmtree(target)
    return folder


def _install(requirements: Path, target: Path) -> None:
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--python", sys.executable, "--target", str(target), "--requirements", str(requirements)]
    # An active virtual environment of the caller's must not be what --target resolves against.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise GitopsError(
            f"the commit's requirements cannot be installed: {reason}",
            fix="lock them again (make lock), or check the package index",
        )
