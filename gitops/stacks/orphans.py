"""Stacks of an environment that its file no longer asks for, such as a removed service's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.environments import Environment
from gitops.stacks import live, states
from gitops.stacks.order import SERVICE, Unit
from gitops.stacks.templates import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# Its template may be gone from the repository, and a removal needs none.
_UNREAD = Template(name="", path=Path(), body="", parameters={}, outputs=(), resources=())


@dataclass(frozen=True)
class Orphan:
    """A stack that no entry asks for; ``label`` is what ``--stack`` takes."""

    label: str
    stack_name: str

    @property
    def service(self) -> str:
        """The service that the stack was made for, "" for a stack of none."""
        kind, _, name = self.label.partition("-")
        return name if kind == SERVICE else ""

    @property
    def unit(self) -> Unit:
        """The stack as far as a removal has to know it."""
        return Unit(self.label, self.stack_name, _UNREAD, self.service)

    def line(self, environment: str) -> str:
        """What it is and what removes it, for a person."""
        return (
            f"left over: {self.stack_name}, which no entry asks for; "
            f"to remove it: gitops destroy {environment} --stack {self.label} --confirm {environment}"
        )


def orphans(environment: Environment, stack_names: Iterable[str]) -> list[Orphan]:
    """Those of the names, in their order, that begin as this environment's do and that its file does not ask for.

    A name alone may mislead: with environments ``eu`` and ``eu-west``, a stack of the second begins as one of
    the first. ``left_over`` asks the tags.
    """
    asked = {environment.stack_name(template) for template in environment.stacks}
    asked |= {environment.stack_name(SERVICE, service) for service in environment.services}
    prefix = f"{environment.stack_name('')}-"
    return [
        Orphan(name.removeprefix(prefix), name) for name in stack_names if name.startswith(prefix) and name not in asked
    ]


def left_over(cloudformation: CloudFormationClient, environment: Environment) -> list[Orphan]:
    """The environment's orphans that stand in AWS and carry its tags, the one made last first.

    A stack is made after those whose outputs it takes, so in this order they can go.
    """
    standing = [
        stack
        for page in cloudformation.get_paginator("list_stacks").paginate()
        for stack in page["StackSummaries"]
        # Deleted ones are listed for 90 days.
        if stack["StackStatus"] not in states.GONE
    ]
    standing.sort(key=lambda stack: stack["CreationTime"], reverse=True)
    found = orphans(environment, (stack["StackName"] for stack in standing))
    return [orphan for orphan in found if _is_ours(cloudformation, environment, orphan.stack_name)]


def _is_ours(cloudformation: CloudFormationClient, environment: Environment, name: str) -> bool:
    tags = live.find(cloudformation, name).tags or {}
    return (tags.get("Project"), tags.get("Environment")) == (environment.project, environment.environment)
