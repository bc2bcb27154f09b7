"""A service's revisions: what each was made of, which have served, what a rollback goes to, and which may go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from botocore.exceptions import ClientError

from gitops.aws import answered
from gitops.deploy.release import Destination
from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Observation, family_of, number_of, short_name
from gitops.errors import GitopsError
from gitops.repository import Checkout

# Python name to tag key. The keys are read again by deploys, status and rollbacks of later versions: only add.
_KEYS = {
    "project": "Project",
    "environment": "Environment",
    "service": "Service",
    "commit": "Commit",
    "digest": "ImageDigest",
    "content_hash": "ContentHash",
    "run": "Run",
    "run_url": "RunUrl",
    "verdict": "Verdict",
    "rolled_back_from": "RolledBackFrom",
}
KEYS = frozenset(_KEYS.values())

SUCCEEDED = "succeeded"


@dataclass(frozen=True)
class Provenance:
    """What a registered revision was made of; empty strings where nobody wrote it down."""

    project: str = ""
    environment: str = ""
    service: str = ""
    commit: str = ""
    digest: str = ""
    content_hash: str = ""
    run: str = ""
    run_url: str = ""
    verdict: str = ""
    rolled_back_from: str = ""

    @property
    def is_unfinished_rollback(self) -> bool:
        """Whether a rollback made it that has not ended well so far: whoever ran it may have been killed."""
        return bool(self.rolled_back_from) and not self.has_served

    @property
    def has_served(self) -> bool:
        """Whether a deployment of it is known to have succeeded: the tag is written after that, never before."""
        return self.verdict == SUCCEEDED

    def tags(self) -> list[dict[str, str]]:
        """As ECS tags, without the empty ones."""
        values = {_KEYS[field.name]: getattr(self, field.name) for field in fields(self)}
        return [{"key": key, "value": value} for key, value in values.items() if value]


def provenance_of(tags: Iterable[Mapping[str, Any]]) -> Provenance:
    """From the tags of a described revision."""
    values = {tag["key"]: tag["value"] for tag in tags}
    return Provenance(**{name: values.get(key, "") for name, key in _KEYS.items()})


def without_provenance(document: Mapping[str, Any]) -> dict[str, Any]:
    """A task definition without these tags: what was reviewed, as the rendered file has it."""
    tags = [tag for tag in document.get("tags") or [] if tag["key"] not in KEYS]
    return {**{key: value for key, value in document.items() if key != "tags"}, **({"tags": tags} if tags else {})}


@dataclass(frozen=True)
class Revision:
    """One revision of a task definition."""

    arn: str
    status: str
    image: str
    provenance: Provenance

    @property
    def name(self) -> str:
        """Family and number, as in ``shop-staging:7``."""
        return short_name(self.arn)


def revision(ecs: Ecs, arn: str, container: str) -> Revision:
    """One revision, with the image of a container of that name and the tags it was registered with."""
    found = ecs.task_definition(arn)
    return Revision(found.arn, found.status, found.image(container), provenance_of(found.document["tags"]))


def newest_first(ecs: Ecs, family: str, container: str) -> Iterator[Revision]:
    """The ACTIVE revisions, each described only when it is looked at."""
    return (revision(ecs, arn, container) for arn in ecs.revisions(family))


def last_good(revisions: Iterable[Revision], current: Revision, is_newer: Callable[[str], bool]) -> Revision | None:
    """The newest revision that has served, other than what runs; None when there is none.

    ``is_newer`` says of a commit whether it came after the one that runs: a
    second rollback must go further back, not to what the first one left.
    """
    for one in revisions:
        origin = one.provenance
        if not origin.has_served or not origin.commit or one.arn == current.arn:
            continue
        if origin.commit == current.provenance.commit or is_newer(origin.commit):
            continue
        return one
    return None


def of_commit(revisions: Iterable[Revision], commit: str) -> tuple[Revision | None, list[Revision]]:
    """The newest revision of a commit that has served, and every revision of it that was looked at."""
    seen = []
    for one in revisions:
        if one.provenance.commit == commit:
            seen.append(one)
            if one.provenance.has_served:
                return one, seen
    return None, seen


def commits_between(checkout: Checkout, old: str, new: str) -> tuple[str, ...]:
    """The commits between two, newest first; nothing when this clone does not hold the older one."""
    if not old or old == new:
        return ()
    try:
        return tuple(checkout.git("log", "--format=%h %s", f"{old}..{new}", "--").splitlines())
    except GitopsError:
        return ()


def newer_than(checkout: Checkout, current: Revision) -> Callable[[str], bool]:
    """Whether git knows a commit to come after the one that a revision was made of."""

    def is_newer(commit: str) -> bool:
        running = current.provenance.commit
        return bool(running) and running != commit and checkout.is_ancestor(running, commit) is True

    return is_newer


def record(ecs: Ecs, revision: Revision) -> str:
    """Tag a revision as one that succeeded, unless it is; what went wrong with that, "" when nothing did.

    A refusal ends nothing: the verdict stands, and a later deploy records it.
    """
    if revision.provenance.has_served:
        return ""
    try:
        ecs.tag(revision.arn, Provenance(verdict=SUCCEEDED).tags())
    except ClientError as error:
        return f"{revision.name} is not marked as good ({answered(error)})"
    return ""


def is_in_use(seen: Observation, revision: str, failed_deployment: str) -> bool:
    """Whether a revision is what the service means or another deployment runs, the failed one apart."""
    return seen.revision == revision or any(
        one.revision == revision and one.id != failed_deployment for one in seen.deployments
    )


def abandoned(seen: Observation, failed: str, active: list[str]) -> list[str]:
    """The ACTIVE revisions between what the service means and one that failed.

    A deploy that was killed before it could clean up left them; were they to
    stay, the newest of them would be what the stack means.
    """
    between = range(number_of(seen.revision) + 1, number_of(failed))
    return [arn for arn in active if number_of(arn) in between and not is_in_use(seen, arn, "")]


def retire(service: Service, failed: str, failed_deployment: str) -> str:
    """Deregister a failed revision unless it is in use, and what was left of earlier ones; say what was done.

    A refusal is part of what is said and ends nothing: the verdict stands already.
    """
    name, ecs = short_name(failed), service.ecs
    try:
        seen = service.look()
        if seen is not None and is_in_use(seen, failed, failed_deployment):
            return f"{name} stays registered: the service still means it"
        ecs.deregister(failed)
        active = list(ecs.revisions(family_of(failed)))
        left = abandoned(seen, failed, active) if seen is not None else []
        for arn in left:
            ecs.deregister(arn)
    except ClientError as error:
        return (
            f"{name} is still the newest revision ({answered(error)}): "
            f"aws ecs deregister-task-definition --task-definition {name}"
        )
    if left:
        names = ", ".join(short_name(arn) for arn in left)
        return f"{name} and what was left before it ({names}) were deregistered, so a stack update cannot bring it back"
    return f"{name} was deregistered, so a stack update cannot bring it back"


@dataclass(frozen=True)
class Kept:
    """A revision that stays, and why."""

    revision: Revision
    reason: str


@dataclass(frozen=True)
class Plan:
    """What stays and what goes, newest first; ``inactive`` were deregistered before and can never run again."""

    kept: tuple[Kept, ...]
    going: tuple[Revision, ...]
    inactive: tuple[str, ...]

    @property
    def removed(self) -> int:
        """How many revisions are gone after it."""
        return len(self.going) + len(self.inactive)


def plan(active: Sequence[Revision], inactive: Sequence[str], in_use: Collection[str], go_back: str, keep: int) -> Plan:
    """Decide from a family's revisions, newest first, and the ARNs that tasks or deployments run.

    ``go_back`` is what a rollback would go to now, "" when there is nothing.
    ``keep`` is how many of the newest ACTIVE ones stay whatever they are. The
    newest one stays too, since the stack means it.
    """
    newest_good = next((one.arn for one in active if one.provenance.has_served), "")
    kept, going = [], []
    for position, one in enumerate(active):
        if one.arn in in_use:
            reason = "in use"
        elif one.arn in {go_back, newest_good}:
            reason = "last known good"
        elif position == 0:
            reason = "the newest, which the stack means"
        elif position < keep:
            reason = f"among the newest {keep}"
        else:
            going.append(one)
            continue
        kept.append(Kept(one, reason))
    return Plan(tuple(kept), tuple(going), tuple(arn for arn in inactive if arn not in in_use))


def survey(service: Service, to: Destination, keep: int) -> Plan:
    """Ask ECS for everything that the decision needs; it changes nothing."""
    ecs, family = service.ecs, to.family
    # First what is there, then what is in use: a revision that is put to use in between is not lost.
    active = list(newest_first(ecs, family, to.service))
    inactive = list(ecs.revisions(family, "INACTIVE"))
    seen = service.look()
    current = revision(ecs, seen.primary.revision, to.service) if seen and seen.primary else None
    good = last_good(active, current, newer_than(to.checkout, current)) if current else None
    return plan(active, inactive, in_use(ecs, seen, family), good.arn if good else "", keep)


def in_use(ecs: Ecs, seen: Observation | None, family: str) -> set[str]:
    """The revisions that the service means, that a deployment of it has, or that any task of the family runs."""
    if seen is None:
        # No service, or no cluster: there is nothing that could run one.
        return set()
    used = {seen.revision, *(one.revision for one in seen.deployments)}
    return (used | {task.revision for task in ecs.tasks(family)}) - {""}


def remove(ecs: Ecs, planned: Plan) -> list[str]:
    """Deregister what goes and delete it with what was deregistered before; what ECS did not delete, and why.

    Interrupted, it leaves revisions deregistered: the next run deletes them.
    """
    for one in planned.going:
        ecs.deregister(one.arn)
    return ecs.delete([*(one.arn for one in planned.going), *planned.inactive])
