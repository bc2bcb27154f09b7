"""Each rule notices the mistake it is there for: one change to a committed template, one offence."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.infra import rules, templates
from tests.infra.templates import Template

DELIVERY = "bootstrap-delivery-roles"
CLAIM = "token.actions.githubusercontent.com"


def set_at(path: str, value: Any) -> Callable[[Template], None]:
    """A change that puts ``value`` at a dotted path below Resources; None takes the key away."""

    def change(template: Template) -> None:
        *steps, last = path.split(".")
        node: Any = template["Resources"]
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        key: Any = int(last) if isinstance(node, list) else last
        if value is None:
            del node[key]
        else:
            node[key] = value

    return change


def add(name: str, type_: str, **properties: Any) -> Callable[[Template], None]:
    """A change that adds a resource."""
    return set_at(name, {"Type": type_, "Properties": properties})


def trust(condition: dict[str, Any]) -> Callable[[Template], None]:
    """A change of the conditions under which a job is trusted."""
    return set_at("DeployRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition", condition)


EVERYBODY = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Description": "x"}
SUBJECT = {"Fn::Sub": "repo:${GitHubOwner}/${GitHubRepository}:environment:${Environment}"}
BOTH_FORMS = [
    SUBJECT,
    "repo:${GitHubOwner}@${GitHubOwnerId}/${GitHubRepository}@${GitHubRepositoryId}:environment:${Environment}",
]
ANY_ENVIRONMENT = [
    "repo:${GitHubOwner}/${GitHubRepository}:environment:*",
    "repo:${GitHubOwner}@${GitHubOwnerId}/${GitHubRepository}@${GitHubRepositoryId}:environment:*",
]
FIRST = "Properties.Policies.0.PolicyDocument.Statement.0"

MISTAKES = [
    (rules.no_public_address, "network", set_at("SubnetAPublic.Properties.MapPublicIpOnLaunch", True)),
    (rules.no_public_address, "network", set_at("SubnetBPrivate.Properties.MapPublicIpOnLaunch", None)),
    (
        rules.no_public_address,
        "service",
        set_at("EcsService.Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", "ENABLED"),
    ),
    (
        rules.only_web_ports_open,
        "platform",
        set_at("LoadBalancerSecurityGroup.Properties.SecurityGroupIngress.0.ToPort", 8080),
    ),
    (rules.only_web_ports_open, "service", set_at("TaskSecurityGroup.Properties.SecurityGroupIngress.0", EVERYBODY)),
    (
        rules.only_web_ports_open,
        "service",
        add(
            "Ssh",
            "AWS::EC2::SecurityGroupIngress",
            **EVERYBODY,
            GroupId={"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]},
        ),
    ),
    (
        rules.rules_described,
        "service",
        set_at("TaskSecurityGroup.Properties.SecurityGroupEgress.0.Description", None),
    ),
    (rules.rules_described, "platform", set_at("HttpsIngress.Properties.Description", "")),
    (
        rules.groups_close_their_egress,
        "platform",
        set_at("LoadBalancerSecurityGroup.Properties.SecurityGroupEgress", None),
    ),
    (
        rules.groups_close_their_egress,
        "service",
        set_at("TaskSecurityGroup.Properties.SecurityGroupEgress.0.IpProtocol", -1),
    ),
    (
        rules.default_group_unused,
        "network",
        add("Rule", "AWS::EC2::SecurityGroupIngress", GroupId={"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}),
    ),
    (rules.networks_have_a_flow_log, "network", set_at("FlowLog", None)),
    (rules.networks_have_a_flow_log, "network", set_at("FlowLog.Properties.ResourceId", {"Ref": "SubnetAPublic"})),
    (rules.oidc_trust_is_exact, DELIVERY, trust({})),
    (rules.oidc_trust_is_exact, DELIVERY, trust({"StringEquals": {f"{CLAIM}:aud": "sts.amazonaws.com"}})),
    (
        rules.oidc_trust_is_exact,
        DELIVERY,
        trust({"StringLike": {f"{CLAIM}:aud": "sts.amazonaws.com", f"{CLAIM}:sub": "repo:example-org/fairweather*"}}),
    ),
    (
        rules.oidc_trust_is_exact,
        DELIVERY,
        trust({"StringEquals": {f"{CLAIM}:aud": "sts.amazonaws.com", f"{CLAIM}:sub": ANY_ENVIRONMENT}}),
    ),
    (
        rules.oidc_trust_is_exact,
        DELIVERY,
        trust({"ForAllValues:StringEquals": {f"{CLAIM}:aud": "sts.amazonaws.com", f"{CLAIM}:sub": [SUBJECT]}}),
    ),
    (
        rules.oidc_trust_is_exact,
        DELIVERY,
        trust({"StringEquals": {f"{CLAIM}:aud": "sts.amazonaws.com", f"{CLAIM}:sub": [SUBJECT]}}),
    ),
    (rules.oidc_trust_is_exact, DELIVERY, trust({"StringEquals": {f"{CLAIM}:sub": BOTH_FORMS}})),
    (
        rules.services_act_for_this_account,
        "service",
        set_at("TaskRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition", None),
    ),
    (
        rules.no_sweeping_permission,
        DELIVERY,
        set_at("PlanRole.Properties.ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ),
    (rules.no_sweeping_permission, DELIVERY, set_at(f"DeployRole.{FIRST}.Action", "*")),
    (rules.no_sweeping_permission, DELIVERY, set_at(f"DeployRole.{FIRST}.Action", ["ecs:*"])),
    (rules.no_sweeping_permission, DELIVERY, set_at(f"DeployRole.{FIRST}.NotAction", "iam:*")),
    (
        rules.roles_are_passed_narrowly,
        DELIVERY,
        set_at(f"DeployRole.{FIRST}", {"Effect": "Allow", "Action": "iam:PassRole", "Resource": {"Ref": "PlanRole"}}),
    ),
    (
        rules.roles_are_passed_narrowly,
        DELIVERY,
        set_at(
            f"DeployRole.{FIRST}",
            {
                "Effect": "Allow",
                "Action": ["iam:GetRole", "iam:PassRole"],
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            },
        ),
    ),
    (rules.made_roles_are_bounded, "service", set_at("TaskRole.Properties.PermissionsBoundary", None)),
    (
        rules.services_roll_safely,
        "service",
        set_at("EcsService.Properties.TaskDefinition", {"Fn::Sub": "${Service}-${Environment}:1"}),
    ),
    (
        rules.services_roll_safely,
        "service",
        set_at("EcsService.Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback", False),
    ),
    (rules.services_roll_safely, "service", set_at("EcsService.Properties.DesiredCount", 2)),
    (rules.services_roll_safely, "service", set_at("EcsService.Condition", None)),
    (rules.targets_leave_quickly, "service", set_at("TargetGroup.Properties.TargetGroupAttributes", [])),
    (rules.targets_leave_quickly, "service", set_at("TargetGroup.Properties.HealthCheckPath", "/ready")),
]


@pytest.mark.parametrize(("rule", "name", "change"), MISTAKES)
def test_a_mistake_is_noticed(
    rule: Callable[[Template], Iterator[str]], name: str, change: Callable[[Template], None]
) -> None:
    template = copy.deepcopy(templates.load(name))
    change(template)
    assert len(list(rule(template))) == 1
