"""Targets and load balancers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from rehearsal.emulator import elbv2
from rehearsal.emulator.elbv2 import attributes
from rehearsal.emulator.elbv2.targets import HealthCheck, Target, checked, registered
from tests.rehearsal.emulator.account import Account
from tests.rehearsal.emulator.stack import Stack

CHECK = HealthCheck("/health", interval=10, timeout=5, healthy_threshold=2, unhealthy_threshold=3, matcher="200")


def after(target: Target, *problems: str | None) -> Target:
    now = target.due
    for problem in problems:
        target = checked(target, CHECK, problem, now)
        now = target.due
    return target


def test_a_new_target_that_fails_stays_initial_until_the_unhealthy_threshold_of_intervals() -> None:
    assert checked(registered(0), CHECK, "down", now=29.9).state == "initial"
    assert checked(registered(0), CHECK, "down", now=30).state == "unhealthy"


@pytest.mark.parametrize(
    ("problems", "state"),
    [
        ([], "healthy"),
        (["down", "down"], "healthy"),
        (["down", "down", "down"], "unhealthy"),
        (["down", "down", None, "down", "down"], "healthy"),
        (["down", "down", "down", None], "unhealthy"),
        (["down", "down", "down", None, None], "healthy"),
        (["down", "down", "down", None, "down", None], "unhealthy"),
    ],
)
def test_one_passed_check_makes_a_new_target_healthy_and_later_the_groups_thresholds_decide(
    problems: list[str | None], state: str
) -> None:
    found = after(registered(0), None, *problems)
    assert found.state == state
    # An unhealthy one says why.
    assert (found.detail == "down") is (state == "unhealthy")


def test_a_draining_target_is_asked_no_more_and_a_healthy_one_once_an_interval() -> None:
    draining = Target("draining", registered=0, due=0)
    assert checked(draining, CHECK, "down", now=100) is draining
    assert checked(registered(0), CHECK, None, now=4).due == 14


@pytest.mark.parametrize(
    ("matcher", "status", "accepted"),
    [("200", 200, True), ("200", 204, False), ("200,202", 202, True), ("200-299", 250, True), ("200-299", 302, False)],
)
def test_the_matcher_of_the_group(matcher: str, status: int, accepted: bool) -> None:
    check = HealthCheck("/", 10, 5, 2, 2, matcher)
    assert check.accepts(status) is accepted


@pytest.fixture
def balancer(account: Account) -> Iterator[str]:
    """The ARN of a load balancer with a listener on port 80 and one rule of priority 5."""
    elb = account.client("elbv2")
    [made] = elb.create_load_balancer(Name="shared", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"]
    arn = made["LoadBalancerArn"]
    listener = listen(elb, arn, 80)
    rule(elb, listener, 5)
    yield arn
    for one in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        elb.delete_listener(ListenerArn=one["ListenerArn"])
    elb.delete_load_balancer(LoadBalancerArn=arn)


ANSWER = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain"}}


def listen(elb: Any, balancer: str, port: int) -> str:
    made = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[ANSWER])
    return str(made["Listeners"][0]["ListenerArn"])


def rule(elb: Any, listener: str, priority: int) -> str:
    path = [{"Field": "path-pattern", "Values": [f"/{priority}"]}]
    made = elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=path, Actions=[ANSWER])
    return str(made["Rules"][0]["RuleArn"])


def test_one_listener_has_a_port(account: Account, balancer: str) -> None:
    """hashicorp/terraform#26407; API_CreateListener and API_ModifyListener, DuplicateListener"""
    elb = account.client("elbv2")
    with pytest.raises(ClientError, match=r"DuplicateListener.*A listener already exists on this port"):
        listen(elb, balancer, 80)
    other = listen(elb, balancer, 81)
    elb.modify_listener(ListenerArn=other, Port=81, Protocol="HTTP")
    with pytest.raises(ClientError, match="DuplicateListener"):
        elb.modify_listener(ListenerArn=other, Port=80)
    elb.modify_listener(ListenerArn=other, Port=82)
    assert sorted(one["Port"] for one in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]) == [80, 82]


