"""Targets and load balancers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

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
        events = stack.client.describe_stack_events(StackName=kind)["StackEvents"]
        assert any(problem in one.get("ResourceStatusReason", "") for one in events)
        stack.delete()
