"""Whether what a task definition refers to exists and fits: roles, secrets, log groups, cluster, target groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import EndpointConnectionError

from gitops.deploy import references
from gitops.deploy.references import TASKS, Failure, Finding
from gitops.ecs import Ecs
from gitops.ecs_answers import Balanced
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.taskdefs.render import IMAGE
from tests.gitops.deploy.described import NOON, StubbedSession, service


def problems(found: Sequence[Finding]) -> list[str]:
    return [str(one).partition(" → ")[0] for one in found]


def fixes(found: Sequence[Finding], *, coming: bool = False) -> set[str]:
    return {one.fix for one in found if isinstance(one, Failure) and (one.coming or not coming)}


def test_one_failure_is_one_line_and_several_are_a_list() -> None:
    references.require([], "app")
    with pytest.raises(GitopsError) as one:
        references.require([Failure("a is missing", "make a")], "app cannot be registered")
    assert str(one.value) == "app cannot be registered: a is missing → make a"
    with pytest.raises(GitopsError) as two:
        references.require([Failure("a is missing", "make a"), Failure("b is missing", "make b")], "app")
    assert str(two.value).splitlines() == [
        "app: 2 things are missing or do not fit",
        "  a is missing → make a",
        "  b is missing → make b",
    ]


EXECUTION, TASK = (f"arn:aws:iam::111111111111:role/app-staging-{kind}" for kind in ("execution", "task"))
ELSEWHERE = EXECUTION.replace("1" * 12, "2" * 12)
APPLY = "gitops apply staging --stack service-app"
BOTH = {"executionRoleArn": EXECUTION, "taskRoleArn": TASK}


def trust(principal: Any, action: Any = "sts:AssumeRole", effect: str = "Allow") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": principal, "Action": action}]}


OURS = trust({"Service": TASKS})


def answer(session: StubbedSession, arn: str, policy: dict[str, Any]) -> None:
    role = {
        "Path": "/",
        "RoleName": arn.rpartition("/")[2],
        "RoleId": "AROA1234567890123456",
        "Arn": arn,
        "CreateDate": NOON,
        # As IAM sends it; botocore decodes it for its caller.
        "AssumeRolePolicyDocument": quote(json.dumps(policy)),
    }
    session.answers("iam").add_response("get_role", {"Role": role})


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (OURS, True),
        (trust({"Service": ["ec2.amazonaws.com", TASKS]}, ["sts:AssumeRole", "sts:TagSession"]), True),
        ({"Statement": OURS["Statement"][0]}, True),
        (trust({"Service": "ec2.amazonaws.com"}), False),
        (trust({"Service": TASKS}, "sts:TagSession"), False),
        (trust({"Service": TASKS}, effect="Deny"), False),
        (trust({"AWS": TASKS}), False),
        (trust("*"), False),
        ({}, False),
    ],
)
def test_who_is_trusted(policy: dict[str, Any], expected: bool) -> None:
    assert references.trusts(policy, TASKS) is expected


@pytest.mark.parametrize(
    ("named", "answers", "expected"),
    [
        (BOTH, [(EXECUTION, OURS), (TASK, OURS)], []),
        (
            BOTH,
            [None, None],
            [
                "the execution role app-staging-execution does not exist",
                "the task role app-staging-task does not exist",
            ],
        ),
        (
            {"executionRoleArn": EXECUTION},
            [(EXECUTION, trust({"Service": "ec2.amazonaws.com"}))],
            [f"the execution role app-staging-execution does not trust {TASKS}"],
        ),
        # A role of another account is not the one of that name.
        (
            {"executionRoleArn": ELSEWHERE},
            [(EXECUTION, OURS)],
            [f"the execution role {ELSEWHERE} does not exist: app-staging-execution is {EXECUTION}"],
        ),
        # Fargate needs an execution role.
        ({}, [], ["the task definition names no execution role"]),
    ],
)
def test_each_role_is_there_and_trusts_ecs(
    session: StubbedSession,
    staging: Environment,
    named: dict[str, str],
    answers: list[tuple[str, dict[str, Any]] | None],
    expected: list[str],
) -> None:
    for one in answers:
        if one is None:
            session.answers("iam").add_client_error("get_role", "NoSuchEntity")
        else:
            answer(session, *one)
    found = references.roles(session.client("iam"), named, "app", staging)
    assert problems(found) == expected
    assert fixes(found, coming=True) <= {APPLY}


GROUP = {
    "TargetGroupName": "app",
    "TargetType": "ip",
    "Port": 8080,
    "HealthCheckPort": "traffic-port",
    "HealthCheckPath": "/health",
}
ENTRY = {"containerName": "app", "containerPort": 8080, "targetGroupArn": "arn:tg"}
BALANCED = Balanced("arn:tg", "app", 8080)
ROUTES = {"/", "/health"}


def task_definition(**changed: Any) -> dict[str, Any]:
    container = {"name": "app", "portMappings": [{"containerPort": 8080}], **changed}
    return {"networkMode": "awsvpc", "containerDefinitions": [container]}


def awslogs(group: str, **options: str) -> dict[str, Any]:
    return {"logDriver": "awslogs", "options": {"awslogs-group": group, **options}}


def test_only_groups_that_awslogs_does_not_make_have_to_be_there() -> None:
    containers = [
        {"logConfiguration": awslogs("one")},
        {"logConfiguration": awslogs("one")},
        {"logConfiguration": awslogs("two", **{"awslogs-region": "us-east-1"})},
        {"logConfiguration": awslogs("made", **{"awslogs-create-group": "true"})},
        {"logConfiguration": {"logDriver": "splunk", "options": {"awslogs-group": "x"}}},
        {},
    ]
    found = references.wanted_log_groups({"containerDefinitions": containers}, "eu-west-2")
    assert found == [("eu-west-2", "one"), ("us-east-1", "two")]


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        (["app-staging-logs"], []),
        ([], ["there is no log group app-staging-logs in eu-west-2"]),
        # The look-up is by prefix, and a longer name is another group.
        (["app-staging-logs-old"], ["there is no log group app-staging-logs in eu-west-2"]),
    ],
)
def test_the_log_group_exists(
    session: StubbedSession, staging: Environment, existing: list[str], expected: list[str]
) -> None:
    answer = {"logGroups": [{"logGroupName": name} for name in existing]}
    wanted_call = {"logGroupNamePrefix": "app-staging-logs"}
    session.answers("logs").add_response("describe_log_groups", answer, wanted_call)
    with_logs = task_definition(logConfiguration=awslogs("app-staging-logs"))
    found = references.log_groups(lambda _: session.client("logs"), with_logs, "app", staging)
    assert problems(found) == expected
    assert fixes(found) <= {APPLY}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([{"status": "ACTIVE"}], []),
        ([{"status": "INACTIVE"}], ["the cluster demo-staging is INACTIVE"]),
        ([], ["there is no cluster demo-staging"]),
    ],
)
def test_the_cluster_is_active(
    session: StubbedSession, staging: Environment, answer: list[dict[str, str]], expected: list[str]
) -> None:
    session.answers("ecs").add_response("describe_clusters", {"clusters": answer}, {"clusters": ["demo-staging"]})
    found = references.cluster(Ecs(session, staging.cluster), staging)  # type: ignore[arg-type]
    assert problems(found) == expected
    assert fixes(found) <= {"gitops apply staging --stack platform"}


@pytest.mark.parametrize(
    ("changed", "routes", "problem"),
    [
        ({}, ROUTES, []),
        ({"HealthCheckPort": "8080"}, ROUTES, []),
        ({"HealthCheckPath": "/health?deep=1"}, ROUTES, []),
        # Routes that are not known are not asked for.
        ({"HealthCheckPath": "/other"}, set(), []),
        ({"TargetType": "instance"}, ROUTES, ["registers targets of type instance, and awsvpc tasks need ip"]),
        # Its own port is only the default: ECS registers a target with the container's.
        ({"Port": 80}, ROUTES, []),
        ({"HealthCheckPort": "9901"}, ROUTES, []),
        ({"HealthCheckPort": "9000"}, ROUTES, ["checks port 9000, which no container opens: the balanced one is 8080"]),
        ({"HealthCheckPath": "/healthz"}, ROUTES, ["asks /healthz, which the commit does not answer"]),
    ],
)
def test_the_target_group_fits(changed: dict[str, Any], routes: set[str], problem: list[str]) -> None:
    document = task_definition(image=IMAGE)
    document["containerDefinitions"].append({"name": "admin", "portMappings": [{"containerPort": 9901}]})
    found = references.group_failures({**GROUP, **changed}, BALANCED, document, routes, APPLY)
    assert problems(found) == [f"the target group app {words}" for words in problem]
    assert all(APPLY in fix for fix in fixes(found))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, []),
        ({"name": "web"}, ["the service balances a container app, and the task definition has web"]),
        ({"portMappings": [{"containerPort": 9000}]}, ["the service balances port 8080 of app, which opens 9000"]),
        ({"portMappings": []}, ["the service balances port 8080 of app, which opens none"]),
    ],
)
def test_the_task_definition_has_what_the_service_balances(changed: dict[str, Any], problem: list[str]) -> None:
    assert problems(references.container_failures(BALANCED, task_definition(**changed))) == problem


SERVED = {"status": "ACTIVE", "loadBalancers": [ENTRY]}


@pytest.mark.parametrize(
    ("services", "group", "expected"),
    [
        # Before the service exists there is nothing to fit.
        ([], None, []),
        ([{**SERVED, "status": "INACTIVE"}], None, []),
        ([SERVED], GROUP, []),
        ([SERVED], None, ["the service's target group arn:tg does not exist"]),
        (
            [SERVED],
            {**GROUP, "TargetType": "lambda"},
            ["the target group app registers targets of type lambda, and awsvpc tasks need ip"],
        ),
        # A classic load balancer has no target group.
        ([{**SERVED, "loadBalancers": [{**ENTRY, "targetGroupArn": "", "loadBalancerName": "x"}]}], None, []),
    ],
)
def test_the_services_own_target_group_is_looked_at(
    session: StubbedSession,
    services: list[dict[str, Any]],
    group: dict[str, Any] | None,
    expected: list[str],
) -> None:
    session.answers("ecs").add_response("describe_services", {"services": services})
    if group:
        answer = {"TargetGroups": [group]}
        session.answers("elbv2").add_response("describe_target_groups", answer, {"TargetGroupArns": ["arn:tg"]})
    elif expected:
        session.answers("elbv2").add_client_error("describe_target_groups", "TargetGroupNotFound")
    seen = service(session).look()
    found = references.target_groups(seen, lambda: session.client("elbv2"), task_definition(), APPLY, lambda: ROUTES)
    assert problems(found) == expected


UNREAD = "not verified: the log group logs in us-east-1"


@pytest.mark.parametrize(
    ("existing", "refused", "told"),
    [
        (["logs"], "", []),
        ([], "", ["there is no log group logs in us-east-1"]),
        (None, "AccessDeniedException", [f"{UNREAD}: DescribeLogGroups answered AccessDeniedException"]),
    ],
)
def test_a_log_group_is_in_its_own_region(
    session: StubbedSession, staging: Environment, existing: list[str] | None, refused: str, told: list[str]
) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html, awslogs-region"""
    if existing is None:
        session.answers("logs").add_client_error("describe_log_groups", refused)
    else:
        answer = {"logGroups": [{"logGroupName": name} for name in existing]}
        session.answers("logs").add_response("describe_log_groups", answer)
    elsewhere = task_definition(logConfiguration=awslogs("logs", **{"awslogs-region": "us-east-1"}))
    found = references.log_groups(lambda region: session.client("logs", region), elsewhere, "app", staging)
    assert problems(found) == told
    assert session.regions["logs"] == "us-east-1"


