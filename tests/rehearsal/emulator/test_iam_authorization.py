"""What a call must be allowed, decided and then enforced.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from rehearsal.emulator.iam import authorization
from rehearsal.emulator.iam.authorization import cloudformation_needs, ecs_needs
from rehearsal.emulator.iam.sessions import Permission
from tests.rehearsal.emulator.account import Account, allow, eventually
from tests.rehearsal.emulator.service import Service, lay
from tests.rehearsal.emulator.stack import Stack

ECS = "arn:aws:ecs:eu-west-2:000000000000"
DEPLOYMENT, REVISION = f"{ECS}:service-deployment/c/weather/x", f"{ECS}:service-revision/c/weather/1"


@pytest.mark.parametrize(
    ("action", "request_", "expected"),
    [
        ("UpdateService", {"cluster": "c", "service": "weather"}, f"{ECS}:service/c/weather"),
        ("UpdateService", {"cluster": f"{ECS}:cluster/c", "service": "weather"}, f"{ECS}:service/c/weather"),
        ("UpdateService", {"service": "weather"}, f"{ECS}:service/default/weather"),
        ("DescribeServices", {"cluster": "c", "services": [f"{ECS}:service/c/weather"]}, f"{ECS}:service/c/weather"),
        ("DescribeTasks", {"cluster": "c", "tasks": ["abc"]}, f"{ECS}:task/c/abc"),
        ("DescribeTasks", {"cluster": "c", "tasks": []}, "*"),
        ("RegisterTaskDefinition", {"family": "weather-staging"}, f"{ECS}:task-definition/weather-staging:*"),
        ("DescribeClusters", {"clusters": ["c"]}, f"{ECS}:cluster/c"),
        ("ListTasks", {"cluster": "c"}, "*"),
        ("ListTaskDefinitions", {"familyPrefix": "weather"}, "*"),
        ("StopTask", {"cluster": "c", "task": "abc"}, f"{ECS}:task/c/abc"),
        ("ListServiceDeployments", {"cluster": "c", "service": "weather"}, f"{ECS}:service/c/weather"),
        ("DescribeServiceDeployments", {"serviceDeploymentArns": [DEPLOYMENT]}, DEPLOYMENT),
        ("StopServiceDeployment", {"serviceDeploymentArn": DEPLOYMENT}, DEPLOYMENT),
        ("DescribeServiceRevisions", {"serviceRevisionArns": [REVISION]}, REVISION),
        ("TagResource", {"resourceArn": f"{ECS}:cluster/c"}, f"{ECS}:cluster/c"),
    ],
)
def test_an_ecs_call_is_authorised_against_what_it_touches(
    action: str, request_: dict[str, Any], expected: str
) -> None:
    assert authorization.resource(action, request_, "eu-west-2", "000000000000") == expected


def test_the_cluster_is_a_condition_key() -> None:
    keys = authorization.condition_keys({"cluster": "c"}, "eu-west-2", "000000000000")
    assert keys == {"ecs:cluster": f"{ECS}:cluster/c"}
    assert authorization.condition_keys({}, "eu-west-2", "000000000000") == {}


REPOSITORY = "arn:aws:ecr:eu-west-2:{}:repository/p/weather"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"repositoryName": "p/weather"}, REPOSITORY.format("000000000000")),
        ({"repositoryNames": ["p/weather"]}, REPOSITORY.format("000000000000")),
        ({"registryId": "111111111111", "repositoryName": "p/weather"}, REPOSITORY.format("111111111111")),
        ({}, "*"),
    ],
)
def test_an_ecr_call_is_authorised_against_its_repository(request_: dict[str, Any], expected: str) -> None:
    assert authorization.repository(request_, "eu-west-2", "000000000000") == expected


def test_a_parameter_is_authorised_by_its_arn() -> None:
    expected = "arn:aws:ssm:eu-west-2:000000000000:parameter/weather/rehearsal/KEY"
    assert authorization.parameters(["/weather/rehearsal/KEY", "x"], "eu-west-2", "000000000000") == expected
    assert authorization.parameters([expected], "eu-west-2", "000000000000") == expected
    assert authorization.parameters([], "eu-west-2", "000000000000") == "*"


TASK_ROLE = "arn:aws:iam::000000000000:role/t"
PASSED = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
TAGGED = {"family": "f", "taskRoleArn": TASK_ROLE, "tags": [{"key": "commit", "value": "x"}]}
NEEDED = [
    Permission("iam:PassRole", TASK_ROLE, PASSED),
    Permission("ecs:TagResource", f"{ECS}:task-definition/f:*", {"ecs:CreateAction": "RegisterTaskDefinition"}),
]
TWO = {"cluster": "c", "services": ["a", "b"]}


@pytest.mark.parametrize(
    ("action", "request_", "expected"),
    [
        ("DescribeServices", {"cluster": "c", "services": ["a"]}, []),
        ("DescribeServices", TWO, [Permission("ecs:DescribeServices", f"{ECS}:service/c/b")]),
        ("RegisterTaskDefinition", {"family": "f"}, []),
        ("RegisterTaskDefinition", TAGGED, NEEDED),
        ("ListTasks", {"cluster": "c"}, []),
    ],
)
def test_what_a_call_of_ecs_needs_beside_its_own_action(
    action: str, request_: dict[str, Any], expected: list[Permission]
) -> None:
    assert ecs_needs(action, request_, "eu-west-2", "000000000000") == expected


def role(account: Account, name: str, *statements: dict[str, Any]) -> Any:
    """ECS as a role with these statements."""
    return account.client("ecs", account.assume(account.role(name, *statements)))


def passes(role: str, service: str) -> dict[str, Any]:
    return allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": service}})


def register(ecs: Any, service: Service) -> Any:
    return ecs.register_task_definition(
        family="permitted",
        executionRoleArn=service.role,
        containerDefinitions=[{"name": "web", "image": "127.0.0.1:1/web"}],
        tags=[{"key": "commit", "value": "x"}],
    )


def test_registering_needs_the_right_to_pass_the_roles_and_to_tag(account: Account) -> None:
    laid = lay(account, "passing")
    registers = allow("ecs:RegisterTaskDefinition")
    tags = allow("ecs:TagResource", f"{ECS}:task-definition/permitted:*")
    with pytest.raises(ClientError, match=rf"AccessDenied.* iam:PassRole on resource: {laid.role}"):
        register(role(account, "passes-nothing", registers, tags), laid)
    to_tasks, elsewhere = (passes(laid.role, f"{name}.amazonaws.com") for name in ("ecs-tasks", "ec2"))
    with pytest.raises(ClientError, match=r"AccessDenied.* iam:PassRole"):
        register(role(account, "passes-to-ec2", registers, elsewhere, tags), laid)
    with pytest.raises(ClientError, match=r"AccessDenied.* ecs:TagResource"):
        register(role(account, "tags-nothing", registers, to_tasks), laid)
    assert register(role(account, "registers", registers, to_tasks, tags), laid)["taskDefinition"]["revision"] == 1


def test_service_deployments_are_permitted_by_their_own_arns(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment-permissions.html"""
    laid = lay(account, "watched")
    laid.create(laid.register("v1"))
    watches = role(
        account,
        "watches",
        allow("ecs:ListServiceDeployments", f"{ECS}:service/watched/*"),
        allow("ecs:DescribeServiceDeployments", f"{ECS}:service-deployment/watched/*"),
        allow("ecs:DescribeServiceRevisions", f"{ECS}:service-revision/watched/*"),
    )
    [one] = watches.list_service_deployments(cluster="watched", service="watched")["serviceDeployments"]
    arn = one["serviceDeploymentArn"]
    assert watches.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert watches.describe_service_revisions(serviceRevisionArns=[one["targetServiceRevisionArn"]])["serviceRevisions"]
    with pytest.raises(ClientError, match=r"AccessDenied.* ecs:StopServiceDeployment"):
        watches.stop_service_deployment(serviceDeploymentArn=arn)
    with pytest.raises(ClientError, match="AccessDenied"):
        watches.list_service_deployments(cluster="other", service="watched")
    stops = role(account, "stops", allow("ecs:StopServiceDeployment", f"{ECS}:service-deployment/watched/*"))
    with pytest.raises(ClientError, match="ConflictException"):
        stops.stop_service_deployment(serviceDeploymentArn=arn)
    laid.delete()
    assert eventually(lambda: not laid.tasks())


