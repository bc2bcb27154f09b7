"""A revision is marked as good once ECS says so, and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.rollout.observation import Observation
from gitops.rollout.success import is_steady, record
from tests.gitops.rollout.described import NEW, old, ours, seen
from tests.gitops.rollout.stubbed import StubbedSession
from tests.gitops.rollout.test_history import revision

LIVE = replace(ours, state="COMPLETED", running=2)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(LIVE), True),
        (seen(replace(LIVE, running=1)), False),
        (seen(replace(LIVE, running=0), desired=0), False),
        (seen(ours), False),
        (seen(replace(ours, state="FAILED", running=2)), False),
        (seen(replace(old, status="PRIMARY"), replace(LIVE, status="ACTIVE")), False),
        (seen(), False),
    ],
)
def test_only_a_complete_deployment_with_all_its_tasks_counts(observation: Observation, expected: bool) -> None:
    assert is_steady(observation, NEW) is expected


def test_the_tag_is_written_once() -> None:
    with StubbedSession() as session:
        good = revision(2, "A", served=False)
        tags = [{"key": "Verdict", "value": "succeeded"}]
        session.answers("ecs").add_response("tag_resource", {}, {"resourceArn": good.arn, "tags": tags})
        assert record(session.client("ecs"), good) == ""
        assert record(session.client("ecs"), revision(2, "A")) == ""


def test_a_refusal_is_told_and_ends_nothing() -> None:
    with StubbedSession() as session:
        session.answers("ecs").add_client_error("tag_resource", "AccessDeniedException")
        said = record(session.client("ecs"), revision(2, "A", served=False))
        assert said == "app-staging:2 is not marked as good (TagResource answered AccessDeniedException)"
