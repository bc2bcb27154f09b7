"""Drift detection, type by type: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from rehearsal.emulator.cloudformation.drift import TAKES
from tests.rehearsal.emulator.account import Account

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
LIFECYCLE = json.dumps({
    "rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
        "action": {"type": "expire"},
    }]
})  # fmt: skip


def rule(port: int, **more: Any) -> dict[str, Any]:
    """A rule as a template writes it: numbers may be strings."""
    return {"IpProtocol": "tcp", "FromPort": str(port), "ToPort": str(port), **more}


RESOURCES: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": "drifting",
            "VpcId": {"Ref": "Vpc"},
            "SecurityGroupIngress": [rule(80, CidrIp="10.0.0.0/8", Description="inside")],
            "SecurityGroupEgress": [rule(443, CidrIp="0.0.0.0/0")],
        },
    },
    "Beside": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": rule(81, GroupId={"Ref": "Group"}, CidrIp="10.0.0.0/8"),
    },
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "drifting", "RetentionInDays": "14"}},
    "Targets": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "Port": "8080",
            "Protocol": "HTTP",
            "TargetType": "ip",
            "VpcId": {"Ref": "Vpc"},
            "HealthCheckPath": "/health",
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}],
        },
    },
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {
            "Name": "drifting",
            "Subnets": ["subnet-1", "subnet-2"],
            "SecurityGroups": [{"Ref": "Group"}],
            "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "false"}],
        },
    },
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "drifting",
            "AssumeRolePolicyDocument": TRUST,
            "Policies": [{"PolicyName": "read", "PolicyDocument": READ}],
        },
    },
    "Images": {
        "Type": "AWS::ECR::Repository",
        "Properties": {
            "RepositoryName": "drifting",
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
            "EmptyOnDelete": True,
        },
    },
    "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "drifting"}},
    "Service": {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "ServiceName": "drifting",
            "Cluster": {"Ref": "Cluster"},
            "TaskDefinition": "drifting",
            "DesiredCount": 0,
            "LaunchType": "FARGATE",
            "HealthCheckGracePeriodSeconds": "30",
            "DeploymentConfiguration": {"MinimumHealthyPercent": 100, "MaximumPercent": 200},
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
            "LoadBalancers": [{"ContainerName": "web", "ContainerPort": "8080", "TargetGroupArn": {"Ref": "Targets"}}],
        },
    },
}
CHECKED = {"Group", "Beside", "Logs", "Targets", "Balancer", "Role", "Images", "Service"}


@dataclass
class Stack:
    """A stack of one resource of each type that hands change."""

    account: Account
    name: str

    @property
    def cloudformation(self) -> Any:
        return self.account.client("cloudformation")

    def id(self, logical_id: str) -> str:
        resources = self.cloudformation.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        return next(str(one["PhysicalResourceId"]) for one in resources if one["LogicalResourceId"] == logical_id)

    def detect(self, client: Any = None) -> dict[str, Any]:
        client = client or self.cloudformation
        detection = client.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]
        ended: dict[str, Any] = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return ended

    def drifts(self) -> dict[str, Any]:
        found = self.cloudformation.describe_stack_resource_drifts(StackName=self.name)["StackResourceDrifts"]
        return {one["LogicalResourceId"]: one for one in found}

    def drifted(self) -> dict[str, list[tuple[str, str, str]]]:
        """What is not in sync: path, expected and actual by logical id; none of both where it is gone."""
        self.detect()
        return {
            name: [
                (one["PropertyPath"], one["ExpectedValue"], one["ActualValue"])
                for one in drift.get("PropertyDifferences", [])
            ]
            for name, drift in self.drifts().items()
            if drift["StackResourceDriftStatus"] != "IN_SYNC"
        }


@pytest.fixture
def stack(account: Account) -> Iterator[Stack]:
    register(account)
    client = account.client("cloudformation")
    client.create_stack(
        StackName="drifting",
        TemplateBody=json.dumps({"Resources": RESOURCES}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "Project", "Value": "demo"}],
    )
    client.get_waiter("stack_create_complete").wait(StackName="drifting", WaiterConfig={"Delay": 1})
    yield Stack(account, "drifting")
    # What tests added to a role stands in the way of nothing: the emulator deletes it with the role.
    client.delete_stack(StackName="drifting")
    client.get_waiter("stack_delete_complete").wait(StackName="drifting", WaiterConfig={"Delay": 1})


def register(account: Account) -> str:
    answer = account.client("ecs").register_task_definition(
        family="drifting",
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "web", "image": "web", "portMappings": [{"containerPort": 8080}]}],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def test_what_a_template_made_is_in_sync_and_other_types_are_not_checked(stack: Stack) -> None:
    """API_DescribeStackResourceDrifts: types without support "aren't checked, and so not included"."""
    ended = stack.detect()
    assert (ended["DetectionStatus"], ended["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC")
    found = stack.drifts()
    assert {name: one.get("PropertyDifferences") for name, one in found.items()} == dict.fromkeys(CHECKED)
    assert {one["StackResourceDriftStatus"] for one in found.values()} == {"IN_SYNC"}
    # None of them for want of something to compare.
    assert all(json.loads(one["ExpectedProperties"]) for one in found.values())
    listed = stack.cloudformation.list_stack_resources(StackName=stack.name)["StackResourceSummaries"]
    unchecked = {
        one["LogicalResourceId"]
        for one in listed
        if one["DriftInformation"]["StackResourceDriftStatus"] == "NOT_CHECKED"
    }
    assert unchecked == set(RESOURCES) - CHECKED


Change = Callable[[Stack], Any]
OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
BY_HAND: dict[str, tuple[str, Change, list[tuple[str, str, str]]]] = {
    "a rule that lets more in": (
        "Group",
        lambda s: s.account.client("ec2").authorize_security_group_ingress(GroupId=s.id("Group"), IpPermissions=[OPEN]),
        [("/SecurityGroupIngress/1", "null", json.dumps(rule(22, CidrIp="0.0.0.0/0"), sort_keys=True))],
    ),
    "a rule that is gone": (
        "Group",
        lambda s: s.account.client("ec2").revoke_security_group_egress(GroupId=s.id("Group"), IpPermissions=[HTTPS]),
        [("/SecurityGroupEgress/0", json.dumps(rule(443, CidrIp="0.0.0.0/0"), sort_keys=True), "null")],
    ),
    "retention": (
        "Logs",
        lambda s: s.account.client("logs").put_retention_policy(logGroupName="drifting", retentionInDays=3),
        [("/RetentionInDays", "14", "3")],
    ),
    "no retention": (
        "Logs",
        lambda s: s.account.client("logs").delete_retention_policy(logGroupName="drifting"),
        [("/RetentionInDays", "14", "null")],
    ),
    "a target group's attribute": (
        "Targets",
        lambda s: s.account.client("elbv2").modify_target_group_attributes(
            TargetGroupArn=s.id("Targets"),
            Attributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": "300"},
                # The template does not set it, so it is not compared.
                {"Key": "slow_start.duration_seconds", "Value": "60"},
            ],
        ),
        [("/TargetGroupAttributes/0/Value", "20", "300")],
    ),
    "a health check": (
        "Targets",
        lambda s: s.account.client("elbv2").modify_target_group(TargetGroupArn=s.id("Targets"), HealthCheckPath="/"),
        [("/HealthCheckPath", "/health", "/")],
    ),
    "a load balancer's attribute": (
        "Balancer",
        lambda s: s.account.client("elbv2").modify_load_balancer_attributes(
            LoadBalancerArn=s.id("Balancer"), Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
        ),
        [("/LoadBalancerAttributes/0/Value", "false", "true")],
    ),
    "a role's policy": (
        "Role",
        lambda s: s.account.client("iam").put_role_policy(
            RoleName="drifting", PolicyName="read", PolicyDocument=json.dumps(READ).replace("s3:GetObject", "s3:*")
        ),
        [("/Policies/0/PolicyDocument/Statement/0/Action", "s3:GetObject", "s3:*")],
    ),
    "a repository's tags": (
        "Images",
        lambda s: s.account.client("ecr").put_image_tag_mutability(
            repositoryName="drifting", imageTagMutability="MUTABLE"
        ),
        [("/ImageTagMutability", "IMMUTABLE", "MUTABLE")],
    ),
    "a repository's lifecycle": (
        "Images",
        lambda s: s.account.client("ecr").put_lifecycle_policy(
            repositoryName="drifting", lifecyclePolicyText=LIFECYCLE.replace("9", "1")
        ),
        [("/LifecyclePolicy/LifecyclePolicyText", LIFECYCLE, LIFECYCLE.replace("9", "1"))],
    ),
    "an ECS service's settings": (
        "Service",
        lambda s: s.account.client("ecs").update_service(
            cluster="drifting", service="drifting", desiredCount=0, healthCheckGracePeriodSeconds=5
        ),
        [("/HealthCheckGracePeriodSeconds", "30", "5")],
    ),
    "a tag of the stack": (
        "Role",
        lambda s: s.account.client("iam").tag_role(RoleName="drifting", Tags=[{"Key": "Project", "Value": "other"}]),
        [("/Tags/0/Value", "demo", "other")],
    ),
}  # fmt: skip


def test_what_was_changed_by_hand_is_told_with_both_values(stack: Stack) -> None:
    """API_PropertyDifference: the path, the expected and the actual value."""
    wanted: dict[str, list[tuple[str, str, str]]] = {}
    for name, change, differences in (BY_HAND[what] for what in BY_HAND if what != "no retention"):
        change(stack)
        wanted.setdefault(name, []).extend(differences)
    found = stack.drifted()
    assert {name: sorted(one) for name, one in found.items()} == {name: sorted(one) for name, one in wanted.items()}
    name, change, differences = BY_HAND["no retention"]
    change(stack)
    assert stack.drifted()[name] == differences


def test_a_revision_of_the_family_is_the_family(stack: Stack) -> None:
    """The type's propertyTransform takes every revision of a family that is named alone for the same."""
    ecs = stack.account.client("ecs")
    ecs.update_service(cluster="drifting", service="drifting", taskDefinition=register(stack.account))
    assert stack.drifted() == {}


