"""What stopped a task: the container that failed, whether its revision did it, and whether another try may heal it."""

from __future__ import annotations

from typing import Any

import pytest

from gitops import ecs_answers
from gitops.deploy import causes
from gitops.ecs_answers import Task
from tests.gitops.deploy.answers import SEEN, Seen, container, definition, ends, starts, task
from tests.gitops.deploy.described import TARGET, described_task, stopped

MOMENT = "CannotPullContainerError: toomanyrequests: Rate exceeded"
MISSING = "CannotPullContainerError: manifest for shop:1 not found"


def test_so_many_answers_were_seen() -> None:
    assert sum(len(found) for found in SEEN.values()) >= 104


@pytest.mark.parametrize("kind", ["certain", "may heal"])
def test_a_start_that_failed(kind: str) -> None:
    for seen in starts(kind):
        said, failed, document = seen.right["cause"], seen.task, seen.definition
        assert causes.cause(failed, document) == said
        assert causes.never_heals([failed, failed], document, 2) == (said if kind == "certain" else None), seen.where
        cannot_start = "CannotStartContainerError" in said
        assert causes.of_revision(failed, document) is (kind == "certain" or cannot_start), seen.where
        assert causes.is_failure(failed)
        assert causes.ended_by_itself(failed, document) == []


@pytest.mark.parametrize("seen", ends("ended"), ids=lambda seen: seen.where)
def test_what_the_revision_ended(seen: Seen) -> None:
    assert causes.cause(seen.task, seen.definition) == seen.right["cause"]
    assert causes.of_revision(seen.task, seen.definition)
    assert causes.never_heals([seen.task, seen.task], seen.definition) is None
    assert causes.ended_by_itself(seen.task, seen.definition) == (seen.right["logs"] or "").split()


@pytest.mark.parametrize("seen", ends("not of the revision"), ids=lambda seen: seen.where)
def test_what_something_else_ended(seen: Seen) -> None:
    assert not causes.of_revision(seen.task, seen.definition)
    assert causes.never_heals([seen.task, seen.task], seen.definition) is None
    assert causes.cause(seen.task, seen.definition) == seen.right.get("cause", seen.right["reason"])


@pytest.mark.parametrize(
    ("ended", "has", "name"),
    [
        # A container that is not essential cannot be the cause, and neither may stand anywhere.
        ({"agent": 2, "shop": 3}, "agent? shop", "shop"),
        ({"agent": [None, MISSING], "shop": 0}, "shop", "shop"),
        # It can where an essential one waits for it.
        ({"migrate": 1, "shop": None}, "migrate? shop", "migrate"),
        ({"fetch": 1, "migrate": None, "shop": None}, "migrate? shop fetch?", "fetch"),
        # Of the essential ones: out of memory, then a code of its own, then what only followed from the stop.
        ({"shop": 1, "side": [137, "OutOfMemoryError: Container killed"]}, "shop side", "side"),
        ({"shop": 143, "side": 1}, "shop side", "side"),
        ({"shop": 137, "side": [None, MISSING]}, "shop side", "side"),
        ({"agent": 0, "shop": 137}, "agent shop", "agent"),
        ({"agent": 0, "shop": 0}, "agent shop", "shop"),
        ({"agent": 143, "shop": 137}, "agent shop", "shop"),
        # Nobody declared Service Connect's proxy, which is essential: it may end a task.
        ({"ecs-service-connect-x": 1, "shop": 143}, "shop", ""),
        ({"ecs-service-connect-x": 143, "shop": 1}, "shop", "shop"),
        ({"ecs-service-connect-x": 1, "shop": 1}, "shop", "shop"),
        # Where nothing is declared each of them may be.
        ({"agent": 2}, "", "agent"),
        ({}, "shop", ""),
    ],
)
def test_the_culprit_is_named_and_did_not_just_obey(ended: dict[str, Any], has: str, name: str) -> None:
    document = definition(has, shop="migrate", migrate="fetch")
    assert causes.culprit(task(**ended), document).name == name
    assert causes.culprit(task(**dict(reversed(ended.items()))), document).name == name
    assert causes.of_revision(task(**ended), document) is bool(name)


