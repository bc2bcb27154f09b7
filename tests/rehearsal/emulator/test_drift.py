"""Drift detection, type by type: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from rehearsal.emulator.cloudformation.resource_types import schema
from tests.rehearsal.emulator.account import Account, allow
from tests.rehearsal.emulator.stack import Stack

# A rule's numbers may be strings in a template.
RESOURCES: dict[str, Any] = yaml.safe_load("""
Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
Group:
  Type: AWS::EC2::SecurityGroup
  Properties:
    GroupDescription: drifting
    VpcId: {Ref: Vpc}
    SecurityGroupIngress:
      [{IpProtocol: tcp, FromPort: "80", ToPort: "80", CidrIp: 10.0.0.0/8, Description: inside}]
    SecurityGroupEgress: [{IpProtocol: tcp, FromPort: "443", ToPort: "443", CidrIp: 0.0.0.0/0}]
Beside:
  Type: AWS::EC2::SecurityGroupIngress
  Properties: {GroupId: {Ref: Group}, IpProtocol: tcp, FromPort: "81", ToPort: "81", CidrIp: 10.0.0.0/8}
Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: drifting, RetentionInDays: "14"}}
Targets:
  Type: AWS::ElasticLoadBalancingV2::TargetGroup
  Properties:
    {Port: "8080", Protocol: HTTP, TargetType: ip, VpcId: {Ref: Vpc}, HealthCheckPath: /health,
     TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "20"}]}
Balancer:
  Type: AWS::ElasticLoadBalancingV2::LoadBalancer
  Properties:
    {Name: drifting, Subnets: [subnet-1, subnet-2], SecurityGroups: [{Ref: Group}],
     LoadBalancerAttributes: [{Key: deletion_protection.enabled, Value: "false"}]}
Role:
  Type: AWS::IAM::Role
  Properties:
    RoleName: drifting
    AssumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Principal: {AWS: "000000000000"}, Action: "sts:AssumeRole"}]
    Policies:
      - PolicyName: read
        PolicyDocument:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]
Images:
  Type: AWS::ECR::Repository
  Properties:
    RepositoryName: drifting
    ImageTagMutability: IMMUTABLE
    ImageScanningConfiguration: {ScanOnPush: true}
    LifecyclePolicy:
      LifecyclePolicyText: >-
        {"rules": [{"rulePriority": 1, "action": {"type": "expire"},
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}}]}
    EmptyOnDelete: true
Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: drifting}}
Service:
  Type: AWS::ECS::Service
  Properties:
    {ServiceName: drifting, Cluster: {Ref: Cluster}, TaskDefinition: drifting, DesiredCount: 0, LaunchType: FARGATE,
     HealthCheckGracePeriodSeconds: "30",
     DeploymentConfiguration: {MinimumHealthyPercent: 100, MaximumPercent: 200},
     NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-1], AssignPublicIp: DISABLED}},
     LoadBalancers: [{ContainerName: web, ContainerPort: "8080", TargetGroupArn: {Ref: Targets}}]}
