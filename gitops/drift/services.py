"""The services against git: what serves, what was reviewed at its commit, and what waits on the branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import boto3
from botocore.exceptions import ClientError

from gitops import aws, registry
from gitops.deploy import register
from gitops.deploy.decision import State, read
from gitops.deploy.release import Destination
from gitops.deploy.revisions import Provenance, is_as_registered, provenance_of, without_provenance
from gitops.drift.report import Compared, Finding, differences, shown, text
from gitops.ecs_answers import Observation, TaskDefinition, number_of, short_name
from gitops.errors import GitopsError
from gitops.repository import folders
from gitops.stacks.access import Access
from gitops.stacks.order import Unit
from gitops.taskdefs import render
from gitops.taskdefs.documents import Document
from gitops.taskdefs.normalize import normalize

_SHOWN_COMMITS = 5
# How a finding about the revision's content begins.
_DEFINITION = "task definition"
_BACK = "dispatch Service: it registers what was reviewed once more"


@dataclass(frozen=True)
class Serving:
    """What AWS says: the service, the revision it serves with, and the newest revision of its family ("" for none)."""

    observation: Observation
    revision: str
    definition: Document
    origin: Provenance
    newest: str


@dataclass(frozen=True)
class Reviewed:
    """What git says of the commit that serves.

    ``definition`` is the rendered file at it with the image of that commit, and
    ``problem`` says why there is none. ``on_branch`` is None where the clone
    does not hold the commit. ``behind`` are the later commits that a deploy
    would ship, newest first; ``bounds`` the least and most tasks.
    """

    definition: Document | None
    problem: str = ""
    on_branch: bool | None = None
    behind: tuple[str, ...] = ()
    bounds: tuple[int, int] | None = None


def missing(environment: str) -> Finding:
    """A service that git names and ECS does not have."""
    return Finding("drift", "is not there", next=f"dispatch Service: it creates the service in {environment}")


def compare(serving: Serving, reviewed: Reviewed) -> list[Finding]:
    """Every difference between what serves and git."""
    return [
        *_under_way(serving),
        *_content(serving, reviewed),
        *_newest(serving),
        *_tasks(serving.observation, reviewed.bounds),
        *_behind(reviewed.behind),
    ]


def about(serving: Serving, reviewed: Reviewed, subject: str, found: Iterable[Finding]) -> str:
    """What serves, in one line."""
    if not serving.origin.commit:
        return f"{serving.revision} serves"
    commit = f'{serving.origin.commit[:12]} "{subject}"' if subject else serving.origin.commit[:12]
    edited = any(one.what.startswith(_DEFINITION) for one in found)
    reviewed_so = ", as it was reviewed" if reviewed.definition is not None and not edited else ""
    return f"{serving.revision} serves {commit}{reviewed_so}"


def _under_way(serving: Serving) -> list[Finding]:
    now = read(serving.observation)
    if now.to is None or now.state not in {State.ROLLING_OUT, State.ROLLING_BACK, State.FAILING}:
        return []
    return [Finding("note", f"a deployment is under way ({now.to.id}, {now}): this is what it works towards")]


def _content(serving: Serving, reviewed: Reviewed) -> list[Finding]:
    if not serving.origin.commit:
        what = f"{_DEFINITION} {serving.revision} was registered by hand: it names no commit"
        return [Finding("drift", what, "a commit", "none", _BACK)]
    found = []
    short = serving.origin.commit[:12]
    if reviewed.on_branch is None:
        found.append(Finding("unproven", f"commit {short} is not in this clone", next="git fetch --unshallow"))
    elif not reviewed.on_branch:
        what = "serves a commit that the branch does not have"
        found.append(Finding("drift", what, "one that it has", short, "merge it, or dispatch Service"))
    if reviewed.definition is None:
        if reviewed.on_branch is not None:
            found.append(Finding("unproven", f"its {_DEFINITION} could not be compared: {reviewed.problem}"))
        return found
    # Where a revision comes from is written on it when it is registered; the rest was reviewed.
    expected, actual = (normalize(without_provenance(one)) for one in (reviewed.definition, serving.definition))
    as_registered = is_as_registered(TaskDefinition(serving.revision, "", serving.definition), serving.origin)
    if as_registered is None and expected != actual:
        paths = ", ".join(one.path for one in differences(expected, actual))
        what = f"{_DEFINITION} {serving.revision} is not what was reviewed, unless ECS filled it in: {paths}"
        return [*found, Finding("unproven", what, next=_BACK)]
    if as_registered:
        # ECS fills in what the reviewed file leaves open. Its tags alone can be changed.
        expected, actual = ({"tags": one.get("tags")} for one in (expected, actual))
    found += [
        Finding(
            "drift",
            f"{_DEFINITION} {serving.revision} was edited by hand: {one.path}",
            expected=shown(one.path, text(one.expected)),
            actual=shown(one.path, text(one.actual)),
            next=_BACK,
        )
        for one in differences(expected, actual)
    ]
    return found


def _newest(serving: Serving) -> list[Finding]:
    if not serving.newest or serving.newest == serving.revision:
        return []
    numbers = [number_of(name) for name in (serving.revision, serving.newest)]
    if numbers[1] < numbers[0]:
        what = "the revision that serves is deregistered, and the next change of its stack would roll to the one before"
        step = "dispatch Service, which registers it again"
    else:
        what = "the newest revision is not the one that serves, and the next change of its stack would roll to it"
        step = f"aws ecs deregister-task-definition --task-definition {serving.newest}, or dispatch Service"
    return [Finding("drift", what, serving.revision, serving.newest, step)]


def _tasks(seen: Observation, bounds: tuple[int, int] | None) -> list[Finding]:
    if bounds is None or bounds[0] <= seen.desired <= bounds[1]:
        return []
    lowest, highest = bounds
    step = "aws ecs update-service --desired-count, or change MinTasks and MaxTasks in the environment's file"
    return [Finding("drift", "desired count", f"{lowest} to {highest}", str(seen.desired), step)]


def _behind(commits: tuple[str, ...]) -> list[Finding]:
    if not commits:
        return []
    lines = "; ".join(commits[:_SHOWN_COMMITS]) + ("; …" if len(commits) > _SHOWN_COMMITS else "")
    number = "1 commit that touches it" if len(commits) == 1 else f"{len(commits)} commits that touch it"
    # Perhaps it waits for somebody to approve it.
    return [Finding("note", f"behind the branch by {number}: {lines}", next="see the runs of Service")]


def look(access: Access, unit: Unit) -> Compared:
    """Compare the service of a stack; ClientError as botocore raises it."""
    at = Destination(access.checkout, access.environment, unit.service)
    serving = _serving(at, access.session)
    if serving is None:
        return Compared("service", at.service, (missing(access.environment.environment),))
    reviewed = replace(_reviewed(at, access.session, serving.origin), bounds=_bounds(unit))
    found = tuple(compare(serving, reviewed))
    subject = at.subject(serving.origin.commit) if reviewed.on_branch is not None else ""
    return Compared("service", at.service, found, about=about(serving, reviewed, subject, found))


def _serving(at: Destination, session: boto3.Session) -> Serving | None:
    service = at.on_ecs(session)
    seen = service.look()
    if seen is None:
        return None
    found = service.ecs.task_definition(seen.primary.revision if seen.primary else seen.revision)
    return Serving(
        observation=seen,
        revision=short_name(found.arn),
        definition=found.document,
        origin=provenance_of(found.document["tags"]),
        newest=short_name(service.ecs.newest(at.family)),
    )


def _reviewed(at: Destination, session: boto3.Session, origin: Provenance) -> Reviewed:
    on_branch = at.checkout.is_ancestor(origin.commit, "HEAD") if origin.commit else None
    if on_branch is None:
        return Reviewed(None)
    behind: tuple[str, ...] = ()
    if on_branch:
        words = ["log", "--format=%h %s", f"{origin.commit}..HEAD", "--", *folders(at.service)]
        behind = tuple(at.checkout.git(*words).splitlines())
    try:
        definition, problem = _definition(at, session, origin.commit), ""
    except GitopsError as error:
        definition, problem = None, error.problem
    except ClientError as error:
        definition, problem = None, aws.answered(error)
    return Reviewed(definition, problem, on_branch, behind)


def _definition(at: Destination, session: boto3.Session, commit: str) -> Document:
    """The rendered file of a commit with the image that the registry has of it: tags there are for good."""
    repository = registry.repository(session, registry.home(at.checkout, at.environment), at.service)
    image = repository.image(commit)
    if image is None:
        raise GitopsError(f"{repository.name} has no image of commit {commit[:12]} any more")
    return render.with_image(register.rendered(at, commit), str(image))


def _bounds(unit: Unit) -> tuple[int, int] | None:
    """The least and most tasks that the stack's parameters allow; None for a template without them."""
    names = ("MinTasks", "MaxTasks")
    if any(name not in unit.values for name in names):
        return None
    lowest, highest = (int(unit.values[name]) for name in names)
    return lowest, highest
