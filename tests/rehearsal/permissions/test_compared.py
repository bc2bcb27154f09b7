"""Granted minus used, and how it reads."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rehearsal.permissions import report
from rehearsal.permissions.compared import Compared, Use, compare
from rehearsal.permissions.granted import Permission, Role

ROLL, LIST, STOP = (
    Permission("Roll", "ecs:UpdateService"),
    Permission("Read", "ecs:List*"),
    Permission("Roll", "ecs:StopServiceDeployment"),
)


def role(
    *permissions: Permission, name: str = "ship", service: str = "", reasons: Mapping[Permission, str] | None = None
) -> Role:
    return Role(name, frozenset({f"p-staging-{name}", f"p-production-{name}"}), service, permissions, reasons or {})


def use(sid: str, action: str, by: str = "p-staging-ship") -> Use:
    return Use("111111111111", by, sid, action, 1, ["*"])


@pytest.mark.parametrize(
    ("uses", "used"),
    [
        ([], ()),
        ([use("Roll", "ecs:UpdateService")], (ROLL,)),
        # Any environment's role will do.
        ([use("Roll", "ecs:UpdateService", by="p-production-ship")], (ROLL,)),
        ([use("Roll", "ecs:UpdateService", by="p-production-sink")], ()),
        # The statement that allowed it is used, and not another that would allow it, too.
        ([use("Read", "ecs:UpdateService")], ()),
        # A wildcard is used by what it covers; actions know no case.
        ([use("Read", "ecs:ListTasks")], (LIST,)),
        ([use("Read", "ECS:listtasks")], (LIST,)),
        ([use("Read", "ecs:DescribeTasks")], ()),
    ],
)
def test_a_permission_is_used_when_its_statement_allowed_a_call(uses: list[Use], used: tuple[Permission, ...]) -> None:
    [found] = compare([role(ROLL, LIST)], uses)
    assert found.used == used
    assert set(found.unused) == {ROLL, LIST} - set(used)


def test_a_reason_explains_what_is_unused_and_is_needless_for_what_is_used() -> None:
    [found] = compare([role(ROLL, LIST, STOP, reasons={STOP: "failures", ROLL: "x"})], [use("Roll", ROLL.action)])
    assert found.unexplained == (LIST,)
    assert found.needless == (ROLL,)


def test_a_role_that_nobody_takes_here_is_not_proven_either_way() -> None:
    [found] = compare([role(ROLL, name="cloudformation", service="cloudformation.amazonaws.com")], [])
    assert (found.used, found.unproven) == ((), "the emulator's CloudFormation makes resources in its own name")
    [tasks] = compare([role(ROLL, service="ecs-tasks.amazonaws.com")], [])
    assert (tasks.unused, tasks.unproven) == ((ROLL,), "")


COMPARED: list[Compared] = [
    *compare([role(ROLL, LIST, STOP, reasons={STOP: "only where a deploy is stopped"})], [use("Roll", ROLL.action)]),
    *compare([role(ROLL, name="idle"), role(name="task")], []),
    *compare([role(ROLL, LIST, name="cloudformation", service="cloudformation.amazonaws.com")], []),
]


def test_the_report_names_what_is_unused_and_why() -> None:
    assert report.text(COMPARED).splitlines()[1:] == [
        "ship: 1 of 3",
        "    Read  ecs:List*                  not in this run",
        "    Roll  ecs:StopServiceDeployment  only where a deploy is stopped",
        "idle: 0 of 1, no step worked under it",
        "task: grants nothing",
        "cloudformation: 2, not proven here: the emulator's CloudFormation makes resources in its own name",
    ]


def test_a_program_reads_the_same() -> None:
    ship, idle, task, cloudformation = report.data(COMPARED)
    assert ship["used"] == [{"sid": "Roll", "action": "ecs:UpdateService"}]
    assert ship["unused"] == [
        {"sid": "Read", "action": "ecs:List*", "reason": None},
        {"sid": "Roll", "action": "ecs:StopServiceDeployment", "reason": "only where a deploy is stopped"},
    ]
    assert (idle["granted"], idle["used"], task["granted"]) == (1, [], 0)
    assert (cloudformation["granted"], cloudformation["unused"]) == (2, [])
    assert cloudformation["unproven"]