""")
READ = RESOURCES["Role"]["Properties"]["Policies"][0]["PolicyDocument"]
LIFECYCLE = RESOURCES["Images"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
CHECKED = {"Group", "Beside", "Logs", "Targets", "Balancer", "Role", "Images", "Service"}


class Drifting(Stack):
    """A stack of one resource of each type that hands change."""

    def detect(self, client: Any = None) -> dict[str, Any]:
        client = client or self.client
        detection = client.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]
        ended: dict[str, Any] = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return ended

    def drifts(self) -> dict[str, Any]:
        found = self.client.describe_stack_resource_drifts(StackName=self.name)["StackResourceDrifts"]
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
def stack(account: Account) -> Iterator[Drifting]:
    register(account)
    made = Drifting(account, "drifting")
    made.make(json.dumps({"Resources": RESOURCES}))
    yield made
    # What tests added to a role stands in the way of nothing: the emulator deletes it with the role.
    off = [{**PROTECTED, "Value": "false"}]
    account.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=made.id("Balancer"), Attributes=off)
    made.delete()


def register(account: Account) -> str:
    answer = account.client("ecs").register_task_definition(
        family="drifting",
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        containerDefinitions=[{"name": "web", "image": "127.0.0.1:1/web", "portMappings": [{"containerPort": 8080}]}],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def test_what_a_template_made_is_in_sync_and_other_types_are_not_checked(stack: Drifting) -> None:
    """API_DescribeStackResourceDrifts: types without support "aren't checked, and so not included"."""
    ended = stack.detect()
    assert (ended["DetectionStatus"], ended["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC")
    found = stack.drifts()
    assert {name: one.get("PropertyDifferences") for name, one in found.items()} == dict.fromkeys(CHECKED)
    assert {one["StackResourceDriftStatus"] for one in found.values()} == {"IN_SYNC"}
    # None of them for want of something to compare.
    assert all(json.loads(one["ExpectedProperties"]) for one in found.values())
    listed = stack.client.list_stack_resources(StackName=stack.name)["StackResourceSummaries"]
    unchecked = {
        one["LogicalResourceId"]
        for one in listed
        if one["DriftInformation"]["StackResourceDriftStatus"] == "NOT_CHECKED"
    }
    assert unchecked == set(RESOURCES) - CHECKED


def rule(port: int) -> str:
    """A rule that anybody may use, as drift detection shows it."""
    made = {"CidrIp": "0.0.0.0/0", "FromPort": str(port), "IpProtocol": "tcp", "ToPort": str(port)}
    return json.dumps(made, sort_keys=True)


def permission(port: int) -> list[dict[str, Any]]:
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


# Stands for the resource's physical id.
ID = object()
DELAY = {"Key": "deregistration_delay.timeout_seconds", "Value": "300"}
# The template does not set it, so it is not compared.
SLOW_START = {"Key": "slow_start.duration_seconds", "Value": "60"}
PROTECTED = {"Key": "deletion_protection.enabled", "Value": "true"}
WIDER, FEWER = json.dumps(READ).replace("s3:GetObject", "s3:*"), LIFECYCLE.replace("9", "1")
SERVICE = {"cluster": "drifting", "service": "drifting", "desiredCount": 0, "healthCheckGracePeriodSeconds": 5}
Change = tuple[str, str, str, dict[str, Any], tuple[str, str, str]]
# Of a resource: the client, the call, its words, and the difference.
BY_HAND: list[Change] = [
    ("Group", "ec2", "authorize_security_group_ingress", {"GroupId": ID, "IpPermissions": permission(22)},
     ("/SecurityGroupIngress/1", "null", rule(22))),
    ("Group", "ec2", "revoke_security_group_egress", {"GroupId": ID, "IpPermissions": permission(443)},
     ("/SecurityGroupEgress/0", rule(443), "null")),
    ("Logs", "logs", "put_retention_policy", {"logGroupName": ID, "retentionInDays": 3},
     ("/RetentionInDays", "14", "3")),
    ("Targets", "elbv2", "modify_target_group_attributes", {"TargetGroupArn": ID, "Attributes": [DELAY, SLOW_START]},
     ("/TargetGroupAttributes/0/Value", "20", "300")),
    ("Targets", "elbv2", "modify_target_group", {"TargetGroupArn": ID, "HealthCheckPath": "/"},
     ("/HealthCheckPath", "/health", "/")),
    ("Balancer", "elbv2", "modify_load_balancer_attributes", {"LoadBalancerArn": ID, "Attributes": [PROTECTED]},
     ("/LoadBalancerAttributes/0/Value", "false", "true")),
    ("Role", "iam", "put_role_policy", {"RoleName": ID, "PolicyName": "read", "PolicyDocument": WIDER},
     ("/Policies/0/PolicyDocument/Statement/0/Action", "s3:GetObject", "s3:*")),
    ("Images", "ecr", "put_image_tag_mutability", {"repositoryName": ID, "imageTagMutability": "MUTABLE"},
     ("/ImageTagMutability", "IMMUTABLE", "MUTABLE")),
    ("Images", "ecr", "put_lifecycle_policy", {"repositoryName": ID, "lifecyclePolicyText": FEWER},
     ("/LifecyclePolicy/LifecyclePolicyText", LIFECYCLE, FEWER)),
    ("Service", "ecs", "update_service", SERVICE, ("/HealthCheckGracePeriodSeconds", "30", "5")),
    ("Role", "iam", "tag_role", {"RoleName": ID, "Tags": [{"Key": "Project", "Value": "other"}]},
     ("/Tags/0/Value", "demo", "other")),
]  # fmt: skip


def test_what_was_changed_by_hand_is_told_with_both_values(stack: Drifting) -> None:
    """API_PropertyDifference: the path, the expected and the actual value."""
    wanted: dict[str, list[tuple[str, str, str]]] = {}
    for name, client, call, words, difference in BY_HAND:
        asked = {key: stack.id(name) if value is ID else value for key, value in words.items()}
        getattr(stack.account.client(client), call)(**asked)
        wanted.setdefault(name, []).append(difference)
    found = stack.drifted()
    assert {name: sorted(one) for name, one in found.items()} == {name: sorted(one) for name, one in wanted.items()}
    stack.account.client("logs").delete_retention_policy(logGroupName="drifting")
    assert stack.drifted()["Logs"] == [("/RetentionInDays", "14", "null")]


def test_a_revision_of_the_family_is_the_family(stack: Drifting) -> None:
    """The type's propertyTransform takes every revision of a family that is named alone for the same."""
    ecs = stack.account.client("ecs")
    ecs.update_service(cluster="drifting", service="drifting", taskDefinition=register(stack.account))
    assert stack.drifted() == {}


