"""The roles of the templates, CloudFormation's own among them."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from rehearsal.emulator.cloudformation.needs import BEYOND, ONLY_WITH, Step, needs
from tests.infra import templates
from tests.infra.templates import as_list

# Detecting drift changes nothing either: its access level is Read (list_awscloudformation.html).
READS = ("Describe", "List", "Get", "BatchGet", "BatchCheck", "BatchDescribe", "Detect")
TEMPLATE = templates.bootstrap()


def statements(role: str, effect: str = "Allow") -> list[dict[str, Any]]:
    """What a role is allowed, or denied."""
    return [one for name, one in templates.statements(TEMPLATE) if name == role and one["Effect"] == effect]


def allowed(role: str) -> set[str]:
    """The actions a role is allowed, somewhere."""
    return {action for one in statements(role) for action in as_list(one["Action"])}


def changes(role: str) -> set[str]:
    """Those of them that change something."""
    return {action for action in allowed(role) if not action.split(":")[1].startswith(READS)}


def resources(role: str, action: str) -> list[str]:
    """What a role is allowed an action on, as written."""
    return [
        resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else str(resource)
        for one in statements(role)
        if action in as_list(one["Action"])
        for resource in as_list(one["Resource"])
    ]


# A change here is a change of who may do what: it belongs into the pull request's description.
CHANGES = {
    role: set(actions.split())
    for role, actions in {
        "PlanRole": "cloudformation:CreateChangeSet cloudformation:DeleteChangeSet cloudformation:TagResource",
        "BuildRole": "ecr:CompleteLayerUpload ecr:InitiateLayerUpload ecr:PutImage ecr:UploadLayerPart",
        "DeployRole": """
            ecs:DeleteTaskDefinitions ecs:DeregisterTaskDefinition ecs:RegisterTaskDefinition
            ecs:StopServiceDeployment ecs:TagResource ecs:UpdateService iam:PassRole""",
        "InfrastructureRole": """
            cloudformation:CreateChangeSet cloudformation:DeleteChangeSet cloudformation:DeleteStack
            cloudformation:ExecuteChangeSet cloudformation:TagResource cloudformation:UpdateTerminationProtection
            ecs:DeregisterTaskDefinition iam:PassRole""",
        "TeardownRole": """
            cloudformation:DeleteStack cloudformation:UpdateTerminationProtection
            ecs:DeleteTaskDefinitions ecs:DeregisterTaskDefinition
            elasticloadbalancing:ModifyLoadBalancerAttributes iam:PassRole logs:DeleteLogGroup
            s3:DeleteObject s3:DeleteObjectVersion ssm:DeleteParameter""",
        "DriftRole": "",
        "DrillRole": """
            ecs:DeleteTaskDefinitions ecs:DeregisterTaskDefinition ecs:RegisterTaskDefinition
            ecs:StopTask ecs:TagResource ecs:UpdateService iam:PassRole""",
    }.items()
}


def test_drift_detection_may_read_whatever_a_stack_holds() -> None:
    """It reads with the caller's permissions: those of each type's read handler (using-cfn-stack-drift.html)."""
    types = {one["Type"] for name in templates.NAMES for one in templates.load(name)["Resources"].values()}
    assert len(types) > 20
    granted = allowed("DriftRole")
    for kind in sorted(types):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-2", kind).schema
        # Endpoints of VPC Lattice are not among ours, and the action is none that IAM knows.
        needed = {one for one in schema["handlers"]["read"]["permissions"] if not one.startswith("vpc-lattice:")}
        missing = {one for one in needed if not any(fnmatchcase(one, pattern) for pattern in granted)}
        assert not missing, kind


@pytest.mark.parametrize("role", CHANGES)
def test_a_role_changes_what_its_job_changes_and_nothing_else(role: str) -> None:
    assert changes(role) == CHANGES[role]


def test_every_job_has_its_role() -> None:
    roles = templates.of_type(TEMPLATE, "AWS::IAM::Role")
    assert set(roles) == {*CHANGES, "CloudFormationRole"}
    assert {f"{role['RoleName']['Fn::Sub'].rsplit('-', 1)[1]}role" for role in roles.values()} == {
        name.lower() for name in roles
    }


@pytest.mark.parametrize(
    ("role", "endings"),
    [
        ("PlanRole", {"pull_request", "ref:refs/heads/${GitHubBranch}"}),
        ("BuildRole", {"ref:refs/heads/${GitHubBranch}"}),
        ("DeployRole", {"environment:${Environment}"}),
        ("InfrastructureRole", {"environment:${Environment}-infrastructure"}),
        ("TeardownRole", {"environment:${Environment}-teardown"}),
        ("DriftRole", {"ref:refs/heads/${GitHubBranch}"}),
        ("DrillRole", {"environment:${Environment}-drill"}),
    ],
)
def test_a_role_is_for_its_own_jobs(role: str, endings: set[str]) -> None:
    [trust] = [statement for name, statement in templates.trusts(TEMPLATE) if name == role]
    subjects = trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert {one["Fn::Sub"].split(":", 2)[2] for one in subjects} == endings


@pytest.mark.parametrize("role", ["InfrastructureRole", "TeardownRole"])
@pytest.mark.parametrize("action", ["cloudformation:DeleteStack", "cloudformation:UpdateTerminationProtection"])
def test_the_roles_own_stack_is_out_of_their_reach(role: str, action: str) -> None:
    stacks = {one.split(":stack/")[1] for one in resources(role, action)}
    assert stacks == {
        "${Project}-${Environment}-repository-*",
        "${Project}-${Environment}-network/*",
        "${Project}-${Environment}-platform/*",
        "${Project}-${Environment}-service-*",
    }


@pytest.mark.parametrize("role", ["PlanRole", "InfrastructureRole", "TeardownRole"])
def test_who_looks_for_left_over_stacks_sees_the_names_of_others_only(role: str) -> None:
    assert resources(role, "cloudformation:ListStacks") == ["*"]
    assert [one.split(":stack/")[1] for one in resources(role, "cloudformation:DescribeStacks")] == [
        "${Project}-${Environment}-*"
    ]


def test_change_sets_of_the_roles_own_stack_are_not_executed() -> None:
    assert resources("InfrastructureRole", "cloudformation:ExecuteChangeSet") == resources(
        "InfrastructureRole", "cloudformation:DeleteStack"
    )


@pytest.mark.parametrize("role", ["InfrastructureRole", "TeardownRole"])
def test_stacks_are_changed_under_cloudformations_role_only(role: str) -> None:
    assert resources(role, "iam:PassRole") == [str({"Ref": "CloudFormationRoleArn"})]


@pytest.mark.parametrize("role", ["DeployRole", "DrillRole"])
def test_who_ships_passes_a_tasks_roles_only(role: str) -> None:
    assert [one.split(":role/")[1] for one in resources(role, "iam:PassRole")] == [
        "*-${Environment}-execution",
        "*-${Environment}-task",
    ]


def test_no_job_reads_a_secret() -> None:
    assert [one["Action"] for one in statements("DeployRole", "Deny")] == ["kms:Decrypt"]
    for role in set(CHANGES) - {"DeployRole"}:
        assert not {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "kms:Decrypt"} & allowed(role)


def test_cloudformation_makes_roles_within_the_boundary_only() -> None:
    making = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"}
    conditions = [one["Condition"] for one in statements("CloudFormationRole") if making & set(as_list(one["Action"]))]
    assert conditions == [{"StringEquals": {"iam:PermissionsBoundary": {"Ref": "RoleBoundaryArn"}}}]
    assert not {"iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary"} & allowed("CloudFormationRole")


def test_every_environment_stays_out_of_the_others() -> None:
    """A resource that has a name carries the environment in it."""
    shared = (":repository/", ":key/*", ":targetgroup/*", ":scalable-target/*", "aws-service-role")
    for name, statement in templates.statements(TEMPLATE):
        for resource in as_list(statement["Resource"]):
            written = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            if written and written != "*" and not any(part in written for part in shared):
                assert "${Environment}" in written, (name, statement["Sid"])


REGION = "eu-west-2"
# Everything but bootstrap is made under the role.
TYPES = {resource["Type"] for name in templates.MADE for resource in templates.load(name)["Resources"].values()}
GRANTED = allowed("CloudFormationRole")


def called(*handlers: str) -> dict[str, set[str]]:
    """By type, what these of its handlers may call."""
    found = {}
    for one in TYPES:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, one).schema
        found[one] = {action for name in handlers for action in schema["handlers"].get(name, {}).get("permissions", [])}
    return found


def matches(action: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def test_every_type_says_what_its_handlers_call() -> None:
    assert {one for one, actions in called("create", "delete").items() if not actions} == set()


def test_it_is_granted_nothing_that_no_handler_calls() -> None:
    every = set().union(*called("create", "read", "update", "delete").values(), *BEYOND.values())
    assert {pattern for pattern in GRANTED if not any(matches(action, {pattern}) for action in every)} == set()


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("step", ["create", "delete"])
def test_it_may_make_and_delete_whatever_the_templates_have(kind: str, step: Step) -> None:
    """Of what a handler calls, only that is not granted which a property leads to that no template sets."""
    made = [one for name in templates.MADE for one in templates.of_type(templates.load(name), kind).values()]
    for properties in made:
        assert [one for one in needs(kind, step, properties) if not matches(one, GRANTED)] == []
    assert kind in ONLY_WITH
    unused = [
        one for one in ONLY_WITH[kind] if not any(matches(action, {one}) for action in called("create", "delete")[kind])
    ]
    assert unused == []


def test_it_may_read_back_whatever_it_makes() -> None:
    missing = {action for actions in called("read").values() for action in actions if not matches(action, GRANTED)}
    # No endpoint here belongs to a service network.
    assert missing == {"vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation"}
