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


def trust(**claims: Any) -> Callable[[Template], None]:
    """A change of the claims that a job must have exactly to be trusted."""
    exactly = {"StringEquals": {f"{CLAIM}:{claim}": value for claim, value in claims.items()}}
    return set_at(f"{TRUST}.Condition", exactly if claims else {})


def get_att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


EVERYBODY = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Description": "x"}
SUBJECT = {"Fn::Sub": "repo:${GitHubOwner}/${GitHubRepository}:environment:${Environment}"}
IMMUTABLE = "repo:${GitHubOwner}@${GitHubOwnerId}/${GitHubRepository}@${GitHubRepositoryId}:environment:"
ANY_ENVIRONMENT = ["repo:${GitHubOwner}/${GitHubRepository}:environment:*", f"{IMMUTABLE}*"]
AUDIENCE = "sts.amazonaws.com"
TRUST = "DeployRole.Properties.AssumeRolePolicyDocument.Statement.0"
FIRST = "DeployRole.Properties.Policies.0.PolicyDocument.Statement.0"
GROUP = "TaskSecurityGroup.Properties"
SERVICE = "EcsService.Properties"
PASSES = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": {"Ref": "PlanRole"}}
PASSES_ANY = {
    "Effect": "Allow",
    "Action": ["iam:GetRole", "iam:PassRole"],
    "Resource": "*",
    "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
}

# Each rule, the template that is changed, and the mistakes.
MISTAKES: dict[tuple[Callable[[Template], Iterator[str]], str], list[Callable[[Template], None]]] = {
    (rules.no_public_address, "network"): [
        set_at("SubnetAPublic.Properties.MapPublicIpOnLaunch", True),
        set_at("SubnetBPrivate.Properties.MapPublicIpOnLaunch", None),
    ],
    (rules.no_public_address, "service"): [
        set_at(f"{SERVICE}.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", "ENABLED"),
    ],
    (rules.only_web_ports_open, "platform"): [
        set_at("LoadBalancerSecurityGroup.Properties.SecurityGroupIngress.0.ToPort", 8080),
    ],
    (rules.only_web_ports_open, "service"): [
        set_at(f"{GROUP}.SecurityGroupIngress.0", EVERYBODY),
        add("Ssh", "AWS::EC2::SecurityGroupIngress", **EVERYBODY, GroupId=get_att("TaskSecurityGroup", "GroupId")),
    ],
    (rules.rules_described, "service"): [set_at(f"{GROUP}.SecurityGroupEgress.0.Description", None)],
    (rules.rules_described, "platform"): [set_at("HttpsIngress.Properties.Description", "")],
    (rules.groups_close_their_egress, "platform"): [
        set_at("LoadBalancerSecurityGroup.Properties.SecurityGroupEgress", None),
    ],
    (rules.groups_close_their_egress, "service"): [set_at(f"{GROUP}.SecurityGroupEgress.0.IpProtocol", -1)],
    (rules.default_group_unused, "network"): [
        add("Rule", "AWS::EC2::SecurityGroupIngress", GroupId=get_att("Vpc", "DefaultSecurityGroup")),
    ],
    (rules.networks_have_a_flow_log, "network"): [
        set_at("FlowLog", None),
        set_at("FlowLog.Properties.ResourceId", {"Ref": "SubnetAPublic"}),
    ],
    (rules.oidc_trust_is_exact, DELIVERY): [
        trust(),
        trust(aud=AUDIENCE),
        trust(aud=AUDIENCE, sub=ANY_ENVIRONMENT),
        trust(aud=AUDIENCE, sub=[SUBJECT]),
        trust(sub=[SUBJECT, f"{IMMUTABLE}${{Environment}}"]),
        *(
            set_at(f"{TRUST}.Condition", {operator: {f"{CLAIM}:aud": AUDIENCE, f"{CLAIM}:sub": [SUBJECT]}})
            for operator in ("StringLike", "ForAllValues:StringEquals")
        ),
    ],
    (rules.one_listener_a_port, "platform"): [
        add("Second", "AWS::ElasticLoadBalancingV2::Listener", LoadBalancerArn={"Ref": "LoadBalancer"}, Port=80),
    ],
    (rules.services_act_for_this_account, "service"): [
        set_at("TaskRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition", None),
    ],
    (rules.no_sweeping_permission, DELIVERY): [
        set_at("PlanRole.Properties.ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        set_at(f"{FIRST}.Action", "*"),
        set_at(f"{FIRST}.Action", ["ecs:*"]),
        set_at(f"{FIRST}.NotAction", "iam:*"),
    ],
    (rules.roles_are_passed_narrowly, DELIVERY): [set_at(FIRST, PASSES), set_at(FIRST, PASSES_ANY)],
    (rules.made_roles_are_bounded, "service"): [set_at("TaskRole.Properties.PermissionsBoundary", None)],
    (rules.services_roll_safely, "service"): [
        set_at(f"{SERVICE}.TaskDefinition", {"Fn::Sub": "${Service}-${Environment}:1"}),
        set_at(f"{SERVICE}.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback", False),
        set_at(f"{SERVICE}.DesiredCount", 2),
        set_at("EcsService.Condition", None),
    ],
    (rules.targets_leave_quickly, "service"): [
        set_at("TargetGroup.Properties.TargetGroupAttributes", []),
        set_at("TargetGroup.Properties.HealthCheckPath", "/ready"),
    ],
}


@pytest.mark.parametrize(
    ("rule", "name", "change"), [(*which, change) for which, every in MISTAKES.items() for change in every]
)
def test_a_mistake_is_noticed(
    rule: Callable[[Template], Iterator[str]], name: str, change: Callable[[Template], None]
) -> None:
    template = copy.deepcopy(templates.load(name))
    change(template)
    assert len(list(rule(template))) == 1
