"""Deploys a commit: registers it, rolls the service to it, follows the deployment, and says truthfully how it ended."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from gitops.deploy import revisions
from gitops.deploy.decision import Target, Verdict, is_steady
from gitops.deploy.diagnostics import Evidence
from gitops.deploy.follow import Followed, follow
from gitops.deploy.poller import End
from gitops.deploy.register import Registered, register
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.report import Outcome, Side
from gitops.deploy.revisions import Revision
from gitops.ecs import Service
from gitops.ecs_answers import Deployment, Observation, short_name
from gitops.errors import GitopsError


class Action(Enum):
    """What a deploy has to do, given what the service does already."""

    NOTHING = "it is live already and steady, nothing is updated"
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
    outcome = roll(release, register(release, run), before, run)
    return replace(outcome, seconds=run.clock.now() - started)


def roll(release: Release, registered: Registered, before: Observation, run: Run) -> Outcome:
    """Roll the service to a registered revision and follow it to a verdict.

    Killed at any moment and run again, it goes on: the deployment is found by
    its revision. ``before`` is the service as it was described last.
    """
    started, ecs, to = run.clock.now(), run.service.ecs, release.to
    previous = _previous(run.service, before, registered.arn)
    action, ours = choose(before, registered.arn)
    run.say(f"{short_name(registered.arn)}: {action.value}")
    notes: list[str] = []
    if previous is not None and is_steady(before, previous.arn):
        # Whoever deployed it may have been killed before writing that down.
        notes.append(revisions.record(ecs, previous))
    if action is Action.NOTHING:
        followed = Followed(_already(before), Evidence(), (), 0, 0.0)
    else:
        first = None
        if ours is None:
            first = run.service.update(registered.arn, force=action is Action.FORCE)
            ours = primary(first, run.service)
        run.say(f"watching deployment {ours.id}")
        target = Target.of(ours, previous.arn if previous else "")
        followed = follow(target, registered.document, run, first)
        notes += followed.notes
        if followed.end.verdict in {Verdict.ROLLED_BACK, Verdict.FAILED}:
            notes.append(revisions.retire(run.service, registered.arn, ours.id))
    if followed.end.verdict is Verdict.SUCCEEDED:
        notes.append(revisions.record(ecs, revisions.revision(ecs, registered.arn, to.service)))
    breaker = followed.end.seen.service_deployment.breaker if followed.end.seen.service_deployment else None
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


def choose(seen: Observation, revision: str) -> tuple[Action, Deployment | None]:
    """What to do for a revision, and its deployment where one is to be watched."""
    primary = seen.primary
    if primary is None:
        return Action.UPDATE, None
    if primary.revision != revision:
        # An interrupted deploy of it may be rolling back right now: its end is the verdict.
        failed = next((one for one in seen.deployments if one.revision == revision), None)
        if failed is not None and failed.state == "FAILED" and primary.state == "IN_PROGRESS":
            return Action.WATCH, failed
        return Action.UPDATE, None
    if primary.state == "FAILED":
        return Action.FORCE, None
    others_run = any(one.running for one in seen.deployments if one.id != primary.id)
    if primary.state == "COMPLETED" and primary.running >= seen.desired and not others_run:
        return Action.NOTHING, None
    return Action.WATCH, primary


def require_service(service: Service, to: Destination) -> Observation:
    """The service as ECS describes it; GitopsError when there is none yet."""
    seen = service.look()
    if seen is None:
        name = to.environment.environment
        raise GitopsError(
            f"{name} has no ECS service {to.service} in the cluster {to.environment.cluster}",
            fix=f"gitops register {to.words}, then gitops apply {name} --stack service-{to.service}",
        )
    return seen


def primary(seen: Observation, service: Service) -> Deployment:
    """The deployment that ECS works towards, by whose id it is watched; GitopsError when it says of none."""
    if seen.primary is None:
        raise GitopsError(f"ECS describes {service.name} without a deployment", fix="run it again")
    return seen.primary


def _already(seen: Observation) -> End:
    if seen.desired == 0:
        return End(seen, Verdict.UNPROVEN, "the service's desired count is 0, so no task runs")
    return End(seen, Verdict.SUCCEEDED, "")


def _previous(service: Service, before: Observation, revision: str) -> Revision | None:
    """The last completed revision that is not the one to deploy."""
    candidates = [one for one in before.deployments if one.revision != revision and one.state != "FAILED"]
    completed = [one for one in candidates if one.state == "COMPLETED"] or candidates
    return revisions.revision(service.ecs, completed[0].revision, service.name) if completed else None
