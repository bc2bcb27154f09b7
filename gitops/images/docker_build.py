"""Builds and pushes with the Docker command line."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from gitops.errors import GitopsError
from gitops.images.reference import BUILDER_LABEL
from gitops.images.registry import Login, Repository

# For a machine that cannot reach the Dockerfile's own base image, or whose builds need the host's network.
BASE_IMAGE = "FAIRWEATHER_BASE_IMAGE"
BUILD_NETWORK = "FAIRWEATHER_BUILD_NETWORK"
_ENGINE_SECONDS = 10


def engine_answers() -> bool:
    """Whether a Docker engine answers within ten seconds."""
    return _succeeds("docker", "info", "--format", "{{.ServerVersion}}")


def build_and_push(repository: Repository, tag: str, source: Path, login: Login) -> None:
    """Build a folder with its Dockerfile and push it under one tag.

    Docker's own output goes to the terminal or log. The registry's password
    goes to ``docker login`` over standard input, into a configuration that is
    gone afterwards. Raises GitopsError when a step fails.
    """
    target = f"{repository.uri}:{tag}"
    build(target, tag, source)
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as config:
        # The engine that a chosen context names has to outlive the change of configuration.
        environment.setdefault("DOCKER_HOST", _context_host())
        environment["DOCKER_CONFIG"] = config
        sign_in = ["login", "--username", login.username, "--password-stdin", repository.host]
        _docker(sign_in, environment, f"docker cannot sign in to {repository.host}", stdin=login.password, quiet=True)
        _docker(["push", target], environment, f"docker cannot push {target}")


def build(target: str, commit: str, source: Path) -> None:
    """Build a folder with its Dockerfile into the engine's own store; GitopsError when that fails."""
    environment = dict(os.environ)
    if not _succeeds("docker", "buildx", "version"):
        # Without the plugin a newer client refuses to build unless told to use the engine's own builder.
        environment["DOCKER_BUILDKIT"] = "0"
    # An attestation inside would make the image a list of two, which ECR's scan does not look into.
    environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
    _docker(build_command(target, commit, source, environment), environment, f"docker cannot build {target}")


def build_command(target: str, commit: str, source: Path, environment: dict[str, str]) -> list[str]:
    """The words of ``docker build`` for a folder, with what the two variables ask for."""
    # The label is how a clean-up finds the engine's images that were built here.
    words = ["build", "--tag", target, "--label", f"{BUILDER_LABEL}=docker", "--build-arg", f"COMMIT={commit}"]
    if base := environment.get(BASE_IMAGE):
        words += ["--build-arg", f"BASE_IMAGE={base}"]
    if network := environment.get(BUILD_NETWORK):
        words += ["--network", network]
    return [*words, str(source)]


def _docker(
    words: list[str], environment: dict[str, str], problem: str, stdin: str = "", *, quiet: bool = False
) -> None:
    done = subprocess.run(
        ["docker", *words], env=environment, input=stdin, text=True, check=False, capture_output=quiet
    )
    if done.returncode != 0:
        last = (done.stderr or "").strip().splitlines()[-1:] if quiet else []
        raise GitopsError(": ".join([problem, *last]), fix="docker's own lines above say why" if not quiet else "")


def _context_host() -> str:
    done = subprocess.run(
        ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unix:///var/run/docker.sock"


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_ENGINE_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
