"""CloudFormation's role against what AWS says its handlers call for the types that the templates hold.

No rehearsal can prove this role: the emulator makes resources in its own name. The lists are the ``handlers``
of the resource types' schemas, which cfn-lint ships:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
They name what any property of a type may need, so not all of them are granted.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tests.infra import templates
from tests.infra.templates import as_list

REGION = "eu-west-2"
# Everything but bootstrap is made under the role.
TYPES = {
    resource["Type"]
    for name in templates.NAMES
    if name != "bootstrap"
    for resource in templates.load(name)["Resources"].values()
}
GRANTED = {
    action
    for name, statement in templates.statements(templates.load("bootstrap"))
    if name == "CloudFormationRole"
    for action in as_list(statement["Action"])
}


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
    every = set().union(*called("create", "read", "update", "delete").values())
    assert {pattern for pattern in GRANTED if not any(matches(action, {pattern}) for action in every)} == set()


def test_it_may_read_back_whatever_it_makes() -> None:
    missing = {action for actions in called("read").values() for action in actions if not matches(action, GRANTED)}
    # No endpoint here belongs to a service network.
    assert missing == {"vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation"}
