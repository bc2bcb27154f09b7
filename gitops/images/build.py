"""The image of a commit, built once and pushed under its id: the same tag is never pushed twice."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gitops import environments, registry
from gitops.clock import Clock
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import pack, source
from gitops.oci import Login, Reference
from gitops.registry import Repository
from gitops.repository import DOCKERFILE, SERVICES, Checkout, entry
from gitops.stacks.order import REPOSITORY

BUILDERS = ("docker", "pack")
# For a machine that cannot reach the Dockerfile's own base image, or whose builds need the host's network.
BASE_IMAGE = "FAIRWEATHER_BASE_IMAGE"
BUILD_NETWORK = "FAIRWEATHER_BUILD_NETWORK"
_ENGINE_SECONDS = 10


def is_expected(checkout: Checkout, commit: str, home: Environment, service: str) -> bool:
    """Whether the commit has the service in an environment whose images are in ``home``, which makes repositories."""
    if REPOSITORY not in home.stacks:
        return False
    pulling = [name for name, one in environments.load_all(checkout).items() if one.registry == home.environment]
    wanted = {str(entry(name, service)) for name in pulling}
    return bool(wanted.intersection(checkout.at(commit).paths(*wanted)))


def awaited(
    find: Callable[[], Repository | None],
    expected: Callable[[], bool],
    home: Environment,
    service: str,
    limit: float,
    clock: Clock,
) -> Repository:
    """The service's repository, waited for where an apply may be making it, for ``limit`` seconds.

    The push that adds a service starts its build and that apply at once. Raises
    GitopsError when it is not there: at once where nothing asks for it.
    """
    found = find()
    if found is None and limit > 0 and expected():
        what = f"the image repository {home.repository(service)}, which gitops apply {home.environment} makes"
        found = clock.until(find, what, limit, partial(print, flush=True))
        if found is None:
            raise GitopsError(
                f"{home.environment} still has no image repository {home.repository(service)} after {limit:.0f} s",
                fix=f"see that the apply to {home.environment} succeeds (it may wait for its approval), "
                "then run this again",
            )
    if found is None:
        raise registry.missing(home, service)
    return found


def choose(wanted: str, allowed: Sequence[str], engine_answers: Callable[[], bool]) -> str:
    """The builder to use: the one asked for, else the first allowed one that works here.

    Raises GitopsError for an unknown name, and when none works.
    """
    if wanted:
        if wanted not in BUILDERS:
            raise GitopsError(f"no builder named {wanted} (there are: {', '.join(BUILDERS)})", fix="check the spelling")
        return wanted
    for name in allowed:
        if name == "pack" or engine_answers():
            return name
    raise GitopsError("no Docker engine answers here", fix="start Docker, or run the service workflow")


def build(checkout: Checkout, repository: Repository, service: str, commit: str, builder: str) -> Reference:
    """Build one commit's image with ``docker`` or ``pack``, push it, and return what the registry then has.

    When another run pushed the same commit meanwhile, that image is the one
    returned: tags are immutable. Raises GitopsError when it cannot be built or pushed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = source.unpack(checkout, commit, service, Path(scratch))
        if not (folder / DOCKERFILE).exists():
            raise GitopsError(f"{commit[:12]} has no {SERVICES}/{service}/{DOCKERFILE}", fix="add one")
        try:
            if builder == "docker":
                build_and_push(repository, commit, folder, repository.login())
            else:
                packages = source.installed(checkout, folder / "requirements.txt")
                committed = int(checkout.git("log", "-1", "--format=%ct", commit))
                packed = pack.pack(folder, packages, commit, committed)
                repository.protocol.push(commit, packed.manifest, packed.blobs)
        except GitopsError:
            if (pushed := repository.image(commit)) is None:
                raise
            return pushed
    image = repository.image(commit)
    if image is None:
        raise GitopsError(f"{repository.name}:{commit} is not in the registry after the push", fix="run it again")
    return image


def engine_answers() -> bool:
    """Whether a Docker engine answers within ten seconds."""
    return _succeeds("docker", "info", "--format", "{{.ServerVersion}}")


def build_and_push(repository: Repository, tag: str, folder: Path, login: Login) -> None:
    """Build a folder with its Dockerfile and push it under one tag.

    Docker's own output goes to the terminal or log. The registry's password
    goes to ``docker login`` over standard input, into a configuration that is
    gone afterwards. Raises GitopsError when a step fails.
    """
    target = f"{repository.uri}:{tag}"
    build_with_docker(target, tag, folder)
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as config:
        # The engine that a chosen context names has to outlive the change of configuration.
        environment.setdefault("DOCKER_HOST", _context_host())
        environment["DOCKER_CONFIG"] = config
        sign_in = ["login", "--username", login.username, "--password-stdin", repository.host]
        _docker(sign_in, environment, f"docker cannot sign in to {repository.host}", stdin=login.password, quiet=True)
        _docker(["push", target], environment, f"docker cannot push {target}")


def build_with_docker(target: str, commit: str, folder: Path) -> None:
    """Build a folder with its Dockerfile into the engine's own store; GitopsError when that fails."""
    environment = dict(os.environ)
    if not _succeeds("docker", "buildx", "version"):
        # Without the plugin a newer client refuses to build unless told to use the engine's own builder.
        environment["DOCKER_BUILDKIT"] = "0"
    # An attestation inside would make the image a list of two, which ECR's scan does not look into.
    environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
    _docker(build_command(target, commit, folder, environment), environment, f"docker cannot build {target}")


def build_command(target: str, commit: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """The words of ``docker build`` for a folder, with what the two variables ask for."""
    # The label is how a clean-up finds the engine's images that were built here.
    words = ["build", "--tag", target, "--label", f"{pack.BUILDER_LABEL}=docker", "--build-arg", f"COMMIT={commit}"]
    if base := environment.get(BASE_IMAGE):
        words += ["--build-arg", f"BASE_IMAGE={base}"]
    if network := environment.get(BUILD_NETWORK):
        words += ["--network", network]
    return [*words, str(folder)]


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
