"""Change sets, and resource types made, changed and deleted by stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from gitops.cloudformation import CloudFormation, Request
from gitops.errors import GitopsError
from rehearsal.emulator.cloudformation.change_sets import made
from tests.rehearsal.emulator.account import Account, eventually
from tests.rehearsal.emulator.service import Service, lay
from tests.rehearsal.emulator.stack import Stack

TEMPLATE = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.0.0/24}}
  Other: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.1.0/24}}
  Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc, Tags: [{Key: Name, Value: one}]}}
  Nat:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId, Tags: [{Key: Name, Value: one}]}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: test, VpcId: !Ref Vpc}}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 8080, ToPort: 8080, CidrIp: 10.0.0.0/8}
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}
  Flow:
    Type: AWS::EC2::FlowLog
    Properties: {ResourceId: !Ref Vpc, ResourceType: VPC, TrafficType: ALL, LogGroupName: flows}
  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: https://issuer.example, ClientIdList: [one]}}
Outputs:
  Address: {Value: !Ref Address}
  Allocation: {Value: !GetAtt Address.AllocationId}
  Nat: {Value: !Ref Nat}
  Group: {Value: !Ref Group}
  Flow: {Value: !Ref Flow}
  Issuer: {Value: !GetAtt Issuer.Arn}
"""


@pytest.fixture
def ec2(account: Account) -> Any:
    return account.client("ec2")


def test_a_network_stack_is_made_changed_in_place_and_gone(account: Account, ec2: Any) -> None:
    stack = Stack(account, "network")
    made = stack.make(TEMPLATE)
    [address] = ec2.describe_addresses(AllocationIds=[made["Allocation"]])["Addresses"]
    assert address["PublicIp"] == made["Address"]
    [nat] = ec2.describe_nat_gateways(NatGatewayIds=[made["Nat"]])["NatGateways"]
    assert {"Key": "Project", "Value": "demo"} in nat["Tags"]
    [group] = ec2.describe_security_groups(GroupIds=[made["Group"]])["SecurityGroups"]
    assert [rule["FromPort"] for rule in group["IpPermissions"]] == [8080]
    assert 443 in [rule.get("FromPort") for rule in group["IpPermissionsEgress"]]

    after = stack.make(TEMPLATE.replace("one", "two").replace("8080", "9090"), "update")
    assert after == made, "tags, clients and rules change in place"
    [group] = ec2.describe_security_groups(GroupIds=[made["Group"]])["SecurityGroups"]
    assert [rule["FromPort"] for rule in group["IpPermissions"]] == [9090]
    iam = account.client("iam")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["Issuer"])
    assert provider["ClientIDList"] == ["two"]

    stack.delete()
    assert made["Address"] not in [a["PublicIp"] for a in ec2.describe_addresses()["Addresses"]]
    assert made["Nat"] not in [n["NatGatewayId"] for n in ec2.describe_nat_gateways()["NatGateways"]]
    assert made["Flow"] not in [f["FlowLogId"] for f in ec2.describe_flow_logs()["FlowLogs"]]
    arns = [provider["Arn"] for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    assert made["Issuer"] not in arns


def test_another_subnet_replaces_the_gateway(account: Account, ec2: Any) -> None:
    stack = Stack(account, "replaced")
    made = stack.make(TEMPLATE)
    after = stack.make(TEMPLATE.replace("SubnetId: !Ref Subnet", "SubnetId: !Ref Other"), "update")
    assert after["Nat"] != made["Nat"]
    gateways = [nat["NatGatewayId"] for nat in ec2.describe_nat_gateways()["NatGateways"]]
    assert after["Nat"] in gateways
    assert made["Nat"] not in gateways
    stack.delete()


SCALING = """
Resources:
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      {ServiceNamespace: ecs, ScalableDimension: "ecs:service:DesiredCount", ResourceId: service/scaled/scaled,
       MinCapacity: 2, MaxCapacity: 4}
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties: {PolicyName: cpu, PolicyType: TargetTrackingScaling, ScalingTargetId: !Ref Target}
Outputs:
  Target: {Value: !Ref Target}
  Policy: {Value: !Ref Policy}
"""


def test_a_scaling_target_brings_a_service_up_to_its_minimum(account: Account) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="scaled")
    ecs.register_task_definition(family="scaled", containerDefinitions=[{"name": "a", "image": "127.0.0.1:1/a"}])
    ecs.create_service(cluster="scaled", serviceName="scaled", taskDefinition="scaled", desiredCount=0)
    stack = Stack(account, "scaling")
    made = stack.make(SCALING)
    assert made["Target"] == "service/scaled/scaled|ecs:service:DesiredCount|ecs"
    assert made["Policy"].startswith("arn:aws:autoscaling:")
    [service] = ecs.describe_services(cluster="scaled", services=["scaled"])["services"]
    assert service["desiredCount"] == 2
    stack.delete()
    ecs.delete_service(cluster="scaled", service="scaled", force=True)


