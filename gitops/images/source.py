"""What an image is built from: a service's files at a commit, its Dockerfile, its locked requirements."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import uv
from backports import tarfile
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

from gitops.errors import GitopsError
from gitops.repository import SERVICES, Checkout

CACHE = Path(".rehearsal/cache/site-packages")


def unpack(checkout: Checkout, commit: str, service: str, into: Path) -> Path:
    """Write ``services/<service>`` exactly as a commit has it below ``into`` and return that folder.

    The work tree is never read. Raises GitopsError when the commit has no such service.
    """
    path = (SERVICES / service).as_posix()
    done = subprocess.run(
        ["git", "-C", str(checkout.root), "archive", "--format=tar", commit, "--", path],
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


@dataclass(frozen=True)
class FinalStage:
    """The part of an image's configuration that a Dockerfile states itself."""

    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    user: str
    exposed: tuple[str, ...] = ()


def final_stage(text: str, arguments: dict[str, str]) -> FinalStage:
    """Read a Dockerfile's final stage, with its build arguments filled in.

    Raises GitopsError when it has no CMD in exec form (a shell form would run
    under a shell that swallows SIGTERM) or no absolute WORKDIR.
    """
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), build_args=arguments)
    instructions = parser.structure
    start = max((n for n, item in enumerate(instructions) if item["instruction"] == "FROM"), default=-1)
    if start < 0:
        raise GitopsError("the Dockerfile has no FROM", fix="name its base image")
    last = {item["instruction"]: item["value"] for item in instructions[start + 1 :]}
    folder = PurePosixPath("/")
    for item in instructions[start + 1 :]:
        if item["instruction"] == "WORKDIR":
            folder = folder / item["value"]
    if folder == PurePosixPath("/"):
        raise GitopsError("the Dockerfile's final stage has no WORKDIR", fix="add WORKDIR /app")
    return FinalStage(
        command=_exec_form("CMD", last.get("CMD", "")),
        entrypoint=_exec_form("ENTRYPOINT", last["ENTRYPOINT"]) if "ENTRYPOINT" in last else (),
        folder=str(folder),
        environment=dict(parser.envs),
        user=last.get("USER", ""),
        exposed=tuple(
            port
            for item in instructions[start + 1 :]
            if item["instruction"] == "EXPOSE"
            for port in item["value"].split()
        ),
    )


def _exec_form(instruction: str, value: str) -> tuple[str, ...]:
    try:
        words = json.loads(value)
    except json.JSONDecodeError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise GitopsError(
            f'the Dockerfile\'s final stage has no {instruction} in exec form: "{value}"',
            fix=f'write {instruction} ["program", "argument"]',
        )
    return tuple(words)


def installed(checkout: Checkout, requirements: Path) -> Path:
    """The folder that holds a requirements file's packages; installed once per content and platform.

    Every package is checked against its hash, and nothing outside of the file
    is installed. Raises GitopsError with uv's own message when that fails.
    """
    if not requirements.exists():
        raise GitopsError("the commit's service has no requirements.txt", fix="lock its requirements (make lock)")
    platform = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    key = hashlib.sha256(requirements.read_bytes() + platform.encode()).hexdigest()[:32]
    folder = checkout.root / CACHE / key
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
