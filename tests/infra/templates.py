"""The committed templates as plain data: short forms like !Ref become {"Ref": …}."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.decode import decode  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
# Those that an administrator applies, and those that are made under CloudFormation's role.
BOOTSTRAP = (
    "bootstrap-cloudformation-role",
    "bootstrap-delivery-roles",
    "bootstrap-foundation",
    "bootstrap-operation-roles",
)
MADE = ("network", "platform", "repository", "service")
NAMES = (*BOOTSTRAP, *MADE)

Template = dict[str, Any]


def load(name: str) -> Template:
    """One template by its file's name."""
    document, problems = decode(str(ROOT / f"infra/cloudformation/{name}.yaml"))
    assert not problems, problems
    loaded: Template = document
    return loaded


def bootstrap() -> Template:
    """What all templates of bootstrap make, as if they were one."""
    parts = [load(name)["Resources"] for name in BOOTSTRAP]
    together = {logical_id: resource for part in parts for logical_id, resource in part.items()}
    assert len(together) == sum(map(len, parts)), "two templates of bootstrap name a resource alike"
    return {"Resources": together}


def of_type(template: Template, *types: str) -> dict[str, Any]:
    """The properties of the resources of these types by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] in types
    }


def as_list(value: Any) -> list[Any]:
    """What IAM lets stand alone or in a list."""
    return value if isinstance(value, list) else [value]


def value(template: Template, written: Any) -> Any:
    """A parameter's default where one is referred to, else what is written."""
    if isinstance(written, dict) and set(written) == {"Ref"}:
        return template.get("Parameters", {}).get(written["Ref"], {}).get("Default", written)
    return written


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of what a role or managed policy may do, with the resource's logical id."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                yield name, statement
    for name, policy in of_type(template, "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy").items():
        for statement in as_list(policy["PolicyDocument"]["Statement"]):
            yield name, statement


def trusts(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of who may assume a role, with the role's logical id."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for statement in as_list(role["AssumeRolePolicyDocument"]["Statement"]):
            yield name, statement
