"""Goes back to what served before: by stopping the deployment in flight, else by deploying the last good commit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitops.deploy import revisions
from gitops.deploy.decision import Target, Verdict
from gitops.deploy.follow import follow
from gitops.deploy.register import register
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.report import Outcome, Side
from gitops.deploy.revisions import Revision
from gitops.deploy.roll import primary, require_service, roll
from gitops.ecs import IN_FLIGHT, NotOfferedError, Service
from gitops.ecs_answers import Deployment, Observation, short_name
from gitops.errors import GitopsError

_SHOWN_COMMITS = 20
_STOPPABLE = {"PENDING", "IN_PROGRESS"}


@dataclass(frozen=True)
class Leaving:
    """The deployment in flight, what served before it, and whether ECS goes back by itself already."""

    bad: Deployment
    good: Deployment
    rolls_back: bool = False


def rollback(to: Destination, commit: str, run: Run) -> Outcome:
    """Bring what served before back, and follow that to a verdict: succeeded means that it serves.

    ``commit`` is the full id of the one to go back to, empty for the last good
    one. Killed at any moment and run again, it goes on or finds it done.
    Raises GitopsError, with nothing changed, when there is nothing to go back to.
    """
    started = run.clock.now()
    outcome = _rolled_back(to, commit, run)
    return replace(outcome, seconds=run.clock.now() - started)


def in_flight(seen: Observation) -> Leaving | None:
    """What a stop would leave and go back to; None when nothing is in flight or nothing is before it."""
    primary = seen.primary
    if primary is None or primary.state != "IN_PROGRESS":
        return None
    others = [one for one in seen.deployments if one.id != primary.id and one.revision != primary.revision]
    failed = next((one for one in others if one.state == "FAILED" and one.created > primary.created), None)
    if failed is not None:
        return Leaving(failed, primary, rolls_back=True)
    good = next((one for one in others if one.state == "COMPLETED"), None)
    return Leaving(primary, good) if good is not None else None


def stop(service: Service) -> str:
    """Have ECS stop the deployment in flight and roll it back; why it cannot, "" when it does."""
    try:
        listed = service.deployments(statuses=IN_FLIGHT)
    except NotOfferedError as refused:
        return refused.problem
    if not listed:
        return "ECS names no service deployment in flight"
    newest = max(listed, key=lambda one: one.created)
    return service.stop_deployment(newest.arn) if newest.status in _STOPPABLE else ""


def was_rolled_back(service: Service, revision: str) -> bool:
    """Whether the service's last deployment was of a revision and was rolled back; False where nobody can tell."""
    try:
        newest = max(service.deployments(), key=lambda one: one.created, default=None)
        if newest is None or newest.status != "ROLLBACK_SUCCESSFUL":
            return False
        return revision in service.revisions_of([newest]).values()
    except NotOfferedError:
        return False


def taken_back(to: Destination, new: str, old: str) -> tuple[str, ...]:
    """A note for each commit that does not serve any more, newest first."""
    commits = revisions.commits_between(to.checkout, new, old)
    shown = [f"taken back: {one}" for one in commits[:_SHOWN_COMMITS]]
    return (*shown, f"and {len(commits) - len(shown)} more") if len(commits) > len(shown) else tuple(shown)


def _rolled_back(to: Destination, commit: str, run: Run) -> Outcome:
    seen = require_service(run.service, to)
    current = _current(seen, run)
    # A rollback that was interrupted goes on: without --to a second one would go back too far.
    going_on = current.provenance.is_unfinished_rollback and primary(seen, run.service).state != "FAILED"
    unfinished = not commit and going_on
    if not commit and not unfinished:
        leaving = in_flight(seen)
        ended = _stopped(to, leaving, run) if leaving else None
        ended = ended or _cut_short(to, run)
        if ended is not None:
            return ended
        # It ended on its own, or could not be stopped: what is wanted is a deploy of what was good before it.
        seen = require_service(run.service, to)
        current = _current(seen, run)
    chosen = current if unfinished else _chosen(to, current, commit, run)
    origin = chosen.provenance
    left = origin.rolled_back_from if unfinished else current.name
    run.say(f"going back from {left} to {_name(chosen)}")
    _require_commit(to, origin.commit)
    release = Release.of(to, origin.commit, origin.digest, allow_older=True, rolled_back_from=left)
    outcome = roll(release, register(release, run), seen, run)
    return replace(outcome, notes=(*outcome.notes, *taken_back(to, origin.commit, current.provenance.commit)))


