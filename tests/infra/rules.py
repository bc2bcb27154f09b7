"""What checkov has no check for: each rule gives a template's offences against it, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.infra.templates import Template, as_list, of_type, statements, trusts, value

EVERYBODY = {"0.0.0.0/0", "::/0"}
CLAIM = "token.actions.githubusercontent.com"


def no_public_address(template: Template) -> Iterator[str]:
    """Subnets hand out no public address, and tasks ask for none."""
    for name, subnet in of_type(template, "AWS::EC2::Subnet").items():
        if subnet.get("MapPublicIpOnLaunch") is not False:
            yield f"{name} hands out public addresses"
    for name, service in of_type(template, "AWS::ECS::Service").items():
        network = service.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
        if network.get("AssignPublicIp") != "DISABLED":
            yield f"{name} gives its tasks public addresses"


def _rules(template: Template, direction: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each rule of one direction: where it stands, the group it belongs to, and itself."""
    for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
        for number, rule in enumerate(group.get(f"SecurityGroup{direction}", [])):
            yield f"{name}.{direction}.{number}", name, rule
    for name, rule in of_type(template, f"AWS::EC2::SecurityGroup{direction}").items():
        yield name, rule.get("GroupId"), rule


def only_web_ports_open(template: Template) -> Iterator[str]:
    """Everybody reaches ports 80 and 443 of a load balancer, and nothing else."""
    balancers = json.dumps(
        [one.get("SecurityGroups") for one in of_type(template, "AWS::ElasticLoadBalancingV2::LoadBalancer").values()]
    )
    for where, group, rule in _rules(template, "Ingress"):
        if not {value(template, rule.get("CidrIp")), value(template, rule.get("CidrIpv6"))} & EVERYBODY:
            continue
        owner = group if isinstance(group, str) else next(iter(group.values()))[0]
        if f'"{owner}"' not in balancers:
            yield f"{where} is open to everybody and is not a load balancer's"
        elif rule.get("FromPort") != rule.get("ToPort") or rule.get("FromPort") not in (80, 443):
            yield f"{where} opens {rule.get('FromPort')} to {rule.get('ToPort')} to everybody"


def rules_described(template: Template) -> Iterator[str]:
    """Each rule says whom it lets in or out."""
    for direction in ("Ingress", "Egress"):
        for where, _, rule in _rules(template, direction):
            if not rule.get("Description"):
                yield f"{where} has no description"


def groups_close_their_egress(template: Template) -> Iterator[str]:
    """A group without egress rules gets AWS's own, which allows everything."""
    for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
        if not group.get("SecurityGroupEgress"):
            yield f"{name} leaves its egress to AWS's default"
    for where, _, rule in _rules(template, "Egress"):
        if str(rule.get("IpProtocol")) == "-1":
            yield f"{where} lets every protocol out"


def default_group_unused(template: Template) -> Iterator[str]:
    """Nothing joins a VPC's default group, whose rules CloudFormation cannot remove."""
    if "DefaultSecurityGroup" in json.dumps(template["Resources"]):
        yield "the default security group is used"


def networks_have_a_flow_log(template: Template) -> Iterator[str]:
    """Each VPC records what it turned away."""
    logged = [log.get("ResourceId") for log in of_type(template, "AWS::EC2::FlowLog").values()]
    for name in of_type(template, "AWS::EC2::VPC"):
        if {"Ref": name} not in logged:
            yield f"{name} has no flow log"


def oidc_trust_is_exact(template: Template) -> Iterator[str]:
    """A job is trusted by audience and by its exact subject, in the immutable and the older form."""
    for name, statement in trusts(template):
        if "sts:AssumeRoleWithWebIdentity" not in as_list(statement["Action"]):
            continue
        conditions = statement.get("Condition", {})
        if set(conditions) != {"StringEquals"}:
            yield f"{name} compares by {', '.join(conditions) or 'nothing'}"
            continue
        claims = conditions["StringEquals"]
        if claims.get(f"{CLAIM}:aud") != "sts.amazonaws.com":
            yield f"{name} does not ask for the audience"
        subjects = [one["Fn::Sub"] if isinstance(one, dict) else one for one in as_list(claims.get(f"{CLAIM}:sub", []))]
        if any("*" in one or "?" in one for one in subjects):
            yield f"{name} trusts a pattern of subjects"
        endings = {
            prefix: {one.removeprefix(prefix) for one in subjects if one.startswith(prefix)}
            for prefix in (
                "repo:${GitHubOwner}/${GitHubRepository}:",
                "repo:${GitHubOwner}@${GitHubOwnerId}/${GitHubRepository}@${GitHubRepositoryId}:",
            )
        }
        older, immutable = endings.values()
        if not older or older != immutable or len(older) + len(immutable) != len(subjects):
            yield f"{name} does not trust both forms of the same subjects"