SOMETIMES = """
Parameters:
  Wanted: {Type: String, Default: no}
Conditions:
  IsWanted: !Equals [!Ref Wanted, "yes"]
Resources:
  Always: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: always}}
  Sometimes: {Type: AWS::Logs::LogGroup, Condition: IsWanted, Properties: {LogGroupName: sometimes}}
Outputs:
  Name: {Value: !Ref Always}
"""


def test_only_what_the_conditions_allow_is_compared() -> None:
    on, off = {"Type": "B", "Condition": "Yes"}, {"Type": "C", "Condition": "No"}
    template = {
        "Resources": {"Always": {"Type": "A"}, "On": on, "Off": off},
        "Outputs": {"X": {"Value": "1"}, "Y": {"Value": "2", "Condition": "No"}},
    }
    result = made(template, {"Yes": True, "No": False})
    assert sorted(result["Resources"]) == ["Always", "On"]
    assert result["Outputs"] == {"X": {"Value": "1"}}


def change_set(stack: Stack, name: str, template: str, **parameters: str) -> Any:
    stack.client.create_change_set(
        StackName=stack.name,
        ChangeSetName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    described: list[Any] = []

    def made_up() -> bool:
        described.append(stack.client.describe_change_set(StackName=stack.name, ChangeSetName=name))
        return described[-1]["Status"] in ("CREATE_COMPLETE", "FAILED")

    assert eventually(made_up)
    return described[-1]


def test_a_change_set_for_a_condition_or_an_output_alone_can_be_executed(account: Account) -> None:
    stack = Stack(account, "sets")
    stack.make(SOMETIMES)

    nothing = change_set(stack, "nothing", SOMETIMES)
    assert (nothing["Status"], nothing["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")

    condition = change_set(stack, "condition", SOMETIMES, Wanted="yes")
    [change] = [one["ResourceChange"] for one in condition["Changes"]]
    assert (change["Action"], change["LogicalResourceId"]) == ("Add", "Sometimes")

    output = change_set(stack, "output", f"{SOMETIMES}  More: {{Value: told}}\n")
    assert (output["Status"], output["ExecutionStatus"], output["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    stack.client.execute_change_set(StackName=stack.name, ChangeSetName="output")
    stack.wait("update")
    assert stack.outputs() == {"Name": "always", "More": "told"}
    stack.delete()


def service_template(laid: Service, **more: Any) -> str:
    """A stack of the service alone, which runs what its family means."""
    properties = {
        "ServiceName": laid.name,
        "Cluster": laid.name,
        "TaskDefinition": laid.name,
        "LaunchType": "FARGATE",
        "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
        "LoadBalancers": [{"TargetGroupArn": laid.group, "ContainerName": "web", "ContainerPort": 8080}],
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
        **more,
    }
    return json.dumps({"Resources": {"Service": {"Type": "AWS::ECS::Service", "Properties": properties}}})


def test_a_stack_waits_until_its_service_is_steady_and_fails_when_ecs_gives_up(account: Account) -> None:
    """aws/copilot-cli#5296 and #5586: the reason is the breaker's, and no cause is said; what was made is deleted."""
    laid, stack = lay(account, "waited-for"), Stack(account, "waited-for")
    laid.register("bad", "exits")
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        stack.make(service_template(laid))
    [(name, reason)] = stack.failures()
    assert name == "Service"
    assert "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'." in reason
    assert reason.endswith("HandlerErrorCode: GeneralServiceException)")
    services = laid.ecs.describe_services(cluster=laid.name, services=[laid.name])["services"]
    assert [one["status"] for one in services if one["status"] == "ACTIVE"] == []
    stack.delete()

    laid.register("good")
    stack.make(service_template(laid))
    assert laid.steady()
    laid.register("bad-again", "exits")
    changed = service_template(laid, TaskDefinition=f"{laid.name}:3")
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_FAILED"):
        stack.make(changed, "update")
    assert "ECS Deployment Circuit Breaker was triggered" in stack.failures()[0][1]
    assert laid.page()[0] == 200
    # The way back means the family, whose newest revision is the bad one until it is deregistered.
    laid.ecs.deregister_task_definition(taskDefinition=f"{laid.name}:3")
    stack.client.continue_update_rollback(StackName=stack.name)
    stack.wait("rollback")
    assert eventually(laid.steady)
    stack.delete()


NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS::ECR::Repository": ("RepositoryName", {}),
    "AWS::ECS::Cluster": ("ClusterName", {}),
    "AWS::IAM::Role": ("RoleName", {"AssumeRolePolicyDocument": {"Statement": []}}),
    "AWS::KMS::Alias": ("AliasName", {"TargetKeyId": {"Ref": "Key"}}),
    "AWS::Logs::LogGroup": ("LogGroupName", {}),
    "AWS::S3::Bucket": ("BucketName", {}),
}


def test_a_name_that_is_taken_fails_the_change_set_and_only_its_events_say_why(account: Account) -> None:
    """validate-stack-deployments.html; the texts are those of aws/aws-cdk-cli#1000 and aws-cloudformation/rain#744."""
    resources: dict[str, Any] = {
        kind.rpartition("::")[2]: {
            "Type": kind,
            "Properties": {**more, name: "alias/owned" if kind == "AWS::KMS::Alias" else "owned"},
        }
        for kind, (name, more) in NAMED.items()
    }
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}
    template = json.dumps({"Resources": {**resources, "Key": key}})
    owner, other = Stack(account, "owner"), Stack(account, "other")
    owner.make(template)
    set_of = {"StackName": "other", "ChangeSetName": "c", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    made = other.client.create_change_set(**set_of, ChangeSetType="CREATE", TemplateBody=template)
    described = other.client.describe_change_set(StackName="other", ChangeSetName="c")
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "[AWS::EarlyValidation::ResourceExistenceCheck]" in described["StatusReason"]
    with pytest.raises(ClientError, match="One of ChangeSetName, OperationId or StackName must be specified"):
        other.client.describe_events(ChangeSetName="c")
    events = other.client.describe_events(ChangeSetName=made["Id"], Filters={"FailedEvents": True})["OperationEvents"]
    assert {one["ResourceType"] for one in events} == set(NAMED)
    [role] = [one for one in events if one["LogicalResourceId"] == "Role"]
    assert role["ValidationStatusReason"] == "Resource of type 'AWS::IAM::Role' with identifier 'owned' already exists."
    assert (role["EventType"], role["ValidationName"]) == ("VALIDATION_ERROR", "NAME_CONFLICT_VALIDATION")
    other.client.delete_stack(StackName="other")
    request = Request("other", "CREATE", template, {}, {}, None)
    with pytest.raises(GitopsError) as raised, CloudFormation(other.client).change_set(request):
        pass
    assert f"Role (AWS::IAM::Role): {role['ValidationStatusReason']}" in raised.value.others
    # The owner itself may change what it has.
    changed = owner.client.create_change_set(
        **{**set_of, "StackName": "owner"}, TemplateBody=template, Tags=[{"Key": "A", "Value": "b"}]
    )
    assert not owner.client.describe_events(ChangeSetName=changed["Id"])["OperationEvents"]
    owner.delete()
    # Nothing is there yet to be found, of two in one template: the second one's handler finds the first.
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "twice"}}
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        owner.make(json.dumps({"Resources": {"One": group, "Two": group}}))
    assert "with identifier 'twice' already exists" in owner.failures()[0][1]
    owner.delete()


def test_a_name_that_is_too_long_fails_its_resource(account: Account) -> None:
    """aws/copilot-cli#2118: 64 characters for a role."""
    stack = Stack(account, "too-long")
    role = {"RoleName": "r" * 65, "AssumeRolePolicyDocument": {"Statement": []}}
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        stack.make(json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}))
    assert "at 'roleName' failed to satisfy constraint: Member must have length less" in stack.failures()[0][1]
    stack.delete()
