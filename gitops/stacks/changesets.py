"""Change sets: made, read, executed or taken away again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from gitops.errors import GitopsError
from gitops.stacks import changes, live
from gitops.stacks.changes import Change
from gitops.stacks.waiting import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# CloudFormation gives up on a change set long before this many seconds.
_CREATION_LIMIT = 900.0


@dataclass(frozen=True)
class Request:
    """What a change set is asked for."""

    stack_name: str
    kind: Literal["CREATE", "UPDATE"]
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    service_role: str | None


@dataclass
class ChangeSet:
    """A change set that CloudFormation has worked out; ``empty`` ones cannot be executed."""

    name: str
    stack_name: str
    stack_id: str
    empty: bool
    changes: tuple[Change, ...]
    executed: bool = field(default=False)

    def execute(self, cloudformation: CloudFormationClient) -> None:
        """Start it; following its events is another's work."""
        cloudformation.execute_change_set(ChangeSetName=self.name, StackName=self.stack_name)
        self.executed = True


@contextmanager
def opened(cloudformation: CloudFormationClient, request: Request, clock: Clock) -> Iterator[ChangeSet]:
    """A change set that is deleted again unless it was executed, also when the body is interrupted.

    A never-executed CREATE leaves a stack in REVIEW_IN_PROGRESS: that goes
    too. Raises GitopsError
    with CloudFormation's reason when it refuses the template or parameters.
    """
    # The name is ours, so that it can be deleted even when the answer to its creation never arrived.
    name = f"gitops-{secrets.token_hex(8)}"
    made: ChangeSet | None = None
    try:
        _create(cloudformation, request, name)
        made = _read(cloudformation, request, name, clock)
        yield made
    finally:
        if made is None or not made.executed:
            _remove(cloudformation, request, name, clock)


def _create(cloudformation: CloudFormationClient, request: Request, name: str) -> None:
    optional: dict[str, Any] = {"RoleARN": request.service_role} if request.service_role else {}
    try:
        cloudformation.create_change_set(
            StackName=request.stack_name,
            ChangeSetName=name,
            ChangeSetType=request.kind,
            TemplateBody=request.template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in request.parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **optional,
        )
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        raise _refused(request, error.response["Error"].get("Message", "")) from None


def _read(cloudformation: CloudFormationClient, request: Request, name: str, clock: Clock) -> ChangeSet:
    for _ in clock.ticks(limit=_CREATION_LIMIT):
        answer = cloudformation.describe_change_set(ChangeSetName=name, StackName=request.stack_name)
        if answer["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
    else:
        raise GitopsError(f"CloudFormation did not finish a change set of {request.stack_name}", fix="run it again")
    reason = answer.get("StatusReason", "")
    if changes.nothing_to_do(answer["Status"], reason):
        return ChangeSet(name, request.stack_name, answer["StackId"], empty=True, changes=())
    if answer["Status"] != "CREATE_COMPLETE":
        raise _refused(request, reason)
    return ChangeSet(
        name,
        request.stack_name,
        answer["StackId"],
        empty=False,
        changes=changes.read(_all(cloudformation, request, name)),
    )


def _all(cloudformation: CloudFormationClient, request: Request, name: str) -> list[Mapping[str, Any]]:
    # Paged by hand: botocore's paginator for this operation merges only the first level.
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = cloudformation.describe_change_set(
            ChangeSetName=name,
            StackName=request.stack_name,
            IncludePropertyValues=True,
            **token,
        )
        found += page["Changes"]
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


def _refused(request: Request, reason: str) -> GitopsError:
    return GitopsError(
        f"CloudFormation refuses the template or parameters of {request.stack_name}: {reason}",
        fix="correct the template or the environment's file",
    )


def _remove(cloudformation: CloudFormationClient, request: Request, name: str, clock: Clock) -> None:
    stack = live.find(cloudformation, request.stack_name)
    if not stack.status:
        return
    try:
        cloudformation.delete_change_set(ChangeSetName=name, StackName=request.stack_name)
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code.startswith("InvalidChangeSetStatus"):
            # It was executed after all: the answer to that call did not arrive.
            return
        if not code.startswith("ChangeSetNotFound"):
            raise
    if stack.status != "REVIEW_IN_PROGRESS":
        return
    cloudformation.delete_stack(StackName=stack.id)
    for _ in clock.ticks(limit=_CREATION_LIMIT):
        if live.find(cloudformation, stack.id).status in ("", "DELETE_COMPLETE"):
            return
