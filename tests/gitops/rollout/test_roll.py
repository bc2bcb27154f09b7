"""What a deploy does, given what the service does already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.rollout.observation import Observation
from gitops.rollout.roll import Action, choose
from tests.gitops.rollout.described import NEW, newer, old, ours, seen

LIVE = replace(ours, state="COMPLETED", running=2)
FAILED = replace(ours, status="ACTIVE", state="FAILED")


@pytest.mark.parametrize(
    ("observation", "action", "watched"),
    [
        (seen(replace(old, status="PRIMARY")), Action.UPDATE, ""),
        (seen(), Action.UPDATE, ""),
        (seen(LIVE), Action.NOTHING, ""),
        (seen(replace(LIVE, running=0), desired=0), Action.NOTHING, ""),
        (seen(LIVE, replace(old, running=0, state="FAILED")), Action.NOTHING, ""),
        (seen(LIVE, old), Action.WATCH, ours.id),
        (seen(replace(LIVE, running=1)), Action.WATCH, ours.id),
        (seen(ours, old), Action.WATCH, ours.id),
        (seen(replace(ours, state="FAILED"), old), Action.FORCE, ""),
        (seen(replace(old, status="PRIMARY", state="IN_PROGRESS"), FAILED), Action.WATCH, ours.id),
        (seen(replace(old, status="PRIMARY"), FAILED), Action.UPDATE, ""),
        (seen(newer, replace(ours, status="ACTIVE")), Action.UPDATE, ""),
    ],
)
def test_what_there_is_to_do(observation: Observation, action: Action, watched: str) -> None:
    chosen, deployment = choose(observation, NEW)
    assert chosen is action
    assert (deployment.id if deployment else "") == watched
