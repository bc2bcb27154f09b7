"""What the templates grant, what of it was used, how that reads, and the command that asks a running rehearsal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks import templates
from rehearsal import daemons
from rehearsal.emulator import USED_PERMISSIONS
from rehearsal.permissions import Compared, Permission, Role, Use, compare, data, permissions, roles, text
from tests.conftest import ROOT
from tests.emulators import free_port

EVERY = environments.load_all(Checkout(ROOT)).values()
STAGING = next(iter(environments.deployed(Checkout(ROOT)).values()))


def template(*statements: dict[str, Any], reasons: Any = (), principal: Any = None, name: str = "") -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": principal or {"Federated": "x"}, "Action": "sts:AssumeRole"}
    role = {
        "Type": "AWS::IAM::Role",
        "Metadata": {"Unrehearsed": list(reasons)},
        "Properties": {
            "RoleName": name or "${Project}-${Environment}-ship",
            "AssumeRolePolicyDocument": {"Statement": [trust]},
            "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}],
        },
    }
    return {"Resources": {"Ship": role, "Other": {"Type": "AWS::S3::Bucket"}}}


def allow(sid: str, *actions: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions[0] if len(actions) == 1 else list(actions)}


def one(document: dict[str, Any]) -> Role:
    [found] = roles(document, "ships", EVERY)
    return found


def test_each_action_of_each_statement_is_a_permission_and_a_denial_is_none() -> None:
    denies = {"Sid": "Never", "Effect": "Deny", "Action": "kms:Decrypt"}
    found = one(template(allow("Read", "ecs:List*", "ecs:DescribeTasks"), denies, allow("Roll", "ecs:UpdateService")))
    assert [str(permission) for permission in found.permissions] == [
        "Read/ecs:DescribeTasks", "Read/ecs:List*", "Roll/ecs:UpdateService",
    ]  # fmt: skip


def test_a_role_has_a_name_in_every_environment_and_for_every_service() -> None:
    assert one(template(allow("A", "ecs:ListTasks"))).names == {
        f"{one.project}-{one.environment}-ship" for one in EVERY
    }
    found = one(template(allow("A", "ecs:ListTasks"), name="${Service}-${Environment}-execution"))
    assert found.name == "execution"
    assert found.names == {f"{service}-{e.environment}-execution" for e in EVERY for service in e.services}


def test_a_role_of_a_service_is_told_from_a_jobs_and_a_reason_belongs_to_its_permission() -> None:
    because = {"Permissions": ["A/ecs:ListTasks"], "Because": "only\n on Sundays"}
    found = one(template(allow("A", "ecs:ListTasks"), reasons=[because]))
    assert found.reasons == {Permission("A", "ecs:ListTasks"): "only on Sundays"}
    assert found.service == ""
    assert one(template(allow("A", "x:Y"), principal={"Service": "ecs.amazonaws.com"})).service == "ecs.amazonaws.com"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (template(allow("", "ecs:ListTasks")), "Ship has a statement without a Sid of its own"),
        (template(allow("A", "ecs:ListTasks"), allow("A", "ecs:RunTask")), "without a Sid of its own: A"),
        (
            template(allow("A", "ecs:ListTasks"), reasons=[{"Permissions": ["A/ecs:RunTask"], "Because": "x"}]),
            "gives a reason for A/ecs:RunTask, which it does not grant",
        ),
        (template(allow("A", "ecs:ListTasks"), name="ship"), "not named for its environment"),
    ],
)
def test_what_no_report_could_tell_apart_is_refused(document: dict[str, Any], said: str) -> None:
    with pytest.raises(GitopsError, match=said):
        one(document)


def test_the_committed_templates_are_read_whole() -> None:
    found = {
        role.name: role
        for name in templates.names(Checkout(ROOT))
        for role in roles(templates.load(Checkout(ROOT), name).content, name, EVERY)
    }
    assert {name for name, role in found.items() if not role.service} == {
        "plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill",
    }  # fmt: skip
    assert {name for name, role in found.items() if role.service} == {"cloudformation", "flow-log", "execution", "task"}
    assert f"{STAGING.project}-{STAGING.environment}-deploy" in found["deploy"].names
    assert Permission("RollServices", "ecs:UpdateService") in found["deploy"].permissions
    assert found["task"].permissions == ()


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
    [tasks] = compare([role(ROLL, service="ecs-tasks.amazonaws.com")], [])
    assert (tasks.unused, tasks.unproven) == ((ROLL,), "")


COMPARED: list[Compared] = compare(
    [
        role(ROLL, LIST, STOP, reasons={STOP: "only where a deploy is stopped"}),
        role(ROLL, name="idle"),
        role(name="task"),
        role(ROLL, LIST, name="cloudformation", service="cloudformation.amazonaws.com"),
    ],
    [use("Roll", ROLL.action)],
)


def test_the_report_names_what_is_unused_and_why() -> None:
    assert text(COMPARED).splitlines()[1:] == [
        "ship: 1 of 3",
        "    Read  ecs:List*                  not in this run",
        "    Roll  ecs:StopServiceDeployment  only where a deploy is stopped",
        "idle: 0 of 1, no step worked under it",
        "task: grants nothing",
        "cloudformation: 2, not proven here: each call is held against it, and none counted",
    ]


def test_a_program_reads_the_same() -> None:
    ship, idle, task, cloudformation = data(COMPARED)
    assert ship["used"] == [{"sid": "Roll", "action": "ecs:UpdateService"}]
    assert ship["unused"] == [
        {"sid": "Read", "action": "ecs:List*", "reason": None},
        {"sid": "Roll", "action": "ecs:StopServiceDeployment", "reason": "only where a deploy is stopped"},
    ]
    assert (idle["granted"], idle["used"], task["granted"]) == (1, [], 0)
    assert (cloudformation["granted"], cloudformation["unused"]) == (2, [])
    assert cloudformation["unproven"] == "each call is held against it, and none counted"


USED = use("StopTasks", "ecs:StopTask", by=f"{STAGING.project}-{STAGING.environment}-drill")


Asked = Callable[..., str]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == USED_PERMISSIONS else 404)
        self.end_headers()
        self.wfile.write(msgspec.json.encode([USED]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Stay silent."""


