"""Revisions: their provenance, which one a rollback goes to, which are retired, and which are pruned."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from gitops.deploy import revisions
from gitops.deploy.revisions import SUCCEEDED, Provenance, Revision
from gitops.ecs_answers import Observation, TaskDefinition
from gitops.errors import GitopsError
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
    Time,
    newer,
    old,
    ours,
    run_on,
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
    registered_as="7:" + "d" * 64,
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


@pytest.mark.parametrize(
    ("number", "filled", "expected"),
    [
        (0, {}, None),
        (2, {}, True),
        # A revision does not change, whatever ECS says of it later: hashicorp/terraform-provider-aws#46132.
        (2, {"enableFaultInjection": True}, True),
        # Its tags were copied: to the same content once more, or to another one.
        (1, {}, True),
        (1, {"cpu": "512"}, False),
    ],
)
def test_what_was_registered_is_known_by_its_number_and_its_content(
    number: int, filled: dict[str, object], expected: bool | None
) -> None:
    answered = {"family": "app-staging", "volumes": [{"name": "a", "efsVolumeConfiguration": {"rootDirectory": "/"}}]}
    form = revisions.form(TaskDefinition(f"{ARN}{number}", "ACTIVE", answered))
    origin = Provenance(commit="a", registered_as=form if number else "")
    tags = [*origin.tags(), {"key": "Team", "value": "sky"}]
    described = TaskDefinition(NEW, "ACTIVE", {**answered, **filled, "tags": tags})
    assert revisions.is_as_registered(described, origin) is expected


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


LONG_AGO = NOON - timedelta(hours=1)


def answer(session: StubbedSession, live: str) -> None:
    """A service that means a revision."""
    one = {"id": "ecs-svc/x", "status": "PRIMARY", "taskDefinition": live, "createdAt": NOON}
    service = {"status": "ACTIVE", "taskDefinition": live, "deployments": [one]}
    session.answers("ecs").add_response("describe_services", {"services": [service]})


def answer_retired(session: StubbedSession, failed: str, *active: str) -> None:
    """A service that means OLD, and all that is asked to retire a revision, with what was left before it."""
    ecs = session.answers("ecs")
    for _ in ("once", "once more"):
        answer(session, OLD)
        ecs.add_response("list_tasks", {"taskArns": []})
    ecs.add_response("deregister_task_definition", {}, {"taskDefinition": failed})
    answer(session, OLD)
    ecs.add_response("list_task_definitions", {"taskDefinitionArns": list(active)})
    left = [arn for arn in active if OLD < arn < failed]
    for arn in left:
        described = {"taskDefinitionArn": arn, "status": "ACTIVE"}
        ecs.add_response("describe_task_definition", {"taskDefinition": described, "tags": []})
    if left:
        ecs.add_response("list_tasks", {"taskArns": []})
        answer(session, OLD)
        ecs.add_response("list_tasks", {"taskArns": []})
    for arn in left:
        ecs.add_response("deregister_task_definition", {}, {"taskDefinition": arn})


@pytest.mark.parametrize(
    ("failed", "active", "said"),
    [
        (NEW, [OLD], "app-staging:2 was deregistered"),
        # What a killed deploy left goes with it. The list still has the failed one: it was told late.
        # A newer one is another's: a rollback may be about to use it.
        (
            NEWER,
            [f"{ARN}4", NEWER, NEW, OLD],
            "app-staging:3 and what was left before it (app-staging:2) were deregistered",
        ),
    ],
)
def test_a_failed_revision_goes_with_what_was_left_before(
    session: StubbedSession, failed: str, active: list[str], said: str
) -> None:
    """AmazonECS/latest/developerguide/deregister-task-definition-v2.html: it may take ten minutes to take effect."""
    answer_retired(session, failed, *active)
    assert revisions.retire(service(session), failed, TARGET.deployment_id).startswith(said)


def test_what_was_left_goes_on_no_single_read(session: StubbedSession) -> None:
    """kayac/ecspresso#28: a read may not know yet what the service was updated to."""
    ecs = session.answers("ecs")
    answer(session, OLD)
    ecs.add_response("list_task_definitions", {"taskDefinitionArns": [NEW, OLD]})
    described = {"taskDefinitionArn": NEW, "status": "ACTIVE", "registeredAt": LONG_AGO}
    ecs.add_response("describe_task_definition", {"taskDefinition": described, "tags": []})
    ecs.add_response("list_tasks", {"taskArns": []})
    answer(session, NEW)
    ecs.add_response("list_tasks", {"taskArns": []})
    assert revisions.sweep(service(session), "app-staging", NOON) == []


@pytest.mark.parametrize(
    ("reads", "started_by", "why"),
    [
        ([NEW], "", "the service still means it"),
        # The first read was of some seconds ago.
        ([OLD, NEW], TARGET.deployment_id, "the service still means it"),
        ([OLD], "ecs-svc/another", "tasks of it are wanted that another deployment started"),
    ],
)
def test_a_revision_that_is_in_use_is_never_deregistered(
    session: StubbedSession, reads: list[str], started_by: str, why: str
) -> None:
    for live in reads:
        answer(session, live)
        if live == OLD:
            session.answers("ecs").add_response("list_tasks", {"taskArns": ["t1"]})
            task = {"taskDefinitionArn": NEW, "startedBy": started_by}
            session.answers("ecs").add_response("describe_tasks", {"tasks": [task]})
    said = revisions.retire(service(session), NEW, TARGET.deployment_id)
    assert said == f"app-staging:2 stays registered: {why}"


