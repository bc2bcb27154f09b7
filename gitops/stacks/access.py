"""AWS clients under the role that may do the work at hand, in the account that the environment names."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from gitops import aws
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks.order import BOOTSTRAP, Unit

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecs import ECSClient


class Access:
    """An environment's session under one role, made when it is first needed and checked once."""

    def __init__(self, root: Path, environment: Environment, role: aws.Role) -> None:
        self.environment = environment
        self.role: aws.Role = role
        self._root = root
        self._session: boto3.Session | None = None

    @property
    def session(self) -> boto3.Session:
        """The role's session.

        Raises GitopsError when the role cannot be assumed and when the
        credentials belong to another account than the environment's.
        """
        if self._session is None:
            found = aws.session(self._root, self.environment, self.role)
            self._check(found)
            self._session = found
        return self._session

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation under the role."""
        return self.session.client("cloudformation", config=aws.CLIENT_CONFIG)

    @cached_property
    def ecs(self) -> ECSClient:
        """ECS under the role."""
        return self.session.client("ecs", config=aws.CLIENT_CONFIG)

    def service_role(self, unit: Unit) -> str | None:
        """The ARN of the role CloudFormation takes for a stack; None where the caller's own is used.

        Bootstrap makes that role, so it cannot be made under it; an
        environment without a bootstrap stack has none. The plan role may not
        hand it over: what it asks for is never executed.
        """
        here = self.environment
        if self.role == "plan" or unit.label == BOOTSTRAP or BOOTSTRAP not in here.stacks:
            return None
        return f"arn:aws:iam::{here.account}:role/{here.project}-{here.environment}-cloudformation"

    def _check(self, session: boto3.Session) -> None:
        here = self.environment
        try:
            account = session.client("sts", config=aws.CLIENT_CONFIG).get_caller_identity()["Account"]
        except ClientError as error:
            if error.operation_name != "AssumeRoleWithWebIdentity":
                raise
            said = error.response["Error"].get("Message", "")
            raise GitopsError(
                f"the role {self.role} of {here.environment} cannot be taken: {said}",
                fix=f"gitops apply {here.environment} --stack bootstrap makes it, as administrator",
            ) from None
        if account != here.account:
            raise GitopsError(
                f"these credentials are for account {account}, but {here.environment} is in {here.account}",
                fix="take the credentials of that account",
            )
