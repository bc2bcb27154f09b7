"""Revisions: their provenance, which one a rollback goes to, which are retired, and which are pruned."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.deploy import revisions
from gitops.deploy.revisions import SUCCEEDED, Provenance, Revision
from gitops.ecs_answers import Observation
from gitops.repository import Checkout
from tests.gitops.conftest import commit, write
from tests.gitops.deploy.described import (
    ARN,
    NEW,
    NEWER,
    NOON,
    OLD,
    TARGET,
    StubbedSession,
    newer,
    old,
    ours,
    seen,
    service,
)

FULL = Provenance(
    project="demo",
    environment="staging",
    service="app",
    commit="a" * 40,
    digest="sha256:" + "b" * 64,
    content_hash="c" * 64,
    run="123.2",
    run_url="https://github.com/o/r/actions/runs/123/attempts/2",
    verdict=SUCCEEDED,
    rolled_back_from="app-staging:2",
)


def test_what_was_written_is_read_again() -> None:
    assert revisions.provenance_of(FULL.tags()) == FULL
    assert revisions.provenance_of([]) == Provenance()
    assert revisions.provenance_of([{"key": "Team", "value": "x"}, *FULL.tags()]) == FULL


def test_tags_are_what_ecs_accepts() -> None:
    # docs.aws.amazon.com, "Tagging Amazon ECS resources": restrictions.
    for tag in FULL.tags():
        assert re.fullmatch(r"[\w +\-=.:/@]{1,256}", tag["value"])
    assert [tag["key"] for tag in Provenance(commit="a").tags()] == ["Commit"]


def test_a_rollback_is_unfinished_until_it_has_served() -> None:
    assert Provenance(rolled_back_from="app-staging:2").is_unfinished_rollback
    assert not Provenance(rolled_back_from="app-staging:2", verdict=SUCCEEDED).is_unfinished_rollback
    assert not Provenance(commit="a").is_unfinished_rollback


def revision(number: int, commit: str, *, served: bool = True) -> Revision:
    """A registered revision of a commit named by one letter."""
    return Revision(f"{ARN}{number}", "ACTIVE", "", Provenance(commit=commit, verdict=SUCCEEDED if served else ""))


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        ("A B", "A"),
        ("A B C", "B"),
        ("A b C", "A"),
        ("a b C", ""),
        ("C", ""),
        # C was rolled back to A: going back once more must not bring C, or B after A, again.
        ("A B C A", ""),
        ("Z A B C A", "Z"),
        # The same commit, registered again for another environment variable, is not another commit.
        ("A B B", "A"),
        # What was rolled back from is older than the commit that came after it.
        ("A B A C", "A"),
        ("A B c", "B"),
    ],
)
def test_the_last_commit_that_served_before_the_live_one(registered: str, expected: str) -> None:
    letters = registered.split()
    made = [revision(n, letter.upper(), served=letter.isupper()) for n, letter in enumerate(letters, start=1)]
    current = made[-1]
    order = "ZABC"

    def is_newer(other: str) -> bool:
        return order.index(other) > order.index(current.provenance.commit)

    found = revisions.last_good(reversed(made), current, is_newer)
    assert (found.provenance.commit if found else "") == expected


def test_a_revision_without_a_commit_is_never_gone_back_to() -> None:
    by_hand = Revision(f"{ARN}1", "ACTIVE", "", Provenance(verdict=SUCCEEDED))
    assert revisions.last_good([by_hand], revision(2, "B"), lambda _: False) is None


def test_a_commit_is_found_by_its_tag_and_only_when_it_has_served() -> None:
    made = [revision(4, "B"), revision(3, "A", served=False), revision(2, "A"), revision(1, "A")]
    assert revisions.of_commit(made, "A") == (made[2], made[1:3])
    assert revisions.of_commit(made[:2], "A") == (None, made[1:2])
    assert revisions.of_commit(made, "C") == (None, [])


def test_the_commits_between_two_are_told_with_their_subjects(tmp_path: Path) -> None:
    commits = []
    for subject in ("One", "Two", "Three"):
        write(tmp_path / "file", subject)
        commits.append(commit(tmp_path, subject))
    between = revisions.commits_between(Checkout(tmp_path), commits[0], commits[2])
    assert [one.partition(" ")[2] for one in between] == ["Three", "Two"]
    assert revisions.commits_between(Checkout(tmp_path), commits[2], commits[2]) == ()
    assert revisions.commits_between(Checkout(tmp_path), "", commits[2]) == ()
    assert revisions.commits_between(Checkout(tmp_path), "0" * 40, commits[2]) == ()


FAILED = replace(ours, status="ACTIVE", state="FAILED")


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(replace(old, status="PRIMARY")), False),
        (seen(replace(old, status="PRIMARY"), FAILED), False),
        (seen(replace(ours, state="FAILED")), True),
        (seen(replace(newer, revision=NEW)), True),
        (seen(newer, replace(FAILED, id="ecs-svc/another")), True),
    ],
)
def test_a_revision_is_in_use_when_the_service_means_it_or_another_deployment_runs_it(
    observation: Observation, expected: bool
) -> None:
    assert revisions.is_in_use(observation, NEW, TARGET.deployment_id) is expected


@pytest.mark.parametrize(
    ("live", "failed", "active", "gone", "said"),
    [
        (OLD, NEW, [OLD], [NEW], "app-staging:2 was deregistered"),
        # What a killed deploy left goes with it.
        (
            OLD,
            NEWER,
            [NEW, OLD],
            [NEWER, NEW],
            "app-staging:3 and what was left before it (app-staging:2) were deregistered",
        ),
        (NEW, NEW, [], [], "app-staging:2 stays registered: the service still means it"),
        (OLD, NEW, None, [], "app-staging:2 is still the newest revision"),
    ],
)
def test_a_failed_revision_is_deregistered_unless_it_is_live(
    session: StubbedSession, live: str, failed: str, active: list[str] | None, gone: list[str], said: str
) -> None:
    deployment = {
        "id": "ecs-svc/x",
        "status": "PRIMARY",
        "taskDefinition": live,
        "createdAt": NOON,
        "rolloutState": "COMPLETED",
    }
    ecs = session.answers("ecs")
    described = {"status": "ACTIVE", "taskDefinition": live, "deployments": [deployment]}
    ecs.add_response("describe_services", {"services": [described]})
    for arn in gone:
        ecs.add_response("deregister_task_definition", {}, {"taskDefinition": arn})
        if arn == failed:
            ecs.add_response("list_task_definitions", {"taskDefinitionArns": active})
    if active is None:
        ecs.add_client_error("deregister_task_definition", "AccessDeniedException")
    told = revisions.retire(service(session), failed, TARGET.deployment_id)
    assert told.startswith(said)
    if active is None:
        assert "aws ecs deregister-task-definition --task-definition app-staging:2" in told


@pytest.mark.parametrize(
    ("failed", "active", "expected"),
    [
        (f"{ARN}5", [f"{ARN}4", f"{ARN}3", f"{ARN}2", OLD], [f"{ARN}4", f"{ARN}3", f"{ARN}2"]),
        (f"{ARN}5", [f"{ARN}7", f"{ARN}6"], []),
        (NEW, [OLD], []),
        (OLD, [NEW], []),
    ],
)
def test_only_what_lies_between_the_live_and_the_failed_revision_is_abandoned(
    failed: str, active: list[str], expected: list[str]
) -> None:
    assert revisions.abandoned(seen(replace(old, status="PRIMARY")), failed, active) == expected


def test_a_revision_that_another_deployment_runs_is_not_abandoned() -> None:
    assert revisions.abandoned(seen(replace(old, status="PRIMARY"), ours), NEWER, [NEW]) == []


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
    plan = revisions.plan(TEN, [], {f"{ARN}{n}" for n in in_use}, f"{ARN}{go_back}", keep)
    assert numbers([one.revision for one in plan.kept]) == kept
    assert numbers(plan.going) == [n for n in range(10, 0, -1) if n not in kept]


def test_the_newest_that_served_stays_though_newer_ones_never_did() -> None:
    three = [revision(3, "C", served=False), revision(2, "B"), revision(1, "A")]
    plan = revisions.plan(three, [], set(), "", 1)
    assert [(one.revision.arn[-1], one.reason) for one in plan.kept] == [
        ("3", "the newest, which the stack means"),
        ("2", "last known good"),
    ]
    assert numbers(plan.going) == [1]


def test_what_was_deregistered_goes_unless_a_task_still_runs_it() -> None:
    plan = revisions.plan(TEN[:1], [f"{ARN}9", f"{ARN}8"], {f"{ARN}8"}, "", 10)
    assert plan.inactive == (f"{ARN}9",)
    assert plan.removed == 1


def test_a_revision_is_in_use_by_the_service_a_deployment_or_any_task(session: StubbedSession) -> None:
    ecs = session.answers("ecs")
    ecs.add_response("list_tasks", {"taskArns": ["t1", "t2"]}, {"cluster": "demo", "family": "app-staging"})
    tasks = [{"taskDefinitionArn": f"{ARN}7"}, {"taskDefinitionArn": OLD}]
    ecs.add_response("describe_tasks", {"tasks": tasks}, {"cluster": "demo", "tasks": ["t1", "t2"]})
    assert revisions.in_use(service(session).ecs, seen(old), "app-staging") == {OLD, f"{ARN}7"}


def test_deregistered_first_then_deleted_ten_at_a_time_and_a_refusal_is_told(session: StubbedSession) -> None:
    plan = revisions.plan(TEN, [f"{ARN}{n}" for n in (20, 21)], set(), "", 1)
    ecs = session.answers("ecs")
    for one in plan.going:
        ecs.add_response("deregister_task_definition", {}, {"taskDefinition": one.arn})
    arns = [*(one.arn for one in plan.going), *plan.inactive]
    failure = {"arn": arns[0], "reason": "IN_USE"}
    ecs.add_response("delete_task_definitions", {"failures": [failure]}, {"taskDefinitions": arns[:10]})
    ecs.add_response("delete_task_definitions", {"failures": []}, {"taskDefinitions": arns[10:]})
    assert revisions.remove(service(session).ecs, plan) == ["app-staging:9: IN_USE"]


def test_the_tag_is_written_once_and_a_refusal_ends_nothing(session: StubbedSession) -> None:
    ecs, good = service(session).ecs, revision(2, "A", served=False)
    tags = [{"key": "Verdict", "value": "succeeded"}]
    session.answers("ecs").add_response("tag_resource", {}, {"resourceArn": good.arn, "tags": tags})
    assert revisions.record(ecs, good) == ""
    assert revisions.record(ecs, revision(2, "A")) == ""
    session.answers("ecs").add_client_error("tag_resource", "AccessDeniedException")
    assert (
        revisions.record(ecs, good)
        == "app-staging:2 is not marked as good (TagResource answered AccessDeniedException)"
    )
