"""Registers a commit's rendered task definition with its image: once per content, with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops import github, registry, repository
from gitops.aws import UNANSWERED, answered
from gitops.deploy import revisions
from gitops.deploy.references import require
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.revisions import Provenance, provenance_of, without_provenance
from gitops.deploy.verify import Subject, verify, waited
from gitops.ecs import Ecs
from gitops.ecs_answers import TaskDefinition, number_of, short_name
from gitops.errors import GitopsError
from gitops.oci import Reference
from gitops.stacks.order import SERVICE
from gitops.taskdefs import documents, normalize, render


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
    document = rendered(to, commit)
    images = registry.repository(run.session, registry.home(to.checkout, environment), service)
    subject = Subject(release, document, to.checkout.at(commit))
    stack = f"the stack {environment.stack_name(SERVICE, service)}, which gitops apply {environment.environment} makes"
    verified = waited(lambda: verify(images, subject, run), stack, run)
    for one in verified.unverified:
        run.say(str(one))
    require(verified.failures, f"{service} {commit[:12]} cannot be registered in {environment.environment}")

    image = Reference(images.uri, commit, verified.digest)
    document = render.with_image(document, str(image))
    origin = _origin(release, verified.digest, normalize.content_hash(document))
    newest = ecs.newest_definition(to.family)
    there = _reusable(newest, document, origin, run)
    if there is None and newest is not None and number_of(newest.arn) > number_of(verified.serving) > 0:
        # One that a killed deploy left must not hide that what serves is this content.
        there = _reusable(revisions.sweep_earlier(run.service, to.family, newest, run), document, origin, run)
    if there is not None:
        return Registered(there.arn, image, provenance_of(there.document["tags"]), document, is_new=False)
    made = ecs.register(_with_tags(document, origin))
    run.say(f"registered {short_name(made.arn)} with {image.tag[:12]} ({image.digest[:19]}…)")
    _remember(ecs, made, run)
    return Registered(made.arn, image, origin, document, is_new=True)


def _reusable(
    newest: TaskDefinition | None, document: dict[str, Any], origin: Provenance, run: Run
) -> TaskDefinition | None:
    """The newest revision, where it is this content already; one that only says so is told."""
    there = provenance_of(newest.document["tags"]) if newest is not None else Provenance()
    if newest is None or there.content_hash != origin.content_hash:
        return None
    name, as_registered = short_name(newest.arn), revisions.is_as_registered(newest, there)
    alike, tags = (_alike(newest.document, document, only) for only in (None, "tags"))
    if alike or (as_registered and tags):
        if as_registered is None:
            # Whoever registered it was killed before it could write down what ECS made of it.
            _remember(run.service.ecs, newest, run)
        run.say(f"{name} is this content already: nothing was registered")
        return newest
    by_hand = as_registered is False or not tags
    why = ", and is not: it was edited by hand" if by_hand else ", which nothing proves: it is registered once more"
    run.say(f"{name} says that it is this content{why}")
    return None


def _alike(there: dict[str, Any], wanted: dict[str, Any], only: str | None) -> bool:
    """Whether two are spellings of one content, as a whole or under one key, by the list of defaults that we know."""
    one, other = (without_provenance(document) for document in (there, wanted))
    if only is not None:
        one, other = ({only: document.get(only)} for document in (one, other))
    return normalize.content_hash(one) == normalize.content_hash(other)


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


def _remember(ecs: Ecs, made: TaskDefinition, run: Run) -> None:
    """Write on a revision what ECS made of it; a refusal is said and ends nothing.

    Only the answer of RegisterTaskDefinition tells, so it is a second call. A revision without the tag, whatever
    came between the two, is compared by content.
    """
    try:
        ecs.tag(made.arn, Provenance(registered_as=revisions.form(made)).tags())
    except UNANSWERED as error:
        run.say(f"what ECS made of {short_name(made.arn)} is not written down ({answered(error)})")


def _with_tags(document: dict[str, Any], origin: Provenance) -> dict[str, Any]:
    ours = origin.tags()
    keys = {tag["key"] for tag in ours}
    return {**document, "tags": [tag for tag in document.get("tags", []) if tag["key"] not in keys] + ours}
