"""What is pruned, and what never is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops.rollout import prune
from gitops.rollout.live import Revision
from tests.gitops.rollout.described import ARN, OLD, old, seen
from tests.gitops.rollout.stubbed import StubbedSession
from tests.gitops.rollout.test_history import revision

TEN = [revision(n, f"commit {n}") for n in range(10, 0, -1)]


def numbers(revisions: list[Revision] | tuple[Revision, ...]) -> list[int]:
    return [int(one.arn.rpartition(":")[2]) for one in revisions]


@pytest.mark.parametrize(
    ("in_use", "go_back", "keep", "kept"),
    [
        ({10}, 9, 1, [10, 9]),
        ({10}, 9, 3, [10, 9, 8]),
        # What runs is old, and what a rollback goes back to is older still.
        ({2}, 1, 1, [10, 2, 1]),
        ({2, 5}, 0, 1, [10, 5, 2]),
        (set(), 0, 1, [10]),
        ({1}, 0, 20, list(range(10, 0, -1))),
    ],
)
def test_the_plan(in_use: set[int], go_back: int, keep: int, kept: list[int]) -> None:
    plan = prune.plan(TEN, [], {f"{ARN}{n}" for n in in_use}, f"{ARN}{go_back}", keep)
    assert numbers([one.revision for one in plan.kept]) == kept
    assert numbers(plan.going) == [n for n in range(10, 0, -1) if n not in kept]


def test_the_newest_that_served_stays_though_newer_ones_never_did() -> None:
    revisions = [revision(3, "C", served=False), revision(2, "B"), revision(1, "A")]
    plan = prune.plan(revisions, [], set(), "", 1)
    assert [(one.revision.arn[-1], one.reason) for one in plan.kept] == [
        ("3", "the newest, which the stack means"),
        ("2", "last known good"),
    ]
    assert numbers(plan.going) == [1]


def test_what_was_deregistered_goes_unless_a_task_still_runs_it() -> None:
    plan = prune.plan(TEN[:1], [f"{ARN}9", f"{ARN}8"], {f"{ARN}8"}, "", 10)
    assert plan.inactive == (f"{ARN}9",)
    assert plan.removed == 1


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    with StubbedSession() as stubbed:
        yield stubbed


def test_a_revision_is_in_use_by_the_service_a_deployment_or_any_task(session: StubbedSession) -> None:
    ecs = session.answers("ecs")
    ecs.add_response("list_tasks", {"taskArns": ["t1", "t2"]}, {"cluster": "demo", "family": "app-staging"})
    tasks = [{"taskDefinitionArn": f"{ARN}7"}, {"taskDefinitionArn": OLD}]
    ecs.add_response("describe_tasks", {"tasks": tasks}, {"cluster": "demo", "tasks": ["t1", "t2"]})
    assert prune.in_use(session.client("ecs"), "demo", seen(old), "app-staging") == {OLD, f"{ARN}7", ""}


def test_deregistered_first_then_deleted_ten_at_a_time_and_a_refusal_is_told(session: StubbedSession) -> None:
    plan = prune.plan(TEN, [f"{ARN}{n}" for n in (20, 21)], set(), "", 1)
    ecs = session.answers("ecs")
    for one in plan.going:
        ecs.add_response("deregister_task_definition", {}, {"taskDefinition": one.arn})
    arns = [*(one.arn for one in plan.going), *plan.inactive]
    failure = {"arn": arns[0], "reason": "IN_USE"}
    ecs.add_response("delete_task_definitions", {"failures": [failure]}, {"taskDefinitions": arns[:10]})
    ecs.add_response("delete_task_definitions", {"failures": []}, {"taskDefinitions": arns[10:]})
    assert prune.remove(session.client("ecs"), plan) == ["app-staging:9: IN_USE"]