def test_one_rule_of_a_listener_has_a_priority(account: Account, balancer: str) -> None:
    """wellcomecollection/wellcomecollection.org#6519; API_CreateRule and API_SetRulePriorities, PriorityInUse"""
    elb = account.client("elbv2")
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    with pytest.raises(ClientError, match=r"PriorityInUse.*Priority '5' is currently in use"):
        rule(elb, listener, 5)
    six = rule(elb, listener, 6)
    five = next(r["RuleArn"] for r in elb.describe_rules(ListenerArn=listener)["Rules"] if r["Priority"] == "5")
    with pytest.raises(ClientError, match="PriorityInUse"):
        elb.set_rule_priorities(RulePriorities=[{"RuleArn": six, "Priority": 5}])
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": six, "Priority": 5}, {"RuleArn": five, "Priority": 6}])
    now = {r["RuleArn"]: r["Priority"] for r in elb.describe_rules(ListenerArn=listener)["Rules"]}
    assert (now[six], now[five]) == ("5", "6")
    rule(elb, listen(elb, balancer, 83), 5)


def test_a_stack_does_not_get_a_port_or_a_priority_that_is_taken(account: Account, balancer: str) -> None:
    """The same, asked for by CloudFormation on a template's behalf."""
    elb = account.client("elbv2")
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    port = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [ANSWER]}
    path = [{"Field": "path-pattern", "Values": ["/x"]}]
    priority = {"ListenerArn": listener, "Priority": "5", "Conditions": path, "Actions": [ANSWER]}
    kinds = {
        "Listener": (port, "A listener already exists on this port"),
        "ListenerRule": (priority, "Priority '5' is"),
    }
    for kind, (properties, problem) in kinds.items():
        resource = {"Type": f"AWS::ElasticLoadBalancingV2::{kind}", "Properties": properties}
        stack = Stack(account, kind)
        with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
            stack.make(json.dumps({"Resources": {"One": resource}}))
        assert problem in stack.failures()[0][1]
        stack.delete()


LOGGING = """
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: balanced-logs}}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: guarded
      Subnets: [subnet-1, subnet-2]
      LoadBalancerAttributes:
        - {Key: deletion_protection.enabled, Value: "true"}
        - {Key: access_logs.s3.enabled, Value: "true"}
        - {Key: access_logs.s3.bucket, Value: !Ref Bucket}
"""


def test_what_is_protected_or_not_empty_is_not_deleted(account: Account) -> None:
    """API_DeleteLoadBalancer, rebuy-de/aws-nuke#258; enable-access-logging.html has the test file; cfn-lint#3259."""
    elb, s3, stack = account.client("elbv2"), account.client("s3"), Stack(account, "guarded")
    stack.make(LOGGING)
    arn = stack.id("Balancer")
    [test_file] = s3.list_objects_v2(Bucket="balanced-logs")["Contents"]
    assert test_file["Key"] == "AWSLogs/000000000000/ELBAccessLogTestFile"
    with pytest.raises(ClientError, match=r"OperationNotPermitted.*cannot be deleted because deletion protection is"):
        elb.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(WaiterError, match="DELETE_FAILED"):
        stack.delete()
    assert "deletion protection is enabled" in dict(stack.failures())["Balancer"]
    taken = Stack(account, "taken")
    for name, problem in (("guarded", "already exists"), ("g" * 33, "cannot be longer than '32' characters")):
        balancer = {"Name": name, "Subnets": ["subnet-1", "subnet-2"]}
        with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
            taken.make(json.dumps({"Resources": {"Balancer": {"Type": attributes.BALANCER, "Properties": balancer}}}))
        assert problem in taken.failures()[0][1]
        taken.delete()
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
    with pytest.raises(WaiterError, match="DELETE_FAILED"):
        stack.delete()
    assert "The bucket you tried to delete is not empty" in dict(stack.failures())["Bucket"]
    s3.delete_object(Bucket="balanced-logs", Key=test_file["Key"])
    stack.delete()


def test_the_way_from_http_to_https_is_an_action_and_not_another_listener(account: Account, balancer: str) -> None:
    """aws/aws-cdk#34235: CloudFormation makes what is new before it deletes what is old, and a port takes one."""
    fixed, redirect = json.dumps(ANSWER), json.dumps({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}})

    def template(name: str, action: str) -> str:
        properties = {
            "LoadBalancerArn": balancer,
            "Port": 90,
            "Protocol": "HTTP",
            "DefaultActions": [json.loads(action)],
        }
        return json.dumps({"Resources": {name: {"Type": elbv2.LISTENER, "Properties": properties}}})

    stack = Stack(account, "to-https")
    stack.make(template("Plain", fixed))
    before = stack.id("Plain")
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_COMPLETE"):
        stack.make(template("Redirecting", redirect), "update")
    assert "A listener already exists on this port" in stack.failures()[0][1]
    stack.make(template("Plain", redirect), "update")
    assert stack.id("Plain") == before
    stack.delete()
