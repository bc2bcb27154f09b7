"""Goes back to what served before: by stopping the deployment in flight, else by deploying the last good commit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitops.deploy import revisions
from gitops.deploy.decision import OPEN_STATUSES, State, Target, Verdict, read
from gitops.deploy.follow import follow
from gitops.deploy.register import register
from gitops.deploy.release import Destination, Release, Run
from gitops.deploy.report import Outcome, Side
from gitops.deploy.revisions import Revision
from gitops.deploy.roll import primary, require_service, roll
from gitops.ecs import NotOfferedError, Service
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
    now = read(seen)
    if now.to is None:
        return None
    if now.state is State.ROLLING_BACK:
        return Leaving(now.leaving, now.to, rolls_back=True) if now.leaving else None
    if now.to.state != "IN_PROGRESS":
        return None
    others = [one for one in seen.deployments if one.id != now.to.id and one.revision != now.to.revision]
    good = next((one for one in others if one.state == "COMPLETED"), None)
    return Leaving(now.to, good) if good is not None else None


def stop(service: Service, seen: Observation) -> str:
    """Have ECS stop the deployment in flight and roll it back; why it cannot, "" when it does."""
    try:
        current = service.deployment(seen.current_deployment) if seen.current_deployment else None
    except NotOfferedError as refused:
        return refused.problem
    if current is None or current.status not in OPEN_STATUSES:
        return "ECS names no service deployment in flight"
    return service.stop_deployment(current.arn) if current.status in _STOPPABLE else ""


def was_rolled_back(service: Service, seen: Observation, revision: str) -> bool:
    """Whether the service's last deployment was of a revision and was rolled back; False where nobody can tell."""
    try:
        last = service.deployment(seen.current_deployment) if seen.current_deployment else None
        if last is None or last.status != "ROLLBACK_SUCCESSFUL":
            return False
        return revision in service.revisions_of([last]).values()
    except NotOfferedError:
        return False


def taken_back(to: Destination, new: str, old: str) -> tuple[str, ...]:
    """A note for each commit that does not serve any more, newest first."""
    commits = revisions.commits_between(to.checkout, new, old)
    shown = [f"taken back: {one}" for one in commits[:_SHOWN_COMMITS]]
    return (*shown, f"and {len(commits) - len(shown)} more") if len(commits) > len(shown) else tuple(shown)


def _rolled_back(to: Destination, commit: str, run: Run) -> Outcome:
    seen = require_service(run.service, to)
    current, leaving = _current(seen, run), None if commit else in_flight(seen)
    # A rollback that was interrupted goes on: without --to a second one would go back too far.
    going_on = current.provenance.is_unfinished_rollback and primary(seen, run.service).state != "FAILED"
    unfinished = not commit and going_on and not (leaving and leaving.rolls_back)
    if not commit and not unfinished:
        ended = _stopped(to, leaving, seen, run) if leaving else None
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
    registered = register(release, run)
    with revisions.retired_on_error(registered.arn, registered.provenance, run):
        outcome = roll(release, registered, seen, run)
    return replace(outcome, notes=(*outcome.notes, *taken_back(to, origin.commit, current.provenance.commit)))


def _current(seen: Observation, run: Run) -> Revision:
    return revisions.revision(run.service.ecs, primary(seen, run.service).revision, run.service.name)


def _stopped(to: Destination, leaving: Leaving, seen: Observation, run: Run) -> Outcome | None:
    """How the deployment in flight was rolled back; None when it could not be, or ended otherwise."""
    ours, back_to = leaving.bad, leaving.good
    name = short_name(ours.revision)
    if leaving.rolls_back:
        run.say(f"ECS rolls {name} back already")
    elif refused := stop(run.service, seen):
        run.say(f"{name} is in flight and is replaced instead of stopped: {refused}")
        return None
    else:
        run.say(f"stopping deployment {ours.id} of {name}")
    document = run.service.ecs.task_definition(ours.revision).document
    followed = follow(Target.of(ours, back_to.revision), document, run.fitted(seen, document))
    if followed.end.verdict in {Verdict.SUCCEEDED, Verdict.FAILED, Verdict.UNPROVEN}:
        run.say(f"it ended before it could be stopped: {followed.end.verdict.value}")
        return None
    if followed.end.verdict is Verdict.ROLLED_BACK and _was_to_leave(run, ours.revision, back_to.revision):
        revisions.retire(run.service, ours.revision, ours.id)
        return None
    restored = _restored(to, ours.revision, back_to.revision, run)
    if followed.end.verdict is not Verdict.ROLLED_BACK:
        again = f"gitops rollback {to.words} once more watches the same end"
        notes = (*followed.notes, again) if followed.end.verdict is Verdict.TIMED_OUT else followed.notes
        return replace(restored, verdict=followed.end.verdict, cause=followed.end.cause, notes=notes)
    # What was asked for is what happened.
    return _tidied(to, restored, ours.id, followed.notes, run)


def _cut_short(to: Destination, run: Run) -> Outcome | None:
    """The end of a rollback that ECS finished and nobody cleaned up after: its revision is the newest still."""
    seen = require_service(run.service, to)
    serves = primary(seen, run.service)
    newest = run.service.ecs.newest(to.family)
    if newest in {"", serves.revision} or serves.state != "COMPLETED":
        return None
    if not was_rolled_back(run.service, seen, newest) or _was_to_leave(run, newest, serves.revision):
        return None
    restored = _restored(to, newest, serves.revision, run)
    return _tidied(to, restored, "", ("it was rolled back already; once more goes further back",), run)


def _was_to_leave(run: Run, bad: str, good: str) -> bool:
    """Whether what ECS went back to is what a rollback was to leave: then its end is not what was asked for."""
    left = revisions.revision(run.service.ecs, bad, run.service.name).provenance.rolled_back_from
    return left != "" and left == short_name(good)


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
