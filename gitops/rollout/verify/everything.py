"""All look-ups for one task definition, one after the other, and every failure together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from gitops.environments import Environment
from gitops.images.registry import Repository
from gitops.rollout.verify import cluster, image, logs, roles, secrets, target_group
from gitops.rollout.verify.failures import Failure
from gitops.supply import attestation

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient

_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Subject:
    """What is verified: a commit's task definition for an environment.

    ``handed`` is the digest its image must have, and ``routes`` are the paths
    the commit answers; both are empty when they are not known.
    """

    environment: Environment
    service: str
    commit: str
    document: dict[str, Any]
    handed: str = ""
    routes: Collection[str] = ()


def verify(session: boto3.Session, repository: Repository, subject: Subject) -> tuple[str, list[Failure]]:
    """The image's digest (empty when there is none) and every failure.

    A look-up that the role may not make is a failure too, so that it hides no
    other. Raises ClientError as botocore does for anything else.
    """
    found, failures = image.digest(repository, subject.service, subject.commit, subject.environment, subject.handed)
    for look in _looks(session, repository, subject, found):
        try:
            failures += look()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            failures.append(
                Failure(
                    f"{error.operation_name} was refused: {error.response['Error'].get('Message', '')}",
                    "allow it in the deploy role (infra/cloudformation/bootstrap.yaml)",
                )
            )
    return found, failures


def _looks(
    session: boto3.Session, repository: Repository, subject: Subject, digest: str
) -> Iterator[Callable[[], list[Failure]]]:
    environment, service, document = subject.environment, subject.service, subject.document
    if digest:
        yield lambda: attestation.required(repository, environment, subject.commit, digest)
        yield lambda: image.architecture(lambda: _configuration(repository, digest), document, environment)
    yield lambda: roles.roles(session.client("iam"), document, service, environment)
    wanted = secrets.references(document)
    parameters = [one for one in wanted if one.parameter is not None]
    if parameters:
        yield lambda: secrets.parameters(session.client("ssm"), parameters, service, environment)
    if len(parameters) < len(wanted):
        yield lambda: secrets.stored_secrets(session.client("secretsmanager"), wanted)

    def logs_in(region: str) -> CloudWatchLogsClient:
        return session.client("logs", region_name=region)

    yield lambda: logs.log_groups(logs_in, document, service, environment)
    ecs = session.client("ecs")
    yield lambda: cluster.cluster(ecs, environment)
    yield lambda: _load_balancing(session, subject)


def _load_balancing(session: boto3.Session, subject: Subject) -> list[Failure]:
    try:
        return target_group.target_groups(
            session.client("ecs"),
            session.client("elbv2"),
            subject.document,
            subject.service,
            subject.environment,
            subject.routes,
        )
    except ClientError as error:
        # The look-up of the cluster has said so already.
        if error.response["Error"]["Code"] == "ClusterNotFoundException":
            return []
        raise


def _configuration(repository: Repository, digest: str) -> image.Configuration:
    # Imported late: the registry's client is a quarter of the start of a verb that may not need it.
    from gitops.images import content

    return content.reader(repository).image(digest).config