def test_a_refusal_is_told_with_what_to_do(session: StubbedSession) -> None:
    for _ in range(2):
        answer(session, OLD)
        session.answers("ecs").add_response("list_tasks", {"taskArns": []})
    session.answers("ecs").add_client_error("deregister_task_definition", "AccessDeniedException")
    said = revisions.retire(service(session), NEW, TARGET.deployment_id)
    assert "aws ecs deregister-task-definition --task-definition app-staging:2" in said


def left(number: int, served: bool = False, registered: datetime | None = LONG_AGO, status: str = "ACTIVE") -> Revision:
    return replace(revision(number, "A", served=served), registered=registered, status=status)


@pytest.mark.parametrize(
    ("active", "used", "expected"),
    [
        ([left(5), left(4), left(3)], set(), [5, 4]),
        # Only what is newer than what the service means: no stack update would roll to the others.
        ([left(3), left(2)], set(), []),
        # A deployment has it, or a task runs it; it has served; a deploy may be about to use it.
        ([left(5), left(4)], {f"{ARN}5"}, [4]),
        ([left(5, served=True), left(4)], set(), [4]),
        ([left(5, registered=NOON), left(4)], set(), [4]),
        ([left(5, registered=None), left(4)], set(), [4]),
        # Deregistered already, and listed still.
        ([left(5, status="INACTIVE"), left(4)], set(), [4]),
    ],
)
def test_what_deploys_left_that_never_ended(active: list[Revision], used: set[str], expected: list[int]) -> None:
    earlier = NOON - timedelta(minutes=15)
    assert numbers(revisions.left_behind(active, f"{ARN}3", used, earlier)) == expected


def refusal(code: str, operation: str = "UpdateService") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


@pytest.mark.parametrize(
    ("error", "seen_later", "said"),
    [
        # Refused: it is known at once that nothing was taken.
        (refusal("InvalidParameterException"), [], "app-staging:2 was deregistered"),
        # Nothing more can be asked: a later deploy sees to it.
        (refusal("ExpiredTokenException", "ListTasks"), [], "app-staging:2 is still the newest revision (DescribeServ"),
        (refusal("Throttling"), [], "app-staging:2 is still the newest revision (DescribeServices could not describe"),
        # No answer: it may have been taken, and a read may not know that yet.
        (ReadTimeoutError(endpoint_url="ecs"), [OLD, OLD, NEW], "app-staging:2 stays registered: the service still"),
    ],
)
def test_a_deploy_that_fails_before_its_deployment_leaves_no_revision(
    session: StubbedSession, error: Exception, seen_later: list[str], said: str
) -> None:
    for live in seen_later:
        answer(session, live)
        if live == OLD:
            session.answers("ecs").add_response("list_tasks", {"taskArns": []})
    if "(DescribeServ" in said and "could not" not in said:
        session.answers("ecs").add_client_error("describe_services", "ExpiredTokenException")
    elif "could not describe" in said:
        broken = [{"reason": "INTERNAL"}]
        session.answers("ecs").add_response("describe_services", {"services": [], "failures": broken})
    elif not seen_later:
        answer_retired(session, NEW, OLD)
    told = list[str]()
    run = replace(run_on(session, Time().clock), say=told.append)
    with pytest.raises(type(error)), revisions.retired_on_error(NEW, Provenance(), run):
        raise error
    assert [line.startswith(said) for line in told] == [True]


def test_what_has_served_is_not_retired_for_an_error(session: StubbedSession) -> None:
    run = run_on(session)
    with pytest.raises(GitopsError), revisions.retired_on_error(NEW, Provenance(verdict=SUCCEEDED), run):
        raise GitopsError("no deployment")


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


def test_what_was_left_behind_goes_though_it_is_the_newest() -> None:
    plan = revisions.plan(TEN, [], {f"{ARN}8"}, "", 20, [f"{ARN}10", f"{ARN}9", f"{ARN}8"])
    assert numbers(plan.going) == [10, 9]


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
    plan = revisions.plan(TEN, [f"{ARN}{n}" for n in (20, 21, 22)], set(), "", 1)
    ecs = session.answers("ecs")
    # By now it is in use: somebody deployed it since, or the plan's own read was late.
    answer(session, plan.going[-1].arn)
    ecs.add_response("list_tasks", {"taskArns": []})
    for one in plan.going[:-1]:
        ecs.add_response("deregister_task_definition", {}, {"taskDefinition": one.arn})
    arns = [*(one.arn for one in plan.going[:-1]), *plan.inactive]
    failure = {"arn": arns[0], "reason": "IN_USE"}
    ecs.add_response("delete_task_definitions", {"failures": [failure]}, {"taskDefinitions": arns[:10]})
    ecs.add_response("delete_task_definitions", {"failures": []}, {"taskDefinitions": arns[10:]})
    said = ["app-staging:1: in use by now", "app-staging:9: IN_USE"]
    assert revisions.remove(service(session), "app-staging", plan) == said


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
