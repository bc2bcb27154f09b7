"""Registers a commit's rendered task definition with its image: once per content, with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops import github, registry, repository
from gitops.contract import agree
from gitops.deploy import release as releases
from gitops.deploy import revisions
from gitops.deploy.references import Failure, require
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.revisions import Provenance, without_provenance
from gitops.deploy.verify import Subject, verify, waited
from gitops.ecs import Ecs
from gitops.ecs_answers import short_name
from gitops.errors import GitopsError
from gitops.registry import Reference
from gitops.stacks.order import SERVICE
from gitops.taskdefs import documents, normalize, render, validate


@dataclass(frozen=True)
class Registered:
    """The revision that holds a commit's task definition."""

    arn: str
    image: Reference
    provenance: Provenance
    document: dict[str, Any]
    is_new: bool


def rendered(to: Destination, commit: str) -> dict[str, Any]:
    """The rendered task definition as a commit has it: what was reviewed is what is registered.

    Raises GitopsError when the commit has none, or it is not JSON.
    """
    path = repository.rendered(to.service, to.environment.environment).as_posix()
    text = to.checkout.at(commit).text(path)
    if text is None:
        raise GitopsError(
            f"{commit[:12]} has no {path}", fix="gitops render, commit what it writes, and take that commit"
        )
    return documents.parse(text, f"{path} at {commit[:12]}")


def register(release: Release, run: Run) -> Registered:
    """Verify what the task definition refers to, then register it unless its content is the newest already.

    Where nothing but the service's stack is missing, it is waited for, with the
    run's patience. Raises GitopsError, with nothing registered, when something is
    missing or does not fit (all of it at once), and when a newer commit serves.
    """
    to, commit, ecs = release.to, release.commit, run.service.ecs
    environment, service = to.environment, to.service
    if not release.allow_older:
        _refuse_older(release, run)
    document = rendered(to, commit)
    images = registry.repository(run.session, registry.home(to.checkout, environment), service)
    files = to.checkout.at(commit)

    wrong: list[Failure] = []
    if not release.rolled_back_from:
        fix = "correct that, and ship the commit that does"
        found = validate.validate(document, to.family, service)
        wrong += [Failure(str(problem), fix) for problem in found]
        wrong += [Failure(problem, fix) for problem in agree.problems(files, environment, service)]
    subject = Subject(release, document, agree.answered(files, service))
    # No wait cures what is wrong in the commit itself.
    patience = 0.0 if wrong else run.patience
    stack = f"the stack {environment.stack_name(SERVICE, service)}, which gitops apply {environment.environment} makes"
    digest, failures = waited(lambda: verify(images, subject, run), stack, patience, run)
    require(failures + wrong, f"{service} {commit[:12]} cannot be registered in {environment.environment}")

    image = Reference(images.uri, commit, digest)
    document = render.with_image(document, str(image))
    origin = _origin(release, digest, normalize.content_hash(document))
    if newest := ecs.newest(to.family):
        there = revisions.revision(ecs, newest, service)
        if there.provenance.content_hash == origin.content_hash:
            if _holds(ecs, there.arn, document):
                run.say(f"{there.name} is this content already: nothing was registered")
                return Registered(there.arn, image, there.provenance, document, is_new=False)
            run.say(f"{there.name} says that it is this content, and is not: it was edited by hand")
    arn = ecs.register(_with_tags(document, origin))
    run.say(f"registered {short_name(arn)} with {image.tag[:12]} ({image.digest[:19]}…)")
    return Registered(arn, image, origin, document, is_new=True)


def _origin(release: Release, digest: str, content_hash: str) -> Provenance:
    run, run_url = github.run()
    environment = release.to.environment
    return Provenance(
        project=environment.project,
        environment=environment.environment,
        service=release.to.service,
        commit=release.commit,
        digest=digest,
        content_hash=content_hash,
        run=run,
        run_url=run_url,
        rolled_back_from=release.rolled_back_from,
    )


def _holds(ecs: Ecs, arn: str, document: dict[str, Any]) -> bool:
    """Whether a revision is what a document says. Its tags alone could have been copied to another content."""
    there, wanted = (without_provenance(one) for one in (ecs.task_definition(arn).document, document))
    return normalize.content_hash(there) == normalize.content_hash(wanted)


def _refuse_older(release: Release, run: Run) -> None:
    seen = run.service.look()
    if seen is not None and (serves := releases.serving(seen)):
        release.refuse_older(revisions.revision(run.service.ecs, serves, release.to.service).provenance.commit)


def _with_tags(document: dict[str, Any], origin: Provenance) -> dict[str, Any]:
    ours = origin.tags()
    keys = {tag["key"] for tag in ours}
    return {**document, "tags": [tag for tag in document.get("tags", []) if tag["key"] not in keys] + ours}