def test_a_rule_of_another_stack_is_held_against_its_group(stack: Drifting) -> None:
    """using-cfn-stack-drift.html: attachments are found in the same stack, not "across stacks"."""
    made = {**RESOURCES["Beside"]["Properties"], "GroupId": stack.id("Group"), "FromPort": "82", "ToPort": "82"}
    beside = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": made}
    other = Drifting(stack.account, "beside")
    other.make(json.dumps({"Resources": {"Beside": beside}}))
    try:
        assert [path for path, *_ in stack.drifted()["Group"]] == ["/SecurityGroupIngress/1"]
        assert other.drifted() == {}
    finally:
        other.delete()


def test_what_was_deleted_by_hand_is_told(stack: Drifting) -> None:
    """StackResourceDriftStatus DELETED: "the resource has been deleted"."""
    stack.account.client("logs").delete_log_group(logGroupName="drifting")
    assert stack.drifted() == {"Logs": []}
    assert stack.drifts()["Logs"]["StackResourceDriftStatus"] == "DELETED"
    stack.account.client("logs").create_log_group(logGroupName="drifting")


def test_a_caller_that_may_not_read_a_resource_learns_nothing_of_it(stack: Drifting) -> None:
    """using-cfn-stack-drift.html: "you must have read permission for each resource" that is checked."""
    actions = ["cloudformation:*", "iam:*", "logs:*", "ecr:*", "ecs:*", "elasticloadbalancing:*"]
    role = stack.account.role("looks", allow(actions))
    ended = stack.detect(stack.account.client("cloudformation", stack.account.assume(role)))
    assert ended["DetectionStatus"] == "DETECTION_FAILED"
    assert "Beside, Group" in ended["DetectionStatusReason"]
    found = stack.drifts()
    assert found["Group"]["StackResourceDriftStatus"] == "UNKNOWN"
    assert "is not authorized to perform: ec2:DescribeSecurityGroups" in found["Group"]["DriftStatusReason"]
    assert found["Logs"]["StackResourceDriftStatus"] == "IN_SYNC"


def test_schemas_are_those_that_cfn_lint_gives() -> None:
    for kind in {one["Type"] for one in RESOURCES.values()}:
        assert schema(kind) == PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
