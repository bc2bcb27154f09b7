"""Builds the image of a commit, once: the same tag is never pushed twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gitops import git
from gitops.errors import GitopsError
from gitops.images import docker_build, source
from gitops.images.reference import Reference
from gitops.images.registry import Repository

BUILDERS = ("docker", "pack")


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


def build(root: Path, repository: Repository, service: str, commit: str, builder: str) -> Reference:
    """Build one commit's image with ``docker`` or ``pack``, push it, and return what the registry then has.

    When another run pushed the same commit meanwhile, that image is the one
    returned: tags are immutable. Raises GitopsError when it cannot be built or pushed.
    """
    login = repository.login()
    with tempfile.TemporaryDirectory() as scratch:
        folder = source.unpack(root, commit, service, Path(scratch))
        if not (folder / "Dockerfile").exists():
            raise GitopsError(f"{commit[:12]} has no {source.FOLDER}/{service}/Dockerfile", fix="add one")
        try:
            if builder == "docker":
                docker_build.build_and_push(repository, commit, folder, login)
            else:
                # Only pack needs these: together they are most of a second to import.
                from gitops.images import dependencies, pack, push

                packages = dependencies.installed(root, folder / "requirements.txt")
                committed = int(git.run(root, "log", "-1", "--format=%ct", commit))
                push.push(repository, commit, pack.pack(folder, packages, commit, committed), login)
        except GitopsError:
            if (digest := repository.digest(commit)) is None:
                raise
            return Reference(repository.uri, commit, digest)
    digest = repository.digest(commit)
    if digest is None:
        raise GitopsError(f"{repository.name}:{commit} is not in the registry after the push", fix="run it again")
    return Reference(repository.uri, commit, digest)