STACK = "arn:aws:cloudformation:eu-west-2:000000000000:stack/s/*"
ROLE = "arn:aws:iam::000000000000:role/cf"
PASS = Permission("iam:PassRole", ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"})


def template(*types: str) -> str:
    parameters = {f"P{number}": {"Type": one} for number, one in enumerate(types)}
    return json.dumps({"Parameters": parameters, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"Action": "DescribeStacks", "StackName": "s"}, []),
        ({"Action": "DeleteStack", "StackName": "s", "RoleARN": ROLE}, [PASS]),
        (
            {"Action": "CreateChangeSet", "StackName": "s", "Tags.member.1.Key": "Project"},
            [Permission("cloudformation:TagResource", STACK, {"cloudformation:CreateAction": "CreateChangeSet"})],
        ),
        ({"Action": "CreateChangeSet", "TemplateBody": template("String")}, []),
        (
            {"Action": "CreateChangeSet", "TemplateBody": template("AWS::EC2::VPC::Id", "List<AWS::EC2::Subnet::Id>")},
            [Permission("ec2:DescribeSubnets", "*"), Permission("ec2:DescribeVpcs", "*")],
        ),
        ({"Action": "CreateChangeSet", "TemplateBody": "no template"}, []),
    ],
)
def test_what_a_call_of_cloudformation_needs_beside_its_own_action(
    request_: dict[str, str], expected: list[Permission]
) -> None:
    assert cloudformation_needs(request_, "eu-west-2", "000000000000") == expected