@pytest.fixture
def emulator() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """What is said of the templates and the emulator at a port, None for no rehearsal."""
    (tmp_path / "infra").symlink_to(ROOT / "infra")

    def ask(port: int | None, *, as_json: bool) -> str:
        if port is not None:
            daemons.save(Checkout(tmp_path), daemons.State(port=port, runtime="processes"))
        said: list[str] = []
        assert permissions(Checkout(tmp_path), said.append, as_json=as_json) == 0
        return "\n".join(said)

    return ask


def test_what_the_emulator_saw_is_held_against_the_templates(asked: Asked, emulator: int) -> None:
    roles = {one["role"]: one for one in json.loads(asked(emulator, as_json=True))}
    assert roles["drill"]["used"] == [{"sid": "StopTasks", "action": "ecs:StopTask"}]
    assert len(roles["drill"]["unused"]) == roles["drill"]["granted"] - 1
    lines = asked(emulator, as_json=False).splitlines()
    assert f"drill: 1 of {roles['drill']['granted']}" in lines
    assert any(line.split()[:2] == ["StopTasks", "ecs:DescribeTasks"] for line in lines)
    assert any(line.startswith("cloudformation: ") and "not proven here" in line for line in lines)


def test_without_an_emulator_there_is_nothing_to_report(asked: Asked) -> None:
    with pytest.raises(GitopsError, match="no rehearsal runs in this clone"):
        asked(None, as_json=False)
    with pytest.raises(GitopsError, match="does not say what was used"):
        asked(free_port(), as_json=True)
