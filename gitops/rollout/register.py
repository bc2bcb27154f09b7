"""Registers a commit's rendered task definition with its image: once per content, with its provenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3

from gitops import git
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import registry
from gitops.images.reference import Reference
from gitops.layers import agree
from gitops.layers.source import Commit
from gitops.rollout import age, live, provenance
from gitops.rollout.provenance import Provenance, run_on_github
from gitops.rollout.release import Release
from gitops.rollout.verify import arriving
from gitops.rollout.verify.everything import Subject, verify
from gitops.rollout.verify.failures import Failure, require
from gitops.stacks.order import SERVICE
from gitops.stacks.waiting import Clock
from gitops.taskdefs import documents, normalize, render, validate

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

Say = Callable[[str], None]


@dataclass(frozen=True)
class Registered:
    """The revision that holds a commit's task definition."""

    arn: str
    image: Reference
    provenance: Provenance
    document: dict[str, Any]
    is_new: bool


def rendered(root: Path, service: str, environment: Environment, commit: str) -> dict[str, Any]:
    """The rendered task definition as a commit has it: what was reviewed is what is registered.

    Raises GitopsError when the commit has none, or it is not JSON.
    """
    path = f"taskdefs/{service}/rendered/{environment.environment}.json"
    try:
        text = git.run(root, "show", f"{commit}:{path}")
    except GitopsError:
        raise GitopsError(
            f"{commit[:12]} has no {path}", fix="gitops render, commit what it writes, and take that commit"
        ) from None
    return documents.parse(text, f"{path} at {commit[:12]}")


def register(
    release: Release, session: boto3.Session, say: Say, *, patience: float = 0.0, clock: Clock | None = None
) -> Registered:
    """Verify what the task definition refers to, then register it unless its content is the newest already.

    Where nothing but the service's stack is missing, it is waited for, ``patience``
    seconds at most. Raises GitopsError, with nothing registered, when something is
    missing or does not fit (all of it at once), and when a newer commit serves.
    """
    root, environment, service, commit = release.root, release.environment, release.service, release.commit
    ecs: ECSClient = session.client("ecs")
    if not release.allow_older:
        _refuse_older(ecs, release)
    document = rendered(root, service, environment, commit)
    repository = registry.repository(session, registry.home(root, environment), service)
    files = Commit(root, commit)
    subject = Subject(environment, service, commit, document, release.digest, agree.answered(files, service))

    wrong: list[Failure] = []
    if not release.rolled_back_from:
        fix = "correct that, and ship the commit that does"
        found = validate.validate(document, environment.family(service), service)
        wrong += [Failure(str(problem), fix) for problem in found]
        wrong += [Failure(problem, fix) for problem in agree.problems(files, environment, service)]
    # No wait cures what is wrong in the commit itself.
    stack = f"the stack {environment.stack_name(SERVICE, service)}, which gitops apply {environment.environment} makes"
    digest, failures = arriving.waited(
        lambda: verify(session, repository, subject), stack, 0.0 if wrong else patience, clock or Clock(), say
    )
    require(failures + wrong, f"{service} {commit[:12]} cannot be registered in {environment.environment}")

    image = Reference(repository.uri, commit, digest)
    document = render.with_image(document, str(image))
    run, run_url = run_on_github()
    origin = Provenance(
        project=environment.project,
        environment=environment.environment,
        service=service,
        commit=commit,
        digest=digest,
        content_hash=normalize.content_hash(document),
        run=run,
        run_url=run_url,
        rolled_back_from=release.rolled_back_from,
    )
    newest = live.latest_active(ecs, environment.family(service))
    if newest is not None:
        revision = live.revision(ecs, newest, service)
        if revision.provenance.content_hash == origin.content_hash:
            if _holds(ecs, revision.arn, document):
                say(f"{revision.name} is this content already: nothing was registered")
                return Registered(revision.arn, image, revision.provenance, document, is_new=False)
            say(f"{revision.name} says that it is this content, and is not: it was edited by hand")
    answer = ecs.register_task_definition(**_with_tags(document, origin))
    arn = answer["taskDefinition"]["taskDefinitionArn"]
    say(f"registered {live.short_name(arn)} with {image.tag[:12]} ({image.digest[:19]}…)")
    return Registered(arn, image, origin, document, is_new=True)


def _holds(ecs: ECSClient, arn: str, document: dict[str, Any]) -> bool:
    """Whether a revision is what a document says. Its tags alone could have been copied to another content."""
    there: Any = normalize.described(cast(Any, ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])))
    return normalize.content_hash(provenance.without(there)) == normalize.content_hash(provenance.without(document))


def _refuse_older(ecs: ECSClient, release: Release) -> None:
    seen = live.service(ecs, release.environment.cluster, release.service)
    if seen is not None and (serves := age.serving(seen)):
        there = live.revision(ecs, serves, release.service).provenance.commit
        what = f"{release.service} in {release.environment.environment}"
        age.refuse_older(release.root, release.commit, there, what)


def _with_tags(document: dict[str, Any], origin: Provenance) -> dict[str, Any]:
    ours = origin.tags()
    keys = {tag["key"] for tag in ours}
    return {**document, "tags": [tag for tag in document.get("tags", []) if tag["key"] not in keys] + ours}
