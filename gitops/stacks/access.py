"""An environment's stacks in AWS under the role that may do the work at hand, in the account that its file names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from gitops import aws
from gitops.clock import SYSTEM, Clock
from gitops.cloudformation import CloudFormation, Stack
from gitops.ecs import Ecs
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.stacks.order import BOOTSTRAP, SERVICE, SERVICE_ENABLED, Unit
from gitops.stacks.templates import Template

# Its template may be gone from the repository, and a removal needs none.
_UNREAD = Template(name="", path=Path(), body="", parameters={}, outputs=(), resources=())


@dataclass(frozen=True)
class Orphan:
    """A stack that no entry asks for, such as a removed service's; ``label`` is what ``--stack`` takes."""

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


class Access:
    """An environment under one role: its session, made when it is first needed and checked once, and what stands."""

    def __init__(self, checkout: Checkout, environment: Environment, role: aws.Role, clock: Clock = SYSTEM) -> None:
        self.checkout = checkout
        self.environment = environment
        self.role: aws.Role = role
        self.clock = clock

    @cached_property
    def session(self) -> boto3.Session:
        """The role's session.

        Raises GitopsError when the role cannot be assumed and when the
        credentials belong to another account than the environment's.
        """
        found = aws.session(self.checkout, self.environment, self.role)
        self._check(found)
        return found

    @cached_property
    def cloudformation(self) -> CloudFormation:
        """CloudFormation under the role."""
        return CloudFormation.of(self.session, self.clock)

    @cached_property
    def ecs(self) -> Ecs:
        """ECS under the role."""
        return Ecs(self.session, self.environment.cluster)

    def service_role(self, unit: Unit) -> str | None:
        """The ARN of the role CloudFormation takes for a stack; None where the caller's own is used.

        Bootstrap makes that role, so it cannot be made under it; an
        environment without a bootstrap stack has none. The plan role may not
        hand it over: what it asks for is never executed.
        """
        here = self.environment
        if self.role == "plan" or unit.bootstraps or BOOTSTRAP not in here.stacks:
            return None
        return f"arn:aws:iam::{here.account}:role/{here.project}-{here.environment}-cloudformation"

    def stack(self, unit: Unit) -> Stack:
        """The stack as it stands."""
        return self.cloudformation.stack(unit.stack_name)

    def standings(self, every: Iterable[Unit]) -> dict[str, Stack]:
        """The stacks as they stand, by label."""
        return {unit.label: self.stack(unit) for unit in every}

    def left_over(self, every: Iterable[Unit]) -> list[Orphan]:
        """The environment's orphans that stand and carry its tags, the one made last first.

        ``every`` are the stacks it asks for. A stack is made after those whose
        outputs it takes, so they can go in this order.
        """
        here = self.environment
        found = orphans(here, every, self.cloudformation.names())
        ours = {"Project": here.project, "Environment": here.environment}.items()
        return [orphan for orphan in found if ours <= self.cloudformation.stack(orphan.stack_name).tags.items()]

    def service_enabled(self, service: str) -> bool:
        """Whether the service's stack may hold the ECS service.

        True once the family has an ACTIVE revision to run, or when the ECS
        service exists already: then taking it out would be an outage.
        """
        newest = self.ecs.newest(self.environment.family(service))
        return newest != "" or self.ecs.service(service).look() is not None

    def values(self, unit: Unit, standing: Mapping[str, Stack]) -> dict[str, str]:
        """The stack's parameters that are known now; those from outputs that do not exist yet are absent.

        ``standing`` are the stacks as they stand, by label.
        """
        known = dict(unit.values)
        if unit.asks_service_enabled:
            known[SERVICE_ENABLED] = "true" if self.service_enabled(unit.service) else "false"
        for name, output in unit.outputs.items():
            value = standing[output.label].outputs.get(output.name)
            if value is not None:
                known[name] = value
        return known

    def _check(self, session: boto3.Session) -> None:
        here = self.environment
        try:
            account = session.client("sts").get_caller_identity()["Account"]
        except ClientError as error:
            if error.operation_name != "AssumeRoleWithWebIdentity":
                raise
            raise GitopsError(
                f"the role {self.role} of {here.environment} cannot be taken: {aws.message(error)}",
                fix=f"gitops apply {here.environment} --stack bootstrap makes it, as administrator",
            ) from None
        if account != here.account:
            raise GitopsError(
                f"these credentials are for account {account}, but {here.environment} is in {here.account}",
                fix="take the credentials of that account",
            )


def orphans(environment: Environment, every: Iterable[Unit], stack_names: Iterable[str]) -> list[Orphan]:
    """Those of the names, in their order, that begin as this environment's do and are none of ``every``, its stacks.

    A name alone may mislead: with environments ``eu`` and ``eu-west``, a stack of the second begins as one of
    the first. ``Access.left_over`` asks the tags.
    """
    asked: Collection[str] = {unit.stack_name for unit in every}
    prefix = f"{environment.stack_name('')}-"
    return [
        Orphan(name.removeprefix(prefix), name) for name in stack_names if name.startswith(prefix) and name not in asked
    ]
