"""A service against git, decided from plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops.deploy.revisions import Provenance
from gitops.drift import services
from gitops.drift.services import Reviewed, Serving
from tests.gitops.deploy.described import old, ours, seen

COMMIT = "c" * 40
# Its tags were copied from revision 1, as the console does.
ORIGIN = Provenance(
    project="demo", environment="staging", service="app", commit=COMMIT, verdict="succeeded", registered_as="1:another"
)
APP = "containerDefinitions[app]"
CITY, PARIS = ([{"name": "CITY", "value": value}] for value in ("London", "Paris"))
TOKEN = {"name": "ADMIN_TOKEN", "value": "hunter2"}
GIT: dict[str, Any] = {
    "family": "app-staging",
    "tags": [{"key": "Project", "value": "demo"}, {"key": "Team", "value": "sky"}],
    "containerDefinitions": [{"name": "app", "image": "reg/app:c@sha256:1", "environment": CITY}],
}
LIVE = {**GIT, "tags": [*GIT["tags"], *ORIGIN.tags()], "revision": 7, "status": "ACTIVE"}
DONE = replace(ours, state="COMPLETED", running=2)
SERVING = Serving(seen(DONE), "app-staging:2", LIVE, ORIGIN, "app-staging:2")
REVIEWED = Reviewed(GIT, on_branch=True, bounds=(1, 4))


def with_container(**changed: Any) -> dict[str, Any]:
    return {**LIVE, "containerDefinitions": [{**LIVE["containerDefinitions"][0], **changed}]}


def test_what_was_reviewed_at_its_commit_is_no_drift() -> None:
    assert services.compare(SERVING, REVIEWED) == []
    said = services.about(SERVING, REVIEWED, "Show the wind", [])
    assert said == 'app-staging:2 serves cccccccccccc "Show the wind", as it was reviewed'


@pytest.mark.parametrize(
    ("definition", "path", "expected", "actual"),
    [
        (with_container(image="reg/app:d@sha256:2"), f"{APP}.image", "reg/app:c@sha256:1", "reg/app:d@sha256:2"),
        (with_container(environment=PARIS), f"{APP}.environment[CITY].value", "London", "Paris"),
        (with_container(environment=[*CITY, TOKEN]), f"{APP}.environment[ADMIN_TOKEN]", "", "•••"),
        ({**LIVE, "tags": ORIGIN.tags()}, "tags", '[{"key": "Team", "value": "sky"}]', ""),
    ],
)
def test_a_revision_that_was_edited_by_hand_is_drift(
    definition: dict[str, Any], path: str, expected: str, actual: str
) -> None:
    serving = replace(SERVING, definition=definition)
    found = services.compare(serving, REVIEWED)
    assert [(one.level, one.what, one.expected, one.actual) for one in found] == [
        ("drift", f"task definition app-staging:2 was edited by hand: {path}", expected, actual)
    ]
    assert found[0].next.startswith("dispatch Service")
    assert "as it was reviewed" not in services.about(serving, REVIEWED, "", found)


@pytest.mark.parametrize(
    ("registered_as", "expected"),
    [
        # ECS's own default of a volume, as it was seen: CircleCI-Public/aws-ecs-orb#105.
        ("2:whatever", []),
        ("", [("unproven", "is not what was reviewed, unless ECS filled it in")]),
        ("1:another", [("drift", "was edited by hand")]),
    ],
)
def test_what_ecs_filled_in_is_no_drift(registered_as: str, expected: list[tuple[str, str]]) -> None:
    efs = {"fileSystemId": "fs-1"}
    git, live = (
        {**one, "volumes": [{"name": "data", "efsVolumeConfiguration": {**efs, **extra}}]}
        for one, extra in ((GIT, {}), (LIVE, {"rootDirectory": "/"}))
    )
    serving = replace(SERVING, definition=live, origin=replace(ORIGIN, registered_as=registered_as))
    path = "volumes[data].efsVolumeConfiguration.rootDirectory"
    assert told(serving, replace(REVIEWED, definition=git)) == [
        (level, f"task definition app-staging:2 {words}: {path}") for level, words in expected
    ]


def told(serving: Serving = SERVING, reviewed: Reviewed = REVIEWED) -> list[tuple[str, str]]:
    return [(one.level, one.what) for one in services.compare(serving, reviewed)]


def test_a_revision_without_a_commit_was_registered_by_hand() -> None:
    serving = replace(SERVING, origin=Provenance())
    assert told(serving, Reviewed(None)) == [
        ("drift", "task definition app-staging:2 was registered by hand: it names no commit")
    ]
    assert services.about(serving, Reviewed(None), "", []) == "app-staging:2 serves"


@pytest.mark.parametrize(
    ("reviewed", "level", "what"),
    [
        (Reviewed(None), "unproven", "commit cccccccccccc is not in this clone"),
        (replace(REVIEWED, on_branch=False), "drift", "serves a commit that the branch does not have"),
        (
            replace(REVIEWED, definition=None, problem="no image any more"),
            "unproven",
            "its task definition could not be compared: no image any more",
        ),
    ],
)
def test_a_commit_that_cannot_be_compared(reviewed: Reviewed, level: str, what: str) -> None:
    assert told(reviewed=reviewed) == [(level, what)]


def test_commits_that_wait_are_said_and_are_no_drift() -> None:
    commits = tuple(f"{number} Change {number}" for number in range(7))
    [(level, what)] = told(reviewed=replace(REVIEWED, behind=commits))
    assert level == "note"
    assert what.startswith("behind the branch by 7 commits that touch it: 0 Change 0; 1 Change 1")
    assert what.endswith("; …")
    assert told(reviewed=replace(REVIEWED, behind=commits[:1]))[0][1] == (
        "behind the branch by 1 commit that touches it: 0 Change 0"
    )


@pytest.mark.parametrize(
    ("desired", "bounds", "drifts"),
    [(1, (1, 4), False), (4, (1, 4), False), (0, (1, 4), True), (5, (1, 4), True), (9, None, False)],
)
def test_the_desired_count_stays_within_scaling(desired: int, bounds: tuple[int, int] | None, drifts: bool) -> None:
    serving = replace(SERVING, observation=seen(DONE, desired=desired))
    found = services.compare(serving, replace(REVIEWED, bounds=bounds))
    assert [(one.what, one.expected, one.actual) for one in found] == (
        [("desired count", "1 to 4", str(desired))] if drifts else []
    )


def test_a_newer_revision_that_does_not_serve_waits_for_the_next_change_of_the_stack() -> None:
    [one] = services.compare(replace(SERVING, newest="app-staging:3"), REVIEWED)
    assert (one.level, one.expected, one.actual) == ("drift", "app-staging:2", "app-staging:3")
    assert "deregister-task-definition --task-definition app-staging:3" in one.next


def test_a_serving_revision_that_is_deregistered_is_registered_again_and_no_older_one_removed() -> None:
    [one] = services.compare(replace(SERVING, newest="app-staging:1"), REVIEWED)
    assert (one.level, one.expected, one.actual) == ("drift", "app-staging:2", "app-staging:1")
    assert one.what.startswith("the revision that serves is deregistered")
    assert "deregister" not in one.next


def test_a_deployment_under_way_is_said() -> None:
    assert told(replace(SERVING, observation=seen(ours, old))) == [
        ("note", "a deployment is under way (ecs-svc/new, rolling out): this is what it works towards")
    ]


def test_a_service_that_is_not_there_is_drift() -> None:
    assert services.missing("staging").level == "drift"
