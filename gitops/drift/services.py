"""What AWS and git say of a service, asked and put beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from gitops import aws, git, services
from gitops.drift import service as compared
from gitops.drift.finding import Compared
from gitops.drift.service import Reviewed, Serving
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import registry
from gitops.images.reference import Reference
from gitops.rollout import age, live, provenance, register
from gitops.rollout.provenance import Provenance
from gitops.stacks.order import Unit
from gitops.taskdefs import normalize, render
from gitops.taskdefs.documents import Document

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


def look(root: Path, environment: Environment, session: boto3.Session, unit: Unit) -> Compared:
    """Compare the service of a stack; ClientError as botocore raises it."""
    name = unit.service
    ecs: ECSClient = session.client("ecs", config=aws.CLIENT_CONFIG)
    serving = _serving(ecs, environment, name)
    if serving is None:
        return Compared("service", name, (compared.missing(environment.environment),))
    reviewed = replace(_reviewed(root, environment, session, name, serving.origin), bounds=_bounds(unit))
    found = tuple(compared.compare(serving, reviewed))
    subject = git.subject(root, serving.origin.commit) if reviewed.on_branch is not None else ""
    return Compared("service", name, found, about=compared.about(serving, reviewed, subject, found))


def _serving(ecs: ECSClient, environment: Environment, name: str) -> Serving | None:
    seen = live.service(ecs, environment.cluster, name)
    if seen is None:
        return None
    arn = seen.primary.revision if seen.primary else seen.revision
    answer: Any = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    return Serving(
        observation=seen,
        revision=live.short_name(arn),
        definition=normalize.described(answer),
        origin=provenance.read(answer.get("tags", [])),
        newest=live.short_name(live.latest_active(ecs, environment.family(name)) or ""),
    )


def _reviewed(root: Path, environment: Environment, session: boto3.Session, name: str, origin: Provenance) -> Reviewed:
    on_branch = age.is_ancestor(root, origin.commit, "HEAD") if origin.commit else None
    if on_branch is None:
        return Reviewed(None)
    behind: tuple[str, ...] = ()
    if on_branch:
        words = ["log", "--format=%h %s", f"{origin.commit}..HEAD", "--", *services.folders(name)]
        behind = tuple(git.run(root, *words).splitlines())
    try:
        definition, problem = _definition(root, environment, session, name, origin.commit), ""
    except GitopsError as error:
        definition, problem = None, error.problem
    except ClientError as error:
        definition, problem = None, f"{error.operation_name} answered {error.response['Error']['Code']}"
    return Reviewed(definition, problem, on_branch, behind)


def _definition(root: Path, environment: Environment, session: boto3.Session, name: str, commit: str) -> Document:
    """The rendered file of a commit with the image that the registry has of it: tags there are for good."""
    repository = registry.repository(session, registry.home(root, environment), name)
    digest = repository.digest(commit)
    if digest is None:
        raise GitopsError(f"{repository.name} has no image of commit {commit[:12]} any more")
    image = Reference(repository.uri, commit, digest)
    return render.with_image(register.rendered(root, name, environment, commit), str(image))


def _bounds(unit: Unit) -> tuple[int, int] | None:
    """The least and most tasks that the stack's parameters allow; None for a template without them."""
    names = ("MinTasks", "MaxTasks")
    if any(name not in unit.values for name in names):
        return None
    lowest, highest = (int(unit.values[name]) for name in names)
    return lowest, highest
