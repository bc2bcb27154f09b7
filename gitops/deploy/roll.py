"""Deploys a commit: registers it, rolls the service to it, follows the deployment, and says truthfully how it ended."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from enum import Enum

from gitops.aws import UNANSWERED
from gitops.deploy import references, revisions
from gitops.deploy.decision import Reading, State, Target, Verdict, read
from gitops.deploy.follow import follow
from gitops.deploy.references import require
from gitops.deploy.register import Registered, register
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.report import Outcome, Side
from gitops.deploy.revisions import Revision
from gitops.ecs import Service
from gitops.ecs_answers import Deployment, Observation, short_name
from gitops.errors import GitopsError


class Action(Enum):
    """What a deploy has to do, given what the service does already."""

    NOTHING = "it is live already, nothing is updated"
    WATCH = "a deployment of it is in flight"
    UPDATE = "the service runs another revision"
    FORCE = "the service's own deployment of it failed"


def deploy(release: Release, run: Run) -> Outcome:
    """Roll the service to a commit and follow it to a verdict.

    Killed at any moment and run again, it goes on: the revision is found by its
    content, the deployment by its revision. Raises GitopsError, with nothing
    registered, when the service does not exist, something is missing or does
    not fit, or a newer commit serves.
    """
    started = run.clock.now()
    before = require_service(run.service, release.to)
    registered = register(release, run)
    with revisions.retired_on_error(registered.arn, registered.provenance, run):
        outcome = roll(release, registered, before, run)
    return replace(outcome, seconds=run.clock.now() - started)


def roll(release: Release, registered: Registered, before: Observation, run: Run) -> Outcome:
    """Roll the service to a registered revision and follow it to a verdict.

    Killed at any moment and run again, it goes on: the deployment is found by
    its revision. ``before`` is the service as it was described last.
    """
    started, ecs, to = run.clock.now(), run.service.ecs, release.to
    run, now = run.fitted(before, registered.document), read(before)
    action, ours = choose(now, registered.arn)
    run.say(f"{short_name(registered.arn)}: {action.value}")
    if action is Action.NOTHING and registered.provenance.has_served:
        run = replace(run, bake=0.0)
    previous = _previous(run, before, registered, to)
    notes: list[str] = []
    if previous is not None and now.state is State.STEADY and now.to is not None and now.to.revision == previous.arn:
        # Whoever deployed it may have been killed before writing that down.
        notes.append(revisions.record(ecs, previous))
    first = before if action is Action.NOTHING else None
    if ours is None:
        first = run.service.update(registered.arn, force=action is Action.FORCE)
        ours = primary(first, run.service)
    run.say(f"watching deployment {ours.id}")
    followed = follow(Target.of(ours, previous.arn if previous else ""), registered.document, run, first)
    notes += followed.notes
    match followed.end.verdict:
        case Verdict.ROLLED_BACK | Verdict.FAILED:
            notes.append(revisions.retire(run.service, registered.arn, ours.id))
        case Verdict.SUCCEEDED:
            served = Revision(registered.arn, "ACTIVE", str(registered.image), registered.provenance)
            notes.append(revisions.record(ecs, served))
        case Verdict.TIMED_OUT:
            name = short_name(registered.arn)
            notes.append(f"{name} stays the newest revision meanwhile: the next deploy sees to it, however this ends")
    breaker = followed.end.seen.service_deployment.breaker if followed.end.seen.service_deployment else None
    if previous is None and followed.end.verdict is Verdict.FAILED:
        # It was live already: what a rollback goes to is the next step. The verdict stands without it.
        with contextlib.suppress(*UNANSWERED):
            previous = _last_good(run, registered, to)
    old = previous.provenance.commit if previous else ""
    return Outcome(
        verdict=followed.end.verdict,
        cause=followed.end.cause,
        service=to.service,
        environment=to.environment.environment,
        before=Side(previous.arn, previous.image, old) if previous else Side(),
        after=Side(registered.arn, str(registered.image), release.commit),
        subject=release.subject,
        seconds=run.clock.now() - started,
        commits=revisions.commits_between(to.checkout, old, release.commit),
        evidence=followed.evidence,
        breaker=str(breaker) if breaker else "",
        notes=tuple(note for note in notes if note),
        calls=followed.calls,
        waited=followed.seconds,
    )


def choose(now: Reading, revision: str) -> tuple[Action, Deployment | None]:
    """What to do for a revision, and its deployment where one is to be watched."""
    if now.state is State.ROLLING_BACK and now.leaving is not None and now.leaving.revision == revision:
        # An interrupted deploy of it is rolled back right now: its end is the verdict.
        return Action.WATCH, now.leaving
    if now.to is None or now.to.revision != revision:
        return Action.UPDATE, None
    if now.state is State.FAILED:
        return Action.FORCE, None
    complete = now.state in {State.STEADY, State.FAILING}
    return (Action.NOTHING if complete else Action.WATCH), now.to


def require_service(service: Service, to: Destination) -> Observation:
    """The service as ECS describes it; GitopsError when there is none yet, or one that cannot be rolled."""
    seen, name = service.look(), to.environment.environment
    if seen is None:
        raise GitopsError(
            f"{name} has no ECS service {to.service} in the cluster {to.environment.cluster}",
            fix=f"gitops register {to.words}, then gitops apply {name} --stack service-{to.service}",
        )
    require(references.rolled(seen, to.service, name), f"{to} cannot be deployed")
    return seen


def primary(seen: Observation, service: Service) -> Deployment:
    """The deployment that ECS works towards, by whose id it is watched; GitopsError when it says of none."""
    if seen.primary is None:
        raise GitopsError(f"ECS describes {service.name} without a deployment", fix="run it again")
    return seen.primary


def _previous(run: Run, before: Observation, registered: Registered, to: Destination) -> Revision | None:
    """The last completed revision that is not the one to deploy; with a bake, what else a rollback would go to."""
    ecs, arn = run.service.ecs, registered.arn
    candidates = [one for one in before.deployments if one.revision != arn and one.state != "FAILED"]
    completed = [one for one in candidates if one.state == "COMPLETED"] or candidates
    if completed:
        return revisions.revision(ecs, completed[0].revision, run.service.name)
    # Nothing else is left of an interrupted deploy that is complete by now.
    return _last_good(run, registered, to) if run.bake else None


def _last_good(run: Run, registered: Registered, to: Destination) -> Revision | None:
    ecs, name = run.service.ecs, run.service.name
    current = revisions.revision(ecs, registered.arn, name)
    found = revisions.newest_first(ecs, to.family, name)
    return revisions.last_good(found, current, revisions.newer_than(to.checkout, current))
