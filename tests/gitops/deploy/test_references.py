"""Whether what a task definition refers to exists and fits: roles, secrets, log groups, cluster, target groups."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from gitops.deploy import references
from gitops.deploy.references import TASKS, Failure
from gitops.ecs import Ecs
from gitops.ecs_answers import Balanced
from gitops.environments import Environment
from gitops.errors import GitopsError
from tests.gitops.deploy.described import NOON, StubbedSession, service


def problems(found: list[Failure]) -> list[str]:
    return [failure.problem for failure in found]


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
    assert {failure.fix for failure in found if failure.coming} <= {APPLY}


def secret(number: int, prefix: str = "/app/staging/") -> dict[str, str]:
    return {"name": f"KEY_{number:02}", "valueFrom": f"arn:aws:ssm:eu-west-2:1:parameter{prefix}KEY_{number:02}"}


def document(*secrets: dict[str, str], **container: Any) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": "app", "secrets": list(secrets), **container}]}


def wanted(*given: dict[str, str]) -> list[references.SecretReference]:
    return references.secrets(document(*given))


def test_every_missing_parameter_is_named_with_its_fix(session: StubbedSession, staging: Environment) -> None:
    twelve = [secret(number) for number in range(12)]
    names = [f"/app/staging/KEY_{number:02}" for number in range(12)]
    ssm = session.answers("ssm")
    for part, missing in ((names[:10], names[3:4]), (names[10:], names[11:])):
        ssm.add_response("get_parameters", {"InvalidParameters": missing}, {"Names": part, "WithDecryption": False})
    failures = references.parameters(session.client("ssm"), wanted(*twelve), "app", staging)
    assert [failure.fix for failure in failures] == [
        "gitops secret put app staging KEY_03",
        "gitops secret put app staging KEY_11",
    ]
    assert "there is no parameter /app/staging/KEY_03" in failures[0].problem


def test_a_parameter_of_another_place_is_not_ours_to_put(session: StubbedSession, staging: Environment) -> None:
    session.answers("ssm").add_response("get_parameters", {"InvalidParameters": ["/shared/KEY_01"]})
    (failure,) = references.parameters(session.client("ssm"), wanted(secret(1, "/shared/")), "app", staging)
    assert failure.fix == "create it, or refer to one below /app/staging/"
    assert references.parameters(session.client("ssm"), [], "app", staging) == [], "nothing is asked"


def test_secrets_of_the_log_driver_count_too() -> None:
    logging = {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "/app/staging/TOKEN"}]}
    (found,) = references.secrets(document(logConfiguration=logging))
    assert (found.container, found.variable, found.parameter) == ("app", "splunk-token", "/app/staging/TOKEN")


@pytest.mark.parametrize(
    ("value_from", "expected"),
    [
        ("arn:aws:ssm:eu-west-2:1:parameter/app/staging/KEY", "/app/staging/KEY"),
        ("arn:aws:ssm:eu-west-2:1:parameter/KEY", "KEY"),
        ("/app/staging/KEY", "/app/staging/KEY"),
        ("KEY", "KEY"),
        ("arn:aws:secretsmanager:eu-west-2:1:secret:app-AbCdEf", None),
    ],
)
def test_the_name_of_a_parameter(value_from: str, expected: str | None) -> None:
    assert references.parameter_name(value_from) == expected


ARN = "arn:aws:secretsmanager:eu-west-2:111111111111:secret:/app/staging/db-AbCdEf"


@pytest.mark.parametrize("behind", ["", ":password::", ":password:AWSCURRENT:"])
def test_a_stored_secret_is_described_by_its_own_arn(session: StubbedSession, behind: str) -> None:
    session.answers("secretsmanager").add_response("describe_secret", {"ARN": ARN}, {"SecretId": ARN})
    referred = wanted({"name": "PASSWORD", "valueFrom": ARN + behind}, secret(1))
    assert references.stored_secrets(session.client("secretsmanager"), referred) == []


def test_a_stored_secret_that_is_missing_or_going_is_named(session: StubbedSession) -> None:
    answers = session.answers("secretsmanager")
    answers.add_client_error("describe_secret", "ResourceNotFoundException")
    answers.add_response("describe_secret", {"ARN": ARN, "DeletedDate": NOON})
    referred = wanted({"name": "ONE", "valueFrom": ARN}, {"name": "TWO", "valueFrom": ARN})
    found = references.stored_secrets(session.client("secretsmanager"), referred)
    assert [(one.problem, one.fix) for one in found] == [
        (f"ONE of container app: there is no secret {ARN}", "create it in Secrets Manager"),
        (f"TWO of container app: the secret {ARN} is about to be deleted", "restore it"),
    ]


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
    assert {failure.fix for failure in found} <= {APPLY}


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
    assert {failure.fix for failure in found} <= {"gitops apply staging --stack platform"}


@pytest.mark.parametrize(
    ("changed", "routes", "problem"),
    [
        ({}, ROUTES, []),
        ({"HealthCheckPort": "8080"}, ROUTES, []),
        ({"HealthCheckPath": "/health?deep=1"}, ROUTES, []),
        # Routes that are not known are not asked for.
        ({"HealthCheckPath": "/other"}, set(), []),
        ({"TargetType": "instance"}, ROUTES, ["registers targets of type instance, and awsvpc tasks need ip"]),
        ({"Port": 80}, ROUTES, ["is for port 80, the container's is 8080"]),
        ({"HealthCheckPort": "9000"}, ROUTES, ["checks port 9000, the container's is 8080"]),
        ({"HealthCheckPath": "/healthz"}, ROUTES, ["asks /healthz, which the commit does not answer"]),
    ],
)
def test_the_target_group_fits(changed: dict[str, Any], routes: set[str], problem: list[str]) -> None:
    found = references.group_failures({**GROUP, **changed}, BALANCED, task_definition(), routes, APPLY)
    assert problems(found) == [f"the target group app {words}" for words in problem]
    assert all(APPLY in failure.fix for failure in found)


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
        ([SERVED], {**GROUP, "Port": 80}, ["the target group app is for port 80, the container's is 8080"]),
    ],
)
def test_the_services_own_target_group_is_looked_at(
    session: StubbedSession,
    staging: Environment,
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
    found = references.target_groups(service(session), session.client("elbv2"), task_definition(), staging, ROUTES)
    assert problems(found) == expected
