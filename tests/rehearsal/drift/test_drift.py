"""gitops drift against a whole rehearsal: under the drift role, with what hands do, and what they undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.rehearsal.ship import clone as clones
from tests.rehearsal.ship.clone import HERE, Clone

SSH = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


class Ran(NamedTuple):
    """One ``gitops drift --json``: its exit code, findings by stack or service, and what it says of each."""

    code: int
    findings: dict[str, list[dict[str, str]]]
    compared: dict[str, dict[str, Any]]

    def told(self, name: str) -> list[tuple[str, str, str]]:
        return [(one["what"], one["expected"], one["actual"]) for one in self.findings[name]]


class Rehearsal(NamedTuple):
    """A clone that has shipped its commit."""

    clone: Clone

    def client(self, service: str) -> Any:
        return self.clone.session().client(service)  # type: ignore[call-overload]

    def id(self, stack: str, logical_id: str) -> str:
        listed = self.client("cloudformation").list_stack_resources(StackName=f"fairweather-rehearsal-{stack}")
        found = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed["StackResourceSummaries"]}
        return str(found[logical_id])

    def drift(self) -> Ran:
        code, output = self.clone.run("gitops", "drift", "rehearsal", "--json")
        assert output.startswith("{"), output
        found = json.loads(output)
        assert found["exit_code"] == code
        compared = {f"{one['kind']} {one['name']}": one for one in found["compared"]}
        return Ran(code, {name: one["findings"] for name, one in compared.items() if one["findings"]}, compared)

    def update(self, **changed: Any) -> None:
        self.client("ecs").update_service(cluster=HERE.cluster, service="weather", **changed)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with clones.shipped(tmp_path_factory.mktemp("drift"), "processes") as (clone, _):
        yield Rehearsal(clone)


def test_what_was_shipped_has_not_drifted(rehearsal: Rehearsal) -> None:
    ran = rehearsal.drift()
    assert (ran.code, ran.findings) == (0, {})
    assert ran.compared["service weather"]["about"].endswith(", as it was reviewed")
    # The rule of the service's stack on the load balancer's group is known; CloudFormation calls it drift.
    described = rehearsal.client("cloudformation").describe_stack_resource_drifts(
        StackName="fairweather-rehearsal-platform", StackResourceDriftStatusFilters=["MODIFIED"]
    )
    assert [one["LogicalResourceId"] for one in described["StackResourceDrifts"]] == ["LoadBalancerSecurityGroup"]


def test_a_rule_that_was_opened_by_hand_is_named_until_it_is_closed(rehearsal: Rehearsal) -> None:
    ec2, group = rehearsal.client("ec2"), rehearsal.id("service-weather", "TaskSecurityGroup")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=SSH)
    ran = rehearsal.drift()
    assert (ran.code, list(ran.findings)) == (32, ["stack service-weather"])
    [(what, expected, actual)] = ran.told("stack service-weather")
    assert what == "TaskSecurityGroup (AWS::EC2::SecurityGroup) was changed by hand: SecurityGroupIngress[1]"
    assert (expected, json.loads(actual)["CidrIp"]) == ("", "0.0.0.0/0")
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=SSH)
    assert rehearsal.drift().code == 0


def test_a_count_that_was_set_by_hand_is_drift_where_scaling_would_not_set_it(rehearsal: Rehearsal) -> None:
    rehearsal.update(desiredCount=3)
    assert rehearsal.drift().code == 0
    rehearsal.update(desiredCount=5)
    ran = rehearsal.drift()
    assert ran.code == 32
    assert ("desired count", "2 to 4", "5") in ran.told("service weather")
    rehearsal.update(desiredCount=2)


def test_a_revision_that_was_edited_by_hand_is_drift_before_and_after_it_serves(rehearsal: Rehearsal) -> None:
    ecs = rehearsal.client("ecs")
    described = ecs.describe_task_definition(taskDefinition="weather-rehearsal", include=["TAGS"])
    known = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    edited = {key: value for key, value in described["taskDefinition"].items() if key in known}
    variables = edited["containerDefinitions"][0]["environment"]
    variables.append({"name": "ADMIN_TOKEN", "value": "open-sesame"})
    # The console copies the tags too, and with them the commit.
    revision = ecs.register_task_definition(**edited, tags=described["tags"])["taskDefinition"]["taskDefinitionArn"]
    before, after = (arn.rpartition("/")[2] for arn in (described["taskDefinition"]["taskDefinitionArn"], revision))
    [(what, expected, actual)] = rehearsal.drift().told("service weather")
    assert what.startswith("the newest revision is not the one that serves")
    assert (expected, actual) == (before, after)

    rehearsal.update(taskDefinition=revision)
    ran = rehearsal.drift()
    assert ran.code == 32
    path = "containerDefinitions[weather].environment[ADMIN_TOKEN]"
    assert (f"task definition {after} was edited by hand: {path}", "", "•••") in ran.told("service weather")
    assert "as it was reviewed" not in ran.compared["service weather"]["about"]

    # What a dispatch of Service runs, the next step that it names.
    for verb in ("register", "deploy"):
        code, output = rehearsal.clone.run("gitops", verb, "weather", "rehearsal")
        assert code == 0, output
    assert rehearsal.drift().code == 0


def test_a_commit_that_waits_is_said_and_is_no_drift(rehearsal: Rehearsal) -> None:
    readme = rehearsal.clone.path / "README.md"
    readme.write_text(readme.read_text() + "\n")
    rehearsal.clone.commit("Change nothing of the service")
    assert rehearsal.drift().findings == {}
    dockerfile = rehearsal.clone.path / "services/weather/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "\n")
    rehearsal.clone.commit("Change the image")
    ran = rehearsal.drift()
    assert ran.code == 0
    [(what, _, _)] = ran.told("service weather")
    assert what.startswith("behind the branch by 1 commit that touches it: ")
    assert what.endswith(" Change the image")
    rehearsal.clone.git("reset", "--quiet", "--hard", "HEAD~2")


def test_what_serves_and_is_on_no_branch_is_drift(rehearsal: Rehearsal) -> None:
    head = rehearsal.clone.git("rev-parse", "HEAD").strip()
    rehearsal.clone.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "History was rewritten")
    ran = rehearsal.drift()
    rehearsal.clone.git("reset", "--quiet", "--hard", head)
    assert (ran.code, list(ran.findings)) == (32, ["service weather"])
    # Its content is still what was reviewed at that commit.
    assert ran.told("service weather") == [
        ("serves a commit that the branch does not have", "one that it has", head[:12])
    ]


def test_the_drift_role_sees_the_newest_image(rehearsal: Rehearsal) -> None:
    head = rehearsal.clone.git("rev-parse", "HEAD").strip()
    assert rehearsal.clone.status()["services"]["weather"]["newest_image"]["tag"] == head


def test_an_image_that_nobody_scanned_is_not_called_clean(rehearsal: Rehearsal) -> None:
    code, output = rehearsal.clone.run("gitops", "scan", "--live", "rehearsal")
    assert code == 0, output
    assert "not scanned: the registry" in output
    assert "none known" not in output