def test_a_stack_is_made_by_who_may_hand_over_the_role_tag_and_look_up(account: Account) -> None:
    arn = account.role("stacks", allow("cloudformation:CreateChangeSet"))

    def allowed(*actions: str) -> Any:
        policy = json.dumps({"Statement": [allow(["cloudformation:CreateChangeSet", *actions])]})
        account.client("iam").put_role_policy(RoleName="stacks", PolicyName="p", PolicyDocument=policy)
        return account.client("cloudformation", account.assume(arn)).create_change_set(
            StackName="handed-over",
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateBody=template("AWS::EC2::VPC::Id"),
            Parameters=[{"ParameterKey": "P0", "ParameterValue": vpc}],
            Tags=[{"Key": "Project", "Value": "x"}],
            RoleARN=arn,
        )

    vpc = account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    granted: list[str] = []
    for missing in ("iam:PassRole", "cloudformation:TagResource", "ec2:DescribeVpcs"):
        with pytest.raises(ClientError, match=rf"AccessDenied.*not authorized to perform: {missing} "):
            allowed(*granted)
        granted.append(missing)
    assert allowed(*granted)["StackId"]
    account.client("cloudformation").delete_stack(StackName="handed-over")


def test_why_a_change_set_was_refused_is_asked_by_its_own_arn(account: Account) -> None:
    """aws-cloudformation/cloudformation-cli#1116: the name of the stack does not go with it."""
    arn = "arn:aws:cloudformation:eu-west-2:000000000000:changeSet/{}-1/x"
    role = account.role("asks-why", allow("cloudformation:DescribeEvents", arn.format("ours")))
    asking = account.client("cloudformation", account.assume(role))
    assert asking.describe_events(ChangeSetName=arn.format("ours"))["OperationEvents"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        asking.describe_events(ChangeSetName=arn.format("others"))


def test_a_stack_is_made_under_its_role_which_must_be_allowed_each_call(account: Account) -> None:
    """using-iam-servicerole.html: CloudFormation "uses the role for all future operations on the stack"."""
    network = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}}
    body = json.dumps({"Resources": {"Network": network}})
    describes = ["ec2:Describe*", "ec2:CreateTags", "ec2:ModifyVpcAttribute"]
    roles = {
        missing: account.role(f"without-{missing}", allow([*describes, f"ec2:{granted}"]))
        for missing, granted in (("CreateVpc", "DeleteVpc"), ("DeleteVpc", "CreateVpc"))
    }
    made, kept = Stack(account, "not-made"), Stack(account, "not-deleted")
    made.client.create_stack(StackName=made.name, TemplateBody=body, RoleARN=roles["CreateVpc"])
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        made.wait("create")
    assert "without-CreateVpc/AWSCloudFormation is not authorized to perform: ec2:CreateVpc" in made.failures()[0][1]
    made.delete()

    kept.client.create_stack(StackName=kept.name, TemplateBody=body, RoleARN=roles["DeleteVpc"])
    kept.wait("create")
    with pytest.raises(WaiterError, match="DELETE_FAILED"):
        kept.delete()
    assert "not authorized to perform: ec2:DeleteVpc" in kept.failures()[0][1]
    policy = json.dumps({"Statement": [allow("ec2:*")]})
    account.client("iam").put_role_policy(RoleName="without-DeleteVpc", PolicyName="p", PolicyDocument=policy)
    kept.delete()