def test_what_the_service_waits_for_may_have_failed() -> None:
    waiting = task("TaskFailedToStart", migrate=1, shop=None)
    document = definition("migrate? shop", shop="migrate")
    assert causes.of_revision(waiting, document)
    assert causes.cause(waiting, document) == "migrate exited with code 1"
    document["containerDefinitions"][1]["dependsOn"][0]["condition"] = "START"
    assert not causes.of_revision(waiting, document)
    assert not causes.of_revision(waiting, definition("migrate? shop"))


def test_what_ecs_says_of_the_task_counts_as_well() -> None:
    killed = task(reason="OutOfMemoryError: Container killed", agent=0, shop=137)
    assert causes.cause(killed, definition("agent shop")) == "shop ran out of memory (exit code 137)"
    # It has no stop code while it stops.
    assert causes.of_revision(task("", "Task failed ELB health checks in (target-group x)", shop=0), definition())


def test_the_last_lines_are_of_all_that_ended_by_themselves() -> None:
    assert causes.ended_by_itself(task(agent=2, shop=3, proxy=143, other=4), definition("agent? proxy shop")) == [
        "shop",
        "agent",
    ]


@pytest.mark.parametrize(
    ("failed", "desired", "certain"),
    [
        ([], 1, False),
        ([MISSING], 1, True),
        # One of two may have met it alone.
        ([MISSING], 2, False),
        ([MOMENT, MISSING], 2, False),
        ([MISSING, MOMENT, MISSING], 2, True),
        ([MOMENT, MOMENT, MOMENT], 2, False),
        # What names say tells nothing.
        ([MISSING.replace("shop:1", "registry.example/timeout-proxy:1")], 1, True),
        (["CannotPullContainerError: failed to resolve ref registry.example/access denied/shop:403"], 1, False),
    ],
)
def test_nothing_is_stopped_for_what_one_of_several_tasks_met(failed: list[str], desired: int, certain: bool) -> None:
    tasks = [task("TaskFailedToStart", reason, shop=None) for reason in failed]
    assert causes.never_heals(tasks, definition(), desired) == (failed[-1] if certain else None)


@pytest.mark.parametrize(
    "ran",
    [
        # An agent that cannot be pulled, or that nobody declared, stops no deployment.
        task("TaskFailedToStart", MISSING, agent=[None, MISSING], shop=None),
        task("ServiceSchedulerInitiated", "Task failed ELB health checks", agent=[None, MISSING], shop=0),
        # The code called AWS and was refused: it ran, and its own exit code says so.
        task(shop=[3, "AccessDenied"]),
        task("UserInitiated", "stopped: AccessDenied", shop=None),
    ],
)
def test_what_an_essential_container_did_not_meet_is_left_to_ecs(ran: Task) -> None:
    assert causes.never_heals([ran, ran], definition("agent? shop")) is None
    assert causes.never_heals([ran, ran], definition()) is None


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (task("TaskFailedToStart", " ", shop=None), " "),
        (task("Other", shop=None), "Other"),
        (task(""), "ECS gives no reason"),
    ],
)
def test_the_cause_is_the_most_exact_one_there_is(ended: Task, said: str) -> None:
    assert causes.cause(ended, definition()) == said


def test_tasks_that_stopped_alike_are_one_group_what_failed_before_the_larger() -> None:
    def unhealthy(number: int, ended: int | None) -> Task:
        words = described_task(f"t{number}", stopCode="ServiceSchedulerInitiated", group="service:shop")
        reason = f"(task t{number}) Task failed ELB health checks"
        return ecs_answers.task(words | {"stoppedReason": reason, "containers": [container("shop", ended)]})

    # How unhealthy tasks obeyed their end does not part them.
    tasks = [unhealthy(1, 0), unhealthy(2, 137), unhealthy(3, None), task(shop=1)]
    # Nor does a task's id in what is said of its container.
    tasks += [stopped(f"t{number}", containers=[container("app", [1, f"task t{number}"])]) for number in (4, 5)]
    gone = [task("SpotInterruption", "Your Spot Task was interrupted.", shop=143)] * 9
    groups = causes.group([*gone, *tasks], definition())
    assert [(one.count, one.failed) for one in groups] == [(3, True), (2, True), (1, True), (9, False)]
    assert groups[2].cause == "shop exited with code 1"
    assert tasks[0].has_failed(TARGET.deployment_id)
