"""Deploys a commit: registers its task definition, rolls the service to it, and says how that ended."""

from __future__ import annotations

from dataclasses import replace

from gitops.rollout.register import register
from gitops.rollout.release import Release
from gitops.rollout.report import Outcome
from gitops.rollout.roll import Run, require_service, roll


def deploy(release: Release, run: Run) -> Outcome:
    """Roll the service to a commit and follow it to a verdict.

    Killed at any moment and run again, it goes on: the revision is found by its
    content, the deployment by its revision. Raises GitopsError, with nothing
    registered, when the service does not exist, something is missing or does
    not fit, or a newer commit serves.
    """
    started = run.clock.now()
    before = require_service(run.session.client("ecs"), release.environment, release.service)
    registered = register(release, run.session, run.say)
    outcome = roll(release, registered, before, run)
    return replace(outcome, seconds=run.clock.now() - started)
