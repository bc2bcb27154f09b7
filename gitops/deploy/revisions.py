"""A service's revisions: what each was made of, which have served, what a rollback goes to, and which may go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import chain, takewhile
from typing import Any

from botocore.exceptions import ClientError

from gitops.aws import UNANSWERED, answered, may_pass
from gitops.clock import SYSTEM, Clock
from gitops.deploy.release import Destination, Run
from gitops.ecs import Ecs, Service
from gitops.ecs_answers import Observation, TaskDefinition, family_of, number_of, short_name
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.taskdefs.normalize import content_hash

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
    "registered_as": "RegisteredAs",
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
    registered_as: str = ""

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


def form(made: TaskDefinition) -> str:
    """A revision as ECS stored it: its number, and the hash of its content, tags apart, in ECS's own form.

    ECS fills in defaults that no list of ours knows whole (hashicorp/terraform-provider-aws#46132,
    CircleCI-Public/aws-ecs-orb#105), so that what was sent is not what is described later.
    """
    return f"{number_of(made.arn)}:{content_hash({**made.document, 'tags': []})}"


def is_as_registered(described: TaskDefinition, origin: Provenance) -> bool | None:
    """Whether a revision's content is what was registered with its tags; None where nobody wrote down what that was.

    It never changes, and what is called editing a revision registers another
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/update-task-definition-console-v2.html). With the tags copied,
    its number is another one; its content as ECS stores it is too, unless it is the same once more. Only its tags
    can be changed afterwards.
    """
    if not origin.registered_as:
        return None
    was, now = (one.partition(":") for one in (origin.registered_as, form(described)))
    return was[0] == now[0] or was[2] == now[2]


@dataclass(frozen=True)
class Revision:
    """One revision of a task definition; ``registered`` is when, None where ECS does not say."""

    arn: str
    status: str
    image: str
    provenance: Provenance
    registered: datetime | None = None

    @property
    def name(self) -> str:
        """Family and number, as in ``shop-staging:7``."""
        return short_name(self.arn)


def revision(ecs: Ecs, arn: str, container: str) -> Revision:
    """One revision, with the image of a container of that name and the tags it was registered with."""
    found = ecs.task_definition(arn)
    origin, registered = provenance_of(found.document["tags"]), found.document.get("registeredAt")
    return Revision(found.arn, found.status, found.image(container), origin, registered)


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
    except UNANSWERED as error:
        return f"{revision.name} is not marked as good ({answered(error)})"
    return ""


def is_in_use(seen: Observation, revision: str, failed_deployment: str) -> bool:
    """Whether a revision is what the service means or another deployment runs, the failed one apart."""
    return seen.revision == revision or any(
        one.revision == revision and one.id != failed_deployment for one in seen.deployments
    )


# A deploy puts what it has registered to use within moments. After that long nobody is about to.
_UNDER_WAY = timedelta(minutes=15)
# For so long a read may not know what UpdateService has done.
_LATE_READ = 30.0


def left_behind(
    active: Iterable[Revision], serving: str, used: Collection[str], registered_by: datetime | None
) -> list[Revision]:
    """The ACTIVE revisions, newest first, of deploys that never came to an end.

    They are newer than what the service means (``serving``), so that a stack
    update would roll to the newest of them; nothing uses them, and none has
    served. ``registered_by`` spares what was registered later, which a deploy
    may be about to use. Looked at only as far as the serving one.
    """
    found = []
    for one in active:
        if number_of(one.arn) <= number_of(serving):
            break
        is_young = registered_by is not None and (one.registered is None or one.registered > registered_by)
        if one.status == "ACTIVE" and one.arn not in used and not one.provenance.has_served and not is_young:
            found.append(one)
    return found


def sweep(service: Service, family: str, registered_by: datetime | None, below: int | None = None) -> list[Revision]:
    """Deregister what was left behind, and tell it; ``below`` a number only. ClientError as botocore raises it.

    Nothing goes on one read of what ECS brings up to date late: what the service means, what its deployments have and
    what tasks run is asked twice, and each revision itself. Without a service nobody knows what it means.
    """
    seen = service.look()
    if seen is None or not seen.revision:
        return []
    serving = number_of(seen.revision)
    newer = takewhile(lambda arn: number_of(arn) > serving, service.ecs.revisions(family))
    active = [revision(service.ecs, arn, service.name) for arn in newer if below is None or number_of(arn) < below]
    found = left_behind(active, seen.revision, in_use(service.ecs, seen, family), registered_by) if active else []
    # The first read may have been of some seconds ago.
    used = in_use(service.ecs, service.look(), family) if found else set()
    found = [one for one in found if one.arn not in used]
    for one in found:
        service.ecs.deregister(one.arn)
    return found


def sweep_earlier(service: Service, family: str, newest: TaskDefinition, run: Run) -> TaskDefinition | None:
    """The newest revision once what earlier deploys left behind is gone; None where no other is known to be.

    A refusal is said and ends nothing.
    """
    try:
        gone = sweep(service, family, run.clock.utc() - _UNDER_WAY)
    except UNANSWERED as error:
        run.say(f"what earlier deploys left behind was not looked at ({answered(error)})")
        return newest
    if not gone:
        return newest
    run.say(f"deregistered what deploys that never ended had left: {', '.join(one.name for one in gone)}")
    now = service.ecs.newest_definition(family)
    # It may be told for some minutes after it went.
    return None if now is None or now.arn in {one.arn for one in gone} else now


def retire(service: Service, failed: str, failed_deployment: str, *, clock: Clock = SYSTEM, late: float = 0.0) -> str:
    """Deregister a failed revision unless it is in use, and what was left of earlier ones; say what was done.

    A read may be of some seconds ago, so that two have to agree, and all within
    ``late`` seconds; no task may be wanted of it but what its own deployment
    started. A refusal is part of what is said and ends nothing: the verdict
    stands already.
    """
    name = short_name(failed)
    try:
        for _ in chain((0.0,), clock.ticks(limit=late)):
            if why := _why_used(service, failed, failed_deployment):
                return f"{name} stays registered: {why}"
        service.ecs.deregister(failed)
    except UNANSWERED as error:
        return (
            f"{name} is still the newest revision ({answered(error)}): "
            f"aws ecs deregister-task-definition --task-definition {name}"
        )
    try:
        # A deployment of ours has begun and ended since those before it were registered: nobody is about to use them.
        left = ", ".join(one.name for one in sweep(service, family_of(failed), None, number_of(failed)))
    except UNANSWERED as error:
        return f"{name} was deregistered, and what was left before it was not looked at ({answered(error)})"
    went = f"{name} and what was left before it ({left}) were" if left else f"{name} was"
    return f"{went} deregistered, so a stack update cannot bring it back"


def _why_used(service: Service, arn: str, failed_deployment: str) -> str:
    """Why a revision has to stay; "" for no reason."""
    seen = service.look()
    if seen is None:
        return ""
    if is_in_use(seen, arn, failed_deployment):
        return "the service still means it"
    tasks = service.ecs.tasks(family_of(arn))
    others = any(task.revision == arn and task.started_by != failed_deployment for task in tasks)
    return "tasks of it are wanted that another deployment started" if others else ""


@contextmanager
def retired_on_error(arn: str, origin: Provenance, run: Run) -> Iterator[None]:
    """Retire a revision when what is done inside fails before the service has taken it, say so, and raise on.

    UpdateService refuses for many reasons once the revision is the family's newest (fabfuel/ecs-deploy#175,
    sil-org/ecs-deploy#197). After any other error it may have been taken, and a read may not know that yet: then
    several reads have to agree.
    """
    try:
        yield
    except UNANSWERED as error:
        if not origin.has_served:
            refused = isinstance(error, ClientError) and error.operation_name == "UpdateService" and not may_pass(error)
            run.say(retire(run.service, arn, "", clock=run.clock, late=0.0 if refused else _LATE_READ))
        raise


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


def plan(
    active: Sequence[Revision],
    inactive: Sequence[str],
    in_use: Collection[str],
    go_back: str,
    keep: int,
    left: Collection[str] = (),
) -> Plan:
    """Decide from a family's revisions, newest first, and the ARNs that tasks or deployments run.

    ``left`` are those that deploys left behind: they go, however new they are.
    ``go_back`` is what a rollback would go to now, "" when there is nothing.
    ``keep`` is how many of the newest ACTIVE ones stay whatever they are. The
    newest one stays too, since the stack means it.
    """
    newest_good = next((one.arn for one in active if one.provenance.has_served), "")
    kept, going = [], []
    for position, one in enumerate(active):
        if one.arn in in_use:
            reason = "in use"
        elif one.arn in left:
            going.append(one)
            continue
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


def survey(service: Service, to: Destination, keep: int, now: datetime) -> Plan:
    """Ask ECS for everything that the decision needs; it changes nothing."""
    ecs, family = service.ecs, to.family
    # First what is there, then what is in use: a revision that is put to use in between is not lost.
    active = list(newest_first(ecs, family, to.service))
    inactive = list(ecs.revisions(family, "INACTIVE"))
    seen = service.look()
    current = revision(ecs, seen.primary.revision, to.service) if seen and seen.primary else None
    good = last_good(active, current, newer_than(to.checkout, current)) if current else None
    used = in_use(ecs, seen, family)
    left = left_behind(active, seen.revision, used, now - _UNDER_WAY) if seen and seen.revision else []
    return plan(active, inactive, used, good.arn if good else "", keep, [one.arn for one in left])


def in_use(ecs: Ecs, seen: Observation | None, family: str) -> set[str]:
    """The revisions that the service means, that a deployment of it has, or that any task of the family runs."""
    if seen is None:
        # No service, or no cluster: there is nothing that could run one.
        return set()
    used = {seen.revision, *(one.revision for one in seen.deployments)}
    return (used | {task.revision for task in ecs.tasks(family)}) - {""}


def remove(service: Service, family: str, planned: Plan) -> list[str]:
    """Deregister what goes and delete it with what was deregistered before; what ECS did not delete, and why.

    What is in use by now stays: the plan's own read may have been of some seconds ago. Interrupted, it leaves
    revisions deregistered: the next run deletes them.
    """
    used = in_use(service.ecs, service.look(), family)
    kept = [f"{one.name}: in use by now" for one in planned.going if one.arn in used]
    going = [one.arn for one in planned.going if one.arn not in used]
    for arn in going:
        service.ecs.deregister(arn)
    return kept + service.ecs.delete([*going, *planned.inactive])