def test_a_rule_of_another_stack_is_held_against_its_group(stack: Stack) -> None:
    """using-cfn-stack-drift.html: attachments are found in the same stack, not "across stacks"."""
    client = stack.cloudformation
    made = rule(82, GroupId=stack.id("Group"), CidrIp="10.0.0.0/8")
    beside = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": made}
    client.create_stack(StackName="beside", TemplateBody=json.dumps({"Resources": {"Beside": beside}}))
    client.get_waiter("stack_create_complete").wait(StackName="beside", WaiterConfig={"Delay": 1})
    try:
        assert [path for path, *_ in stack.drifted()["Group"]] == ["/SecurityGroupIngress/1"]
        other = Stack(stack.account, "beside")
        assert other.drifted() == {}
    finally:
        client.delete_stack(StackName="beside")
        client.get_waiter("stack_delete_complete").wait(StackName="beside", WaiterConfig={"Delay": 1})


def test_what_was_deleted_by_hand_is_told(stack: Stack) -> None:
    """StackResourceDriftStatus DELETED: "the resource has been deleted"."""
    stack.account.client("logs").delete_log_group(logGroupName="drifting")
    assert stack.drifted() == {"Logs": []}
    assert stack.drifts()["Logs"]["StackResourceDriftStatus"] == "DELETED"
    stack.account.client("logs").create_log_group(logGroupName="drifting")


