"""What the committed templates grant, and how a template's roles are read."""

from __future__ import annotations

from typing import Any

import pytest

from gitops import environments
from gitops.errors import GitopsError
from gitops.stacks import templates
from rehearsal.permissions.granted import Permission, Role, roles
from tests.conftest import ROOT

EVERY = environments.load_all(ROOT).values()


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
        f"fairweather-{name}-ship" for name in environments.names(ROOT)
    }
    found = one(template(allow("A", "ecs:ListTasks"), name="${Service}-${Environment}-execution"))
    assert found.name == "execution"
    assert found.names == {f"{service}-{e.environment}-execution" for e in EVERY for service in e.services}


def test_a_role_of_a_service_is_told_from_a_jobs() -> None:
    assert one(template(allow("A", "ecs:ListTasks"))).service == ""
    assert one(template(allow("A", "x:Y"), principal={"Service": "ecs.amazonaws.com"})).service == "ecs.amazonaws.com"


def test_a_reason_belongs_to_its_permission() -> None:
    because = {"Permissions": ["A/ecs:ListTasks"], "Because": "only\n on Sundays"}
    found = one(template(allow("A", "ecs:ListTasks"), reasons=[because]))
    assert found.reasons == {Permission("A", "ecs:ListTasks"): "only on Sundays"}


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
        for file in (ROOT / templates.FOLDER).glob("*.yaml")
        for role in roles(templates.document(templates.load(ROOT, file.stem)), file.stem, EVERY)
    }
    assert {name for name, role in found.items() if not role.service} == {
        "plan", "build", "deploy", "infrastructure", "teardown", "drift", "drill",
    }  # fmt: skip
    assert {name for name, role in found.items() if role.service} == {"cloudformation", "flow-log", "execution", "task"}
    assert "fairweather-production-deploy" in found["deploy"].names
    assert Permission("RollServices", "ecs:UpdateService") in found["deploy"].permissions
    assert found["task"].permissions == ()