def _current(seen: Observation, run: Run) -> Revision:
    return revisions.revision(run.service.ecs, primary(seen, run.service).revision, run.service.name)


def _stopped(to: Destination, leaving: Leaving, run: Run) -> Outcome | None:
    """How the deployment in flight was rolled back; None when it could not be, or ended otherwise."""
    ours, back_to = leaving.bad, leaving.good
    name = short_name(ours.revision)
    if leaving.rolls_back:
        run.say(f"ECS rolls {name} back already")
    elif refused := stop(run.service):
        run.say(f"{name} is in flight and is replaced instead of stopped: {refused}")
        return None
    else:
        run.say(f"stopping deployment {ours.id} of {name}")
    document = run.service.ecs.task_definition(ours.revision).document
    followed = follow(Target.of(ours, back_to.revision), document, run)
    if followed.end.verdict in {Verdict.SUCCEEDED, Verdict.FAILED, Verdict.UNPROVEN}:
        run.say(f"it ended before it could be stopped: {followed.end.verdict.value}")
        return None
    restored = _restored(to, ours.revision, back_to.revision, run)
    if followed.end.verdict is not Verdict.ROLLED_BACK:
        return replace(restored, verdict=followed.end.verdict, cause=followed.end.cause, notes=followed.notes)
    # What was asked for is what happened.
    return _tidied(to, restored, ours.id, followed.notes, run)


def _cut_short(to: Destination, run: Run) -> Outcome | None:
    """The end of a rollback that ECS finished and nobody cleaned up after: its revision is the newest still."""
    serves = primary(require_service(run.service, to), run.service)
    newest = run.service.ecs.newest(to.family)
    if newest in {"", serves.revision} or serves.state != "COMPLETED":
        return None
    if not was_rolled_back(run.service, newest):
        return None
    restored = _restored(to, newest, serves.revision, run)
    return _tidied(to, restored, "", ("it was rolled back already; once more goes further back",), run)


def _restored(to: Destination, bad_arn: str, good_arn: str, run: Run) -> Outcome:
    bad, good = (revisions.revision(run.service.ecs, arn, to.service) for arn in (bad_arn, good_arn))
    return Outcome(
        verdict=Verdict.SUCCEEDED,
        cause="",
        service=to.service,
        environment=to.environment.environment,
        before=Side(bad.arn, bad.image, bad.provenance.commit),
        after=Side(good.arn, good.image, good.provenance.commit),
        subject=to.subject(good.provenance.commit),
        seconds=0.0,
    )


def _tidied(to: Destination, restored: Outcome, deployment: str, notes: tuple[str, ...], run: Run) -> Outcome:
    """The same with the revision that was left taken out of the way, and what serves marked as good."""
    bad, good, ecs = restored.before, restored.after, run.service.ecs
    said = [
        *notes,
        f"the deployment of {short_name(bad.revision)} was rolled back",
        revisions.record(ecs, revisions.revision(ecs, good.revision, to.service)),
        revisions.retire(run.service, bad.revision, deployment),
        *taken_back(to, good.commit, bad.commit),
    ]
    return replace(restored, notes=tuple(note for note in said if note))


def _chosen(to: Destination, current: Revision, commit: str, run: Run) -> Revision:
    found = revisions.newest_first(run.service.ecs, to.family, to.service)
    if not commit:
        chosen = revisions.last_good(found, current, revisions.newer_than(to.checkout, current))
        if chosen is None:
            raise GitopsError(
                f"no revision of {to} before {_name(current)} is known to have served",
                fix=f"gitops deploy {to.words} --allow-older --commit COMMIT",
            )
        return chosen
    chosen, looked_at = revisions.of_commit(found, commit)
    if chosen is None:
        if looked_at:
            problem = f"{looked_at[0].name} of commit {commit[:12]} is not known to have served in {to}"
        else:
            problem = f"no revision of {to} is of commit {commit[:12]}"
        deploy = f"gitops deploy {to.words} --allow-older --commit {commit}"
        raise GitopsError(problem, fix=f"{deploy} deploys it as any other")
    return chosen


def _require_commit(to: Destination, commit: str) -> None:
    try:
        to.checkout.commit(commit)
    except GitopsError:
        raise GitopsError(
            f"this clone does not hold commit {commit[:12]}, whose task definition served before",
            fix="git fetch (with --unshallow in a shallow clone), then run it again",
        ) from None


def _name(revision: Revision) -> str:
    commit = revision.provenance.commit
    return f"{revision.name} ({commit[:12]})" if commit else revision.name
