"""Roles and a service made by CloudFormation, with what the template says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator.resources.typed import typed
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import Service, lay


def test_a_request_gets_the_types_of_the_api() -> None:
    request = {
        "desiredCount": "2",
        "enableExecuteCommand": "true",
        "serviceName": "8080",
        "loadBalancers": [{"containerPort": "8080", "containerName": "web"}],
        "unknown": "1",
    }
    assert typed("ecs", "CreateService", request) == {
        "desiredCount": 2,
        "enableExecuteCommand": True,
        "serviceName": "8080",
        "loadBalancers": [{"containerPort": 8080, "containerName": "web"}],
        "unknown": "1",
    }


def service_stack(laid: Service, revision: str, **more: Any) -> dict[str, Any]:
    properties = {
        "ServiceName": laid.name,
        "Cluster": laid.name,
        "TaskDefinition": revision,
        "DesiredCount": "1",
        "LaunchType": "FARGATE",
        # As a parameter passes a number.
        "LoadBalancers": [{"TargetGroupArn": laid.group, "ContainerName": "web", "ContainerPort": "8080"}],
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
        "Tags": [{"Key": "Project", "Value": "p"}],
        **more,
    }
    return {"Resources": {"Service": {"Type": "AWS::ECS::Service", "Properties": properties}}}


def test_a_service_has_what_its_template_says(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html"""
    laid = lay(account, "by-stack")
    revision = laid.register("v1")
    cfn = account.client("cloudformation")
    settings = {
        "AvailabilityZoneRebalancing": "DISABLED",
        "EnableECSManagedTags": True,
        "HealthCheckGracePeriodSeconds": "30",
        "PropagateTags": "SERVICE",
    }
    cfn.create_stack(StackName="by-stack", TemplateBody=json.dumps(service_stack(laid, revision, **settings)))
    cfn.get_waiter("stack_create_complete").wait(StackName="by-stack", WaiterConfig={"Delay": 1})
    service = laid.described()
    assert service["loadBalancers"][0]["containerPort"] == 8080
    assert service["availabilityZoneRebalancing"] == "DISABLED"
    assert service["healthCheckGracePeriodSeconds"] == 30
    assert eventually(laid.steady)
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
    arns = laid.ecs.list_tasks(cluster=laid.name)["taskArns"]
    [task] = laid.ecs.describe_tasks(cluster=laid.name, tasks=arns, include=["TAGS"])["tasks"]
    assert {tag["key"]: tag["value"] for tag in task["tags"]} == {
        "Project": "p",
        "aws:ecs:serviceName": "by-stack",
        "aws:ecs:clusterName": "by-stack",
    }
    settings["AvailabilityZoneRebalancing"] = "ENABLED"
    cfn.update_stack(StackName="by-stack", TemplateBody=json.dumps(service_stack(laid, revision, **settings)))
    cfn.get_waiter("stack_update_complete").wait(StackName="by-stack", WaiterConfig={"Delay": 1})
    assert laid.described()["availabilityZoneRebalancing"] == "ENABLED"
    cfn.delete_stack(StackName="by-stack")
    cfn.get_waiter("stack_delete_complete").wait(StackName="by-stack", WaiterConfig={"Delay": 1})


def test_a_role_can_do_no_more_than_its_boundary(account: Account) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    lists = {"Statement": [{"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"}]}
    template = {
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"ManagedPolicyName": "boundary", "PolicyDocument": lists},
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": "bounded",
                    "AssumeRolePolicyDocument": {
                        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
                    },
                    "PermissionsBoundary": {"Ref": "Boundary"},
                    "Policies": [{"PolicyName": "all", "PolicyDocument": everything}],
                },
            },
        }
    }
    cfn = account.client("cloudformation")
    cfn.create_stack(StackName="bounded", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
    cfn.get_waiter("stack_create_complete").wait(StackName="bounded", WaiterConfig={"Delay": 1})
    ecs = account.client("ecs", account.assume("arn:aws:iam::000000000000:role/bounded"))
    ecs.list_clusters()
    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.list_task_definitions()
    cfn.delete_stack(StackName="bounded")
