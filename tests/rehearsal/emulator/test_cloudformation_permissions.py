"""What a caller of CloudFormation must be allowed beside the call, decided and then enforced."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.cloudformation_permissions import needed
from rehearsal.emulator.guard import Permission
from tests.rehearsal.emulator.account import Account

STACK = "arn:aws:cloudformation:eu-west-2:000000000000:stack/s/*"
ROLE = "arn:aws:iam::000000000000:role/cf"
PASS = Permission("iam:PassRole", ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"})


def body(*types: str) -> str:
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
        ({"Action": "CreateChangeSet", "TemplateBody": body("String")}, []),
        (
            {"Action": "CreateChangeSet", "TemplateBody": body("AWS::EC2::VPC::Id", "List<AWS::EC2::Subnet::Id>")},
            [Permission("ec2:DescribeSubnets", "*"), Permission("ec2:DescribeVpcs", "*")],
        ),
        ({"Action": "CreateChangeSet", "TemplateBody": "no template"}, []),
    ],
)
def test_what_a_call_needs_beside_its_own_action(request_: dict[str, str], expected: list[Permission]) -> None:
    assert needed(request_, "eu-west-2", "000000000000") == expected


def test_a_stack_is_made_by_who_may_hand_over_the_role_tag_and_look_up(account: Account) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam = account.client("iam")
    arn = iam.create_role(RoleName="stacks", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allowed(*actions: str) -> Any:
        statement = {"Effect": "Allow", "Action": ["cloudformation:CreateChangeSet", *actions], "Resource": "*"}
        policy = json.dumps({"Statement": [statement]})
        iam.put_role_policy(RoleName="stacks", PolicyName="p", PolicyDocument=policy)
        return account.client("cloudformation", account.assume(arn)).create_change_set(
            StackName="handed-over",
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateBody=body("AWS::EC2::VPC::Id"),
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
