"""Whether every image of a task definition is there, and is for the processor that its tasks run on."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops import aws, registry
from gitops.deploy.references import Failure, Finding, Unverified, refused
from gitops.deploy.release import Release
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.oci import Reference
from gitops.registry import Repository
from gitops.taskdefs.render import IMAGE

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

# What a task definition calls a processor, and what an image calls it: github.com/opencontainers/image-spec,
# config.md, after Go's GOARCH.
ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def look(
    images: Repository, client: Callable[[str], ECRClient], release: Release, document: dict[str, Any]
) -> tuple[str, list[Finding]]:
    """The digest of the commit's image ("" when there is none), and what is wrong with it and every other one.

    ``client`` gives one for a region.
    """
    environment = release.to.environment
    try:
        found, failures = digest(images, release)
    except ClientError as error:
        found, failures = "", [refused(error)]
    findings: list[Finding] = [*failures]
    if found:
        findings += provenance(images, environment, release.commit, found)
        findings += fitting(lambda: images.protocol.platforms(found), document, environment)
    for container in document.get("containerDefinitions") or []:
        if container.get("image") != IMAGE:
            findings += other(images, client, container, document, environment)
    # An image that cannot be read fails more than one look-up, in the same words.
    return found, list(dict.fromkeys(findings))


def digest(images: Repository, release: Release) -> tuple[str, list[Failure]]:
    """The digest of a commit's image, and a failure where there is none or it is not the one handed on."""
    commit, handed = release.commit, release.digest
    found = images.digest(commit)
    if found is None:
        error = registry.unbuilt(images, release.to.environment, release.to.service, commit)
        return "", [Failure(error.problem, error.fix)]
    if handed not in {"", found}:
        problem = f"the image of commit {commit[:12]} is {found}, and {handed} was to be deployed"
        return found, [Failure(problem, "find out who pushed another image, then build and ship a new commit")]
    return found, []


def provenance(images: Repository, environment: Environment, commit: str, digest: str) -> list[Failure]:
    """A failure where the environment requires proof of where an image was built, and there is none."""
    if "provenance" not in environment.requires:
        return []
    # Imported late: its library takes half a second.
    from gitops.supply import attestation

    try:
        why = attestation.required(images, environment, commit, digest)
    except GitopsError as error:
        return [Failure(error.problem, error.fix)]
    return [Failure(why, "ship the commit with the service workflow; docs/supply-chain.md")] if why else []


def other(
    images: Repository,
    client: Callable[[str], ECRClient],
    container: dict[str, Any],
    document: dict[str, Any],
    environment: Environment,
) -> list[Finding]:
    """What is wrong with the image of a container that the commit does not build, such as a sidecar's."""
    text = container.get("image") or ""
    what = f"the image {text} of container {container.get('name')}"
    try:
        reference = Reference.parse(text)
    except GitopsError as error:
        return [Failure(error.problem, f"correct the image of container {container.get('name')}")]
    repository = images.of(reference.uri, client)
    if repository is None:
        return [Unverified(what, "its registry is not Amazon ECR")]
    try:
        found = repository.digest(reference.digest or reference.tag or "latest")
        if found is None:
            return [Failure(f"there is no {what.removeprefix('the ')}", "push it, or name one that is there")]
        made_for = repository.protocol.platforms(found)
    except GitopsError as error:
        return [Unverified(what, error.problem)]
    except ClientError as error:
        if aws.code(error) == "RepositoryNotFoundException":
            return [Failure(f"there is no repository of {what}", "push it, or name one that is there")]
        return [Unverified(what, aws.answered(error))]
    return [*fitting(lambda: made_for, document, environment, what)]


def fitting(
    platforms: Callable[[], Sequence[str]],
    document: dict[str, Any],
    environment: Environment,
    what: str = "the image",
    machine: str = "",
) -> list[Failure]:
    """A failure when an image (``what``, in words) is for other platforms than its tasks run on.

    ``platforms`` reads what it is for and may raise GitopsError. An environment
    on this machine runs tasks on its processor (``machine``, by default the one
    that this runs on), whatever the task definition asks Fargate for.
    """
    try:
        made_for = platforms()
    except GitopsError as error:
        return [Failure(error.problem, error.fix)]
    asked = (document.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    wanted = ARCHITECTURES.get(asked, asked)
    why = f"runtimePlatform is {asked}"
    if environment.aws_config_file is not None:
        machine = machine or platform.machine()
        wanted, why = _MACHINES.get(machine.lower(), machine), f"this machine is {machine}"
    if f"linux/{wanted}" in made_for:
        return []
    fix = f"build it for linux/{wanted}, or set runtimePlatform to what it was built for"
    return [Failure(f"{what} is for {' and '.join(made_for) or 'nothing'}, and {why}", fix)]
