"""Verifies a release before anything is registered: its image and all that its task definition refers to.

All look-ups one after the other, and every failure together. Read-only.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gitops import aws, registry
from gitops.deploy import references
from gitops.deploy.references import Failure
from gitops.deploy.release import Release, Run
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.registry import Repository
from gitops.supply import attestation

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient

_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
# What a task definition calls a processor, and what an image calls it: github.com/opencontainers/image-spec,
# config.md, after Go's GOARCH.
ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

Configuration = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is verified: a release's task definition. ``routes`` are the paths the commit answers, empty if unknown."""

    release: Release
    document: dict[str, Any]
    routes: Collection[str] = ()


def waited(
    look: Callable[[], tuple[str, list[Failure]]], stack: str, patience: float, run: Run
) -> tuple[str, list[Failure]]:
    """What ``look`` finds once more than ``stack`` (in words) is missing, or nothing; the last after ``patience`` s.

    A service's first commit: its deploy and the apply that makes its stack start from the same push. With a patience
    of 0 it looks once.
    """
    last = look()
    if not patience or not wait_helps(last[1]):
        return last

    def settled() -> tuple[str, list[Failure]] | None:
        nonlocal last
        last = look()
        return None if wait_helps(last[1]) else last

    run.clock.until(settled, stack, patience, run.say)
    return last


def wait_helps(failures: Sequence[Failure]) -> bool:
    """Whether there are failures, and all of them may go away by themselves."""
    return bool(failures) and all(failure.coming for failure in failures)


def verify(images: Repository, subject: Subject, run: Run) -> tuple[str, list[Failure]]:
    """The image's digest (empty when there is none) and every failure.

    A look-up that the role may not make is a failure too, so that it hides no
    other. Raises ClientError as botocore does for anything else.
    """
    found, failures = digest(images, subject.release)
    for look in _looks(images, subject, run, found):
        try:
            failures += look()
        except ClientError as error:
            if aws.code(error) not in _REFUSED:
                raise
            failures.append(
                Failure(
                    f"{error.operation_name} was refused: {error.response['Error'].get('Message', '')}",
                    "allow it in the deploy role (infra/cloudformation/bootstrap-delivery-roles.yaml)",
                )
            )
    # An image that cannot be read fails more than one look-up, in the same words.
    return found, list(dict.fromkeys(failures))


def _looks(images: Repository, subject: Subject, run: Run, digest: str) -> Iterator[Callable[[], list[Failure]]]:
    release, document, session = subject.release, subject.document, run.session
    environment, service = release.to.environment, release.to.service
    if digest:
        yield lambda: provenance(images, environment, release.commit, digest)
        yield lambda: architecture(lambda: images.protocol.image(digest).config, document, environment)
    yield lambda: references.roles(session.client("iam"), document, service, environment)
    wanted = references.secrets(document)
    parameters = [one for one in wanted if one.parameter is not None]
    if parameters:
        yield lambda: references.parameters(session.client("ssm"), parameters, service, environment)
    if len(parameters) < len(wanted):
        yield lambda: references.stored_secrets(session.client("secretsmanager"), wanted)

    def logs_in(region: str) -> CloudWatchLogsClient:
        return session.client("logs", region_name=region)

    yield lambda: references.log_groups(logs_in, document, service, environment)
    yield lambda: references.cluster(run.service.ecs, environment)
    balancing = session.client("elbv2")
    yield lambda: references.target_groups(run.service, balancing, document, environment, subject.routes)


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
    try:
        why = attestation.required(images, environment, commit, digest)
    except GitopsError as error:
        return [Failure(error.problem, error.fix)]
    return [Failure(why, "ship the commit with the service workflow; docs/supply-chain.md")] if why else []


def architecture(
    configuration: Callable[[], Configuration], document: dict[str, Any], environment: Environment, machine: str = ""
) -> list[Failure]:
    """A failure when the image is for another platform than its tasks run on.

    ``configuration`` reads the image's configuration and may raise GitopsError.
    An environment on this machine runs tasks on its processor (``machine``, by
    default the one that this runs on), whatever the task definition asks Fargate for.
    """
    try:
        settings = configuration()
    except GitopsError as error:
        return [Failure(error.problem, error.fix)]
    asked = (document.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    wanted = ARCHITECTURES.get(asked, asked)
    why = f"runtimePlatform is {asked}"
    if environment.aws_config_file is not None:
        machine = machine or platform.machine()
        wanted, why = _MACHINES.get(machine.lower(), machine), f"this machine is {machine}"
    has = f"{settings.get('os') or 'no system'}/{settings.get('architecture') or 'no architecture'}"
    if has == f"linux/{wanted}":
        return []
    fix = f"build it for linux/{wanted}, or set runtimePlatform to what it was built for"
    return [Failure(f"the image is for {has}, and {why}", fix)]