def test_a_region_that_there_is_not_is_named(staging: Environment) -> None:
    def client(region: str) -> Any:
        raise EndpointConnectionError(endpoint_url=f"https://logs.{region}.amazonaws.com/")

    elsewhere = task_definition(logConfiguration=awslogs("logs", **{"awslogs-region": "eu-wst-1"}))
    (found,) = references.log_groups(client, elsewhere, "app", staging)
    assert str(found).startswith("not verified: the log group logs in eu-wst-1: Could not connect to the endpoint")


def test_another_log_driver_is_named(session: StubbedSession, staging: Environment) -> None:
    given = task_definition(logConfiguration={"logDriver": "splunk"})
    found = references.log_groups(session.client, given, "app", staging)
    assert problems(found) == ["not verified: where the logs of container app go: it uses the log driver splunk"]


EFS = {"efsVolumeConfiguration": {"fileSystemId": "fs-1"}}
WITH_POINT = {"efsVolumeConfiguration": {"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "fsap-1"}}}


@pytest.mark.parametrize(
    ("volume", "answers", "told"),
    [
        ({}, [], []),
        (EFS, ["available"], []),
        (EFS, ["deleting"], ["the file system fs-1 is deleting"]),
        (EFS, ["FileSystemNotFound"], ["there is no file system fs-1"]),
        (WITH_POINT, ["available", "AccessPointNotFound"], ["there is no access point fsap-1"]),
        (EFS, ["AccessDeniedException"], ["DescribeFileSystems answered AccessDeniedException"]),
        ({"configuredAtLaunch": True}, [], ["it is configured when the service is created or updated"]),
        ({"dockerVolumeConfiguration": {"driver": "x"}}, [], ["it is neither EFS nor the task's own"]),
    ],
)
def test_the_file_systems_are_there(
    session: StubbedSession, volume: dict[str, Any], answers: list[str], told: list[str]
) -> None:
    """docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html"""
    efs = session.answers("efs")
    for number, answer in enumerate(answers):
        operation = "describe_access_points" if number else "describe_file_systems"
        if answer.islower():
            described = {
                "OwnerId": "1",
                "CreationToken": "t",
                "FileSystemId": "fs-1",
                "CreationTime": NOON,
                "LifeCycleState": answer,
                "NumberOfMountTargets": 1,
                "SizeInBytes": {"Value": 1},
                "PerformanceMode": "generalPurpose",
                "Tags": [],
            }
            efs.add_response(operation, {"FileSystems": [described]}, {"FileSystemId": "fs-1"})
        else:
            efs.add_client_error(operation, answer)
    found = references.file_systems(session.client("efs"), {"volumes": [{"name": "data", **volume}]})
    assert [words.rpartition(": ")[2] for words in problems(found)] == told
    assert all("the volume data" in words for words in problems(found))
