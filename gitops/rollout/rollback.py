"""Goes back to what served before: by stopping the deployment in flight, else by deploying the last good commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitops import git
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.rollout import age, history, live, success
from gitops.rollout.decide import Target
from gitops.rollout.follow import follow
from gitops.rollout.live import Revision
from gitops.rollout.register import register
from gitops.rollout.release import Release
from gitops.rollout.report import Outcome, Side
from gitops.rollout.retire import retire
from gitops.rollout.roll import Run, primary, require_service, roll
from gitops.rollout.stop import Leaving, in_flight, stop, was_rolled_back
from gitops.rollout.verdict import Verdict

if TYPE_CHECKING:
    from mypy_boto3_ecs.client import ECSClient

_SHOWN_COMMITS = 20


def rollback(root: Path, environment: Environment, service: str, to: str, run: Run) -> Outcome:
    """Bring what served before back, and follow that to a verdict: succeeded means that it serves.

    ``to`` is the full id of the commit to go back to, empty for the last good
    one. Killed at any moment and run again, it goes on or finds it done.
    Raises GitopsError, with nothing changed, when there is nothing to go back to.
    """
    started = run.clock.now()
    outcome = _rolled_back(run.session.client("ecs"), root, environment, service, to, run)
    return replace(outcome, seconds=run.clock.now() - started)


def _rolled_back(ecs: ECSClient, root: Path, environment: Environment, service: str, to: str, run: Run) -> Outcome:
    seen = require_service(ecs, environment, service)
    current = live.revision(ecs, primary(seen, service).revision, service)
    # A rollback that was interrupted goes on: without --to a second one would go back too far.
    unfinished = not to and current.provenance.is_unfinished_rollback and primary(seen, service).state != "FAILED"
    if not to and not unfinished:
        leaving = in_flight(seen)
        ended = _stopped(ecs, root, environment, service, leaving, run) if leaving else None
        ended = ended or _cut_short(ecs, root, environment, service)
        if ended is not None:
            return ended
        # It ended on its own, or could not be stopped: what is wanted is a deploy of what was good before it.
        seen = require_service(ecs, environment, service)
        current = live.revision(ecs, primary(seen, service).revision, service)
    chosen = current if unfinished else _chosen(ecs, root, environment, service, current, to)
    origin = chosen.provenance
    left = origin.rolled_back_from if unfinished else current.name
    run.say(f"going back from {left} to {_name(chosen)}")
    _require_commit(root, origin.commit)
    release = Release(root, environment, service, origin.commit, origin.digest, True, left)
    outcome = roll(release, register(release, run.session, run.say), seen, run)
    return replace(outcome, notes=(*outcome.notes, *taken_back(root, origin.commit, current.provenance.commit)))


def taken_back(root: Path, new: str, old: str) -> tuple[str, ...]:
    """A note for each commit that does not serve any more, newest first."""
    commits = history.commits_between(root, new, old)
    shown = [f"taken back: {one}" for one in commits[:_SHOWN_COMMITS]]
    return (*shown, f"and {len(commits) - len(shown)} more") if len(commits) > len(shown) else tuple(shown)


def _stopped(
    ecs: ECSClient, root: Path, environment: Environment, service: str, leaving: Leaving, run: Run
) -> Outcome | None:
    """How the deployment in flight was rolled back; None when it could not be, or ended otherwise."""
    ours, back_to = leaving.bad, leaving.good
    if leaving.rolls_back:
        run.say(f"ECS rolls {live.short_name(ours.revision)} back already")
    elif refused := stop(ecs, environment.cluster, service):
        run.say(f"{live.short_name(ours.revision)} is in flight and is replaced instead of stopped: {refused}")
        return None
    else:
        run.say(f"stopping deployment {ours.id} of {live.short_name(ours.revision)}")
    target = Target(ours.id, ours.revision, ours.created, back_to.revision)
    document = ecs.describe_task_definition(taskDefinition=ours.revision)["taskDefinition"]
    followed = follow(run.session, environment.cluster, service, target, document, run.timeout, run.display, run.clock)
    if followed.end.verdict in {Verdict.SUCCEEDED, Verdict.FAILED, Verdict.UNPROVEN}:
        run.say(f"it ended before it could be stopped: {followed.end.verdict.value}")
        return None
    restored = _restored(ecs, root, environment, service, ours.revision, back_to.revision)
    if followed.end.verdict is not Verdict.ROLLED_BACK:
        return replace(restored, verdict=followed.end.verdict, cause=followed.end.cause, notes=followed.notes)
    # What was asked for is what happened.
    return _tidied(ecs, root, environment, restored, ours.id, followed.notes)


def _cut_short(ecs: ECSClient, root: Path, environment: Environment, service: str) -> Outcome | None:
    """The end of a rollback that ECS finished and nobody cleaned up after: its revision is the newest still."""
    serves = primary(require_service(ecs, environment, service), service)
    newest = live.latest_active(ecs, environment.family(service))
    if newest is None or newest == serves.revision or serves.state != "COMPLETED":
        return None
    if not was_rolled_back(ecs, environment.cluster, service, newest):
        return None
    restored = _restored(ecs, root, environment, service, newest, serves.revision)
    return _tidied(ecs, root, environment, restored, "", ("it was rolled back already; once more goes further back",))


def _restored(
    ecs: ECSClient, root: Path, environment: Environment, service: str, bad_arn: str, good_arn: str
) -> Outcome:
    bad, good = (live.revision(ecs, arn, service) for arn in (bad_arn, good_arn))
    return Outcome(
        verdict=Verdict.SUCCEEDED,
        cause="",
        service=service,
        environment=environment.environment,
        before=Side(bad.arn, bad.image, bad.provenance.commit),
        after=Side(good.arn, good.image, good.provenance.commit),
        subject=_subject(root, good.provenance.commit),
        seconds=0.0,
    )


def _tidied(
    ecs: ECSClient, root: Path, environment: Environment, restored: Outcome, deployment: str, notes: tuple[str, ...]
) -> Outcome:
    """The same with the revision that was left taken out of the way, and what serves marked as good."""
    bad, good, service = restored.before, restored.after, restored.service
    said = [
        *notes,
        f"the deployment of {live.short_name(bad.revision)} was rolled back",
        success.record(ecs, live.revision(ecs, good.revision, service)),
        retire(ecs, environment.cluster, service, bad.revision, deployment),
        *taken_back(root, good.commit, bad.commit),
    ]
    return replace(restored, notes=tuple(note for note in said if note))


def _chosen(ecs: ECSClient, root: Path, environment: Environment, service: str, current: Revision, to: str) -> Revision:
    family, where = environment.family(service), f"{service} in {environment.environment}"
    revisions = history.newest_first(ecs, family, service)
    if not to:
        chosen = history.last_good(revisions, current, age.newer_than(root, current))
        if chosen is None:
            raise GitopsError(
                f"no revision of {where} before {_name(current)} is known to have served",
                fix=f"gitops deploy {service} {environment.environment} --allow-older --commit COMMIT",
            )
        return chosen
    chosen, looked_at = history.of_commit(revisions, to)
    if chosen is None:
        deploy = f"gitops deploy {service} {environment.environment} --allow-older --commit {to}"
        if looked_at:
            problem = f"{looked_at[0].name} of commit {to[:12]} is not known to have served in {where}"
        else:
            problem = f"no revision of {where} is of commit {to[:12]}"
        raise GitopsError(problem, fix=f"{deploy} deploys it as any other")
    return chosen


def _require_commit(root: Path, commit: str) -> None:
    try:
        git.commit(root, commit)
    except GitopsError:
        raise GitopsError(
            f"this clone does not hold commit {commit[:12]}, whose task definition served before",
            fix="git fetch (with --unshallow in a shallow clone), then run it again",
        ) from None


def _name(revision: Revision) -> str:
    commit = revision.provenance.commit
    return f"{revision.name} ({commit[:12]})" if commit else revision.name


def _subject(root: Path, commit: str) -> str:
    try:
        return git.subject(root, commit) if commit else ""
    except GitopsError:
        # A shallow clone does not hold it.
        return ""
