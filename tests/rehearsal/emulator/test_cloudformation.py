"""Change sets, and resource types made, changed and deleted by stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.emulator.cloudformation.change_sets import made
from tests.rehearsal.emulator.account import Account, eventually

TAGS = [{"Key": "Name", "Value": "one"}]
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.1.0.0/24"},
        },
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": TAGS}},
        "Nat": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "Tags": TAGS,
            },
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "test", "VpcId": {"Ref": "Vpc"}},
        },
        "In": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": {"Ref": "Group"},
                "IpProtocol": "tcp",
                "FromPort": 8080,
                "ToPort": 8080,
                "CidrIp": "10.0.0.0/8",
            },
        },
        "Out": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": {"Ref": "Group"},
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "CidrIp": "0.0.0.0/0",
            },
        },
        "Flow": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": {"Ref": "Vpc"},
                "ResourceType": "VPC",
                "TrafficType": "ALL",
                "LogGroupName": "flows",
                "Tags": TAGS,
            },
        },
        "Issuer": {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {"Url": "https://issuer.example", "ClientIdList": ["one"]},
        },
    },
    "Outputs": {
        name: {"Value": value}
        for name, value in {
            "Address": {"Ref": "Address"},
            "Allocation": {"Fn::GetAtt": ["Address", "AllocationId"]},
            "Nat": {"Ref": "Nat"},
            "Group": {"Ref": "Group"},
            "Flow": {"Ref": "Flow"},
            "Issuer": {"Fn::GetAtt": ["Issuer", "Arn"]},
        }.items()
    },
}


class Stack:
    def __init__(self, account: Account, name: str) -> None:
        self.client = account.client("cloudformation")
        self.name = name

    def outputs(self) -> dict[str, str]:
        [described] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def create(self, template: dict[str, Any]) -> dict[str, str]:
        self.client.create_stack(
            StackName=self.name, TemplateBody=json.dumps(template), Tags=[{"Key": "Project", "Value": "x"}]
        )
        self._wait("stack_create_complete")
        return self.outputs()

    def update(self, template: dict[str, Any]) -> dict[str, str]:
        self.client.update_stack(
            StackName=self.name, TemplateBody=json.dumps(template), Tags=[{"Key": "Project", "Value": "x"}]
        )
        self._wait("stack_update_complete")
        return self.outputs()

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def _wait(self, waiter: str) -> None:
        self.client.get_waiter(waiter).wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


@pytest.fixture
def ec2(account: Account) -> Any:
    return account.client("ec2")


def test_a_network_stack_is_made_changed_in_place_and_gone(account: Account, ec2: Any) -> None:
    stack = Stack(account, "network")
    made = stack.create(TEMPLATE)
    [address] = ec2.describe_addresses(AllocationIds=[made["Allocation"]])["Addresses"]
    assert address["PublicIp"] == made["Address"]
    [nat] = ec2.describe_nat_gateways(NatGatewayIds=[made["Nat"]])["NatGateways"]
    assert {"Key": "Project", "Value": "x"} in nat["Tags"]
    [group] = ec2.describe_security_groups(GroupIds=[made["Group"]])["SecurityGroups"]
    assert [rule["FromPort"] for rule in group["IpPermissions"]] == [8080]
    assert 443 in [rule.get("FromPort") for rule in group["IpPermissionsEgress"]]

    changed = json.loads(json.dumps(TEMPLATE).replace('"one"', '"two"').replace("8080", "9090"))
    after = stack.update(changed)
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
    made = stack.create(TEMPLATE)
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Other"] = {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.1.1.0/24"},
    }
    template["Resources"]["Nat"]["Properties"]["SubnetId"] = {"Ref": "Other"}
    after = stack.update(template)
    assert after["Nat"] != made["Nat"]
    gateways = [nat["NatGatewayId"] for nat in ec2.describe_nat_gateways()["NatGateways"]]
    assert after["Nat"] in gateways
    assert made["Nat"] not in gateways
    stack.delete()


def test_a_scaling_target_brings_a_service_up_to_its_minimum(account: Account) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="scaled")
    ecs.register_task_definition(family="scaled", containerDefinitions=[{"name": "a", "image": "127.0.0.1:1/a"}])
    ecs.create_service(cluster="scaled", serviceName="scaled", taskDefinition="scaled", desiredCount=0)
    stack = Stack(account, "scaling")
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": "service/scaled/scaled",
            "MinCapacity": 2,
            "MaxCapacity": 4,
        },
    }
    policy = {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "Target"},
        },
    }
    outputs = {"Target": {"Value": {"Ref": "Target"}}, "Policy": {"Value": {"Ref": "Policy"}}}
    made = stack.create({"Resources": {"Target": target, "Policy": policy}, "Outputs": outputs})
    assert made["Target"] == "service/scaled/scaled|ecs:service:DesiredCount|ecs"
    assert made["Policy"].startswith("arn:aws:autoscaling:")
    [service] = ecs.describe_services(cluster="scaled", services=["scaled"])["services"]
    assert service["desiredCount"] == 2
    stack.delete()
    ecs.delete_service(cluster="scaled", service="scaled", force=True)


SOMETIMES: dict[str, Any] = {
    "Parameters": {"Wanted": {"Type": "String", "Default": "no"}},
    "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
    "Resources": {
        "Always": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "always"}},
        "Sometimes": {
            "Type": "AWS::Logs::LogGroup",
            "Condition": "IsWanted",
            "Properties": {"LogGroupName": "sometimes"},
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Always"}}},
}


def test_only_what_the_conditions_allow_is_compared() -> None:
    template = {
        "Resources": {
            "Always": {"Type": "A"},
            "On": {"Type": "B", "Condition": "Yes"},
            "Off": {"Type": "C", "Condition": "No"},
        },
        "Outputs": {"X": {"Value": "1"}, "Y": {"Value": "2", "Condition": "No"}},
    }
    result = made(template, {"Yes": True, "No": False})
    assert sorted(result["Resources"]) == ["Always", "On"]
    assert result["Outputs"] == {"X": {"Value": "1"}}


def change_set(cfn: Any, name: str, template: dict[str, Any], **parameters: str) -> Any:
    cfn.create_change_set(
        StackName="sets",
        ChangeSetName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    described: list[Any] = []

    def made_up() -> bool:
        described.append(cfn.describe_change_set(StackName="sets", ChangeSetName=name))
        return described[-1]["Status"] in ("CREATE_COMPLETE", "FAILED")

    assert eventually(made_up)
    return described[-1]


def test_a_change_set_for_a_condition_or_an_output_alone_can_be_executed(account: Account) -> None:
    cfn = account.client("cloudformation")
    cfn.create_stack(StackName="sets", TemplateBody=json.dumps(SOMETIMES))
    cfn.get_waiter("stack_create_complete").wait(StackName="sets", WaiterConfig={"Delay": 1})

    nothing = change_set(cfn, "nothing", SOMETIMES)
    assert (nothing["Status"], nothing["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")

    condition = change_set(cfn, "condition", SOMETIMES, Wanted="yes")
    [change] = [one["ResourceChange"] for one in condition["Changes"]]
    assert (change["Action"], change["LogicalResourceId"]) == ("Add", "Sometimes")

    more = {**SOMETIMES, "Outputs": {**SOMETIMES["Outputs"], "More": {"Value": "told"}}}
    output = change_set(cfn, "output", more)
    assert (output["Status"], output["ExecutionStatus"], output["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    cfn.execute_change_set(StackName="sets", ChangeSetName="output")
    cfn.get_waiter("stack_update_complete").wait(StackName="sets", WaiterConfig={"Delay": 1})
    outputs = cfn.describe_stacks(StackName="sets")["Stacks"][0]["Outputs"]
    assert {one["OutputKey"]: one["OutputValue"] for one in outputs} == {"Name": "always", "More": "told"}
    cfn.delete_stack(StackName="sets")