def test_a_caller_that_may_not_read_a_resource_learns_nothing_of_it(stack: Stack) -> None:
    """using-cfn-stack-drift.html: "you must have read permission for each resource" that is checked."""
    iam = stack.account.client("iam")
    actions = ["cloudformation:*", "iam:*", "logs:*", "ecr:*", "ecs:*", "elasticloadbalancing:*"]
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    role = iam.create_role(RoleName="looks", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="looks", PolicyName="p", PolicyDocument=json.dumps(may))
    ended = stack.detect(stack.account.client("cloudformation", stack.account.assume(role)))
    assert ended["DetectionStatus"] == "DETECTION_FAILED"
    assert "Beside, Group" in ended["DetectionStatusReason"]
    found = stack.drifts()
    assert found["Group"]["StackResourceDriftStatus"] == "UNKNOWN"
    assert "is not authorized to perform: ec2:DescribeSecurityGroups" in found["Group"]["DriftStatusReason"]
    assert found["Logs"]["StackResourceDriftStatus"] == "IN_SYNC"
    iam.delete_role_policy(RoleName="looks", PolicyName="p")
    iam.delete_role(RoleName="looks")


@pytest.mark.parametrize("kind", TAKES)
def test_reading_a_type_takes_what_its_schema_says(kind: str) -> None:
    """https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, handlers"""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-2", kind).schema
    assert sorted(TAKES[kind][1]) == sorted(schema["handlers"]["read"]["permissions"])