def services_act_for_this_account(template: Template) -> Iterator[str]:
    """A service that works for many accounts uses a role only for ours (the confused deputy)."""
    for name, statement in trusts(template):
        services = set(as_list(statement.get("Principal", {}).get("Service", [])))
        condition = statement.get("Condition", {})
        # CloudFormation takes a role only from a caller of the same account who may pass it.
        if services - {"cloudformation.amazonaws.com"} and not (
            condition.get("StringEquals", {}).get("aws:SourceAccount") == {"Ref": "AWS::AccountId"}
            and "aws:SourceArn" in condition.get("ArnLike", {})
        ):
            yield f"{name} trusts {', '.join(services)} for any account"


def no_sweeping_permission(template: Template) -> Iterator[str]:
    """No role has all of a service, or a policy that AWS writes and widens."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has a managed policy: {role['ManagedPolicyArns']}"
    for name, statement in statements(template):
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{name} allows all but something"
        for action in as_list(statement.get("Action", [])):
            if action == "*" or action.endswith(":*"):
                yield f"{name} allows {action}"


def roles_are_passed_narrowly(template: Template) -> Iterator[str]:
    """A role is handed only to one service, and only roles that are named."""
    for name, statement in statements(template):
        if "iam:PassRole" not in as_list(statement.get("Action", [])):
            continue
        services = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
        if not isinstance(services, str):
            yield f"{name} passes roles to any service"
        for resource in as_list(statement["Resource"]):
            written = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            if written == "*" or written.endswith((":role/*", "/*")):
                yield f"{name} passes any role"


def made_roles_are_bounded(template: Template) -> Iterator[str]:
    """A role that CloudFormation makes for the infrastructure job carries the boundary."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        if role.get("PermissionsBoundary") != {"Ref": "RoleBoundaryArn"}:
            yield f"{name} has no boundary"


def services_roll_safely(template: Template) -> Iterator[str]:
    """A stack update never undoes a deploy, and a bad deploy rolls itself back."""
    for name, service in of_type(template, "AWS::ECS::Service").items():
        deployment = service.get("DeploymentConfiguration", {})
        if service.get("TaskDefinition") != {"Fn::Sub": "${Service}-${Environment}"}:
            yield f"{name} does not name the family alone"
        if deployment.get("DeploymentCircuitBreaker") != {"Enable": True, "Rollback": True}:
            yield f"{name} has no circuit breaker with rollback"
        if (deployment.get("MinimumHealthyPercent"), deployment.get("MaximumPercent")) != (100, 200):
            yield f"{name} stops tasks before new ones are healthy"
        if "DesiredCount" in service:
            yield f"{name} resets what scaling set"
        if service.get("AvailabilityZoneRebalancing") != "ENABLED":
            yield f"{name} stays in one zone after the other came back"
        if template["Resources"][name].get("Condition") != "HasService":
            yield f"{name} is made before its family has a revision"


def targets_leave_quickly(template: Template) -> Iterator[str]:
    """A target is asked on /health, and leaves within 30 seconds."""
    for name, group in of_type(template, "AWS::ElasticLoadBalancingV2::TargetGroup").items():
        if value(template, group.get("HealthCheckPath")) != "/health":
            yield f"{name} is asked on {group.get('HealthCheckPath')}"
        attributes = {one["Key"]: one["Value"] for one in group.get("TargetGroupAttributes", [])}
        delay = attributes.get("deregistration_delay.timeout_seconds", 300)
        highest = template["Parameters"][delay["Ref"]].get("MaxValue", 3600) if isinstance(delay, dict) else delay
        if int(highest) > 30:
            yield f"{name} lets a target leave for up to {highest} seconds"


def one_listener_a_port(template: Template) -> Iterator[str]:
    """A listener of another condition cannot take the port: it is made before the old one goes (aws/aws-cdk#34235)."""
    ports: dict[str, str] = {}
    for name, listener in of_type(template, "AWS::ElasticLoadBalancingV2::Listener").items():
        place = f"{listener.get('LoadBalancerArn')} {listener.get('Port')}"
        if place in ports:
            yield f"{name} has the port of {ports[place]}"
        ports[place] = name
