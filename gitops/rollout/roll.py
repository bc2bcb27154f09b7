"""Rolls a service to a registered revision: updates it if needed, follows the deployment, and tidies up after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import boto3

from gitops import git
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.progress import Display
from gitops.rollout import live, observation, success
from gitops.rollout.decide import Target
from gitops.rollout.evidence import Evidence
from gitops.rollout.follow import Followed, follow
from gitops.rollout.history import commits_between
from gitops.rollout.live import Revision
from gitops.rollout.observation import Deployment, Observation
from gitops.rollout.register import Registered, Say
from gitops.rollout.release import Release
from gitops.rollout.report import Outcome, Side
from gitops.rollout.retire import retire
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock, End

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient


class Action(Enum):
    """What a deploy has to do, given what the service does already."""

    NOTHING = "it is live already and steady, nothing is updated"
    WATCH = "a deployment of it is in flight"
    UPDATE = "the service runs another revision"
    FORCE = "the service's own deployment of it failed"


@dataclass(frozen=True)
class Run:
    """Who acts, who is told, and how long a deployment is waited for, and watched on after it: in seconds."""

    session: boto3.Session
    say: Say
    display: Display
    clock: Clock
    timeout: float
    bake: float = 0.0


def roll(release: Release, registered: Registered, before: Observation, run: Run) -> Outcome:
    """Roll the service to a registered revision and follow it to a verdict.

    Killed at any moment and run again, it goes on: the deployment is found by
    its revision. ``before`` is the service as it was described last.
    """
    started = run.clock.now()
    environment, service = release.environment, release.service
    ecs: ECSClient = run.session.client("ecs")
    previous = _previous(ecs, before, registered.arn, service)
    action, ours = choose(before, registered.arn)
    run.say(f"{live.short_name(registered.arn)}: {action.value}")
    notes: list[str] = []
    if previous is not None and success.is_steady(before, previous.arn):
        # Whoever deployed it may have been killed before writing that down.
        notes.append(success.record(ecs, previous))
    if action is Action.NOTHING:
        followed = Followed(_already(before), Evidence(), (), 0, 0.0)
    else:
        first = None
        if ours is None:
            first = update(ecs, environment, service, registered.arn, force=action is Action.FORCE)
            ours = primary(first, service)
        run.say(f"watching deployment {ours.id}")
        target = Target(ours.id, ours.revision, ours.created, previous.arn if previous else "")
        followed = follow(
            run.session,
            environment.cluster,
            service,
            target,
            registered.document,
            run.timeout,
            run.display,
            run.clock,
            first,
            run.bake,
        )
        notes += followed.notes
        if followed.end.verdict in {Verdict.ROLLED_BACK, Verdict.FAILED}:
            notes.append(retire(ecs, environment.cluster, service, registered.arn, ours.id))
    if followed.end.verdict is Verdict.SUCCEEDED:
        notes.append(success.record(ecs, live.revision(ecs, registered.arn, service)))
    breaker = followed.end.seen.service_deployment.breaker if followed.end.seen.service_deployment else None
    old = previous.provenance.commit if previous else ""
    return Outcome(
        verdict=followed.end.verdict,
        cause=followed.end.cause,
        service=service,
        environment=environment.environment,
        before=Side(previous.arn, previous.image, old) if previous else Side(),
        after=Side(registered.arn, str(registered.image), release.commit),
        subject=git.subject(release.root, release.commit),
        seconds=run.clock.now() - started,
        commits=commits_between(release.root, old, release.commit),
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


def require_service(ecs: ECSClient, environment: Environment, service: str) -> Observation:
    """The service as ECS describes it; GitopsError when there is none yet."""
    seen = live.service(ecs, environment.cluster, service)
    if seen is None:
        name = environment.environment
        raise GitopsError(
            f"{name} has no ECS service {service} in the cluster {environment.cluster}",
            fix=f"gitops register {service} {name}, then gitops apply {name} --stack service-{service}",
        )
    return seen


def update(ecs: ECSClient, environment: Environment, service: str, revision: str, *, force: bool) -> Observation:
    """What UpdateService answers: its PRIMARY deployment's id is what is watched, not the revision's ARN."""
    answer = ecs.update_service(
        cluster=environment.cluster, service=service, taskDefinition=revision, forceNewDeployment=force
    )
    return observation.service(answer["service"])


def primary(seen: Observation, service: str) -> Deployment:
    """The deployment that ECS works towards; GitopsError when it says of none."""
    if seen.primary is None:
        raise GitopsError(f"ECS describes {service} without a deployment", fix="run it again")
    return seen.primary


def _already(seen: Observation) -> End:
    if seen.desired == 0:
        return End(seen, Verdict.UNPROVEN, "the service's desired count is 0, so no task runs")
    return End(seen, Verdict.SUCCEEDED, "")


def _previous(ecs: ECSClient, before: Observation, revision: str, service: str) -> Revision | None:
    """The last completed revision that is not the one to deploy."""
    candidates = [one for one in before.deployments if one.revision != revision and one.state != "FAILED"]
    completed = [one for one in candidates if one.state == "COMPLETED"] or candidates
    return live.revision(ecs, completed[0].revision, service) if completed else None
