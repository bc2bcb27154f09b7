"""The one gateway to CloudFormation: its pages, its error codes and its waiting; what it says comes as plain data."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from gitops import aws
from gitops.clock import SYSTEM, Clock
from gitops.errors import GitopsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Step = Literal["create", "update", "recreate", "wait", "repair"]

# CloudFormation gives up on a change set long before this many seconds.
CHANGE_SET_LIMIT = 900.0
# A drift detection "can take up to several minutes" for a stack (API_DetectStackDrift.html).
DETECTION_LIMIT = 600.0

_GONE = frozenset({"", "DELETE_COMPLETE"})
_REVIEW = "REVIEW_IN_PROGRESS"
# Left by a create that never came to be: nothing of value stands in them, and they take no update.
_BROKEN_CREATES = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
_REPAIR = {"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"}
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Stack:
    """A stack as DescribeStacks gives it; ``status`` is "" when there is none."""

    name: str
    id: str = ""
    status: str = ""
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def step(self) -> Step:
        """What brings it to its template."""
        if self.gone or self.in_review:
            return "create"
        if self.status.endswith("_IN_PROGRESS"):
            return "wait"
        if self.status in _BROKEN_CREATES:
            return "recreate"
        return "repair" if self.status in _REPAIR else "update"

    @property
    def gone(self) -> bool:
        """Whether there is none, or none any more."""
        return self.status in _GONE

    @property
    def in_review(self) -> bool:
        """Whether it is only what the change set of a create left."""
        return self.status == _REVIEW

    @property
    def exists(self) -> bool:
        """Whether it has, or may have, resources."""
        return not self.gone and not self.in_review

    @property
    def settled(self) -> bool:
        """Whether CloudFormation is done with it."""
        return is_settled(self.status)

    @property
    def succeeded(self) -> bool:
        """Whether a change set that was executed ended well."""
        return self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class StackResource:
    """A resource that a stack holds now; ``physical_id`` as CloudFormation's Ref gives it."""

    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True)
class StackEvent:
    """One event of a stack, as DescribeStackEvents gives it."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str
    physical_id: str = ""

    @property
    def of_stack(self) -> bool:
        """Whether it is about the stack itself rather than one of its resources."""
        return self.type == "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Seen:
    """One look at a stack that is waited for: after how many seconds, and the events since the look before."""

    passed: float
    stack: Stack
    fresh: Sequence[StackEvent]


@dataclass(frozen=True)
class Request:
    """What a change set is asked for."""

    stack_name: str
    kind: Literal["CREATE", "UPDATE"]
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    service_role: str | None


@dataclass(frozen=True)
class ChangeSet:
    """A change set that was worked out: DescribeChangeSet's ``Changes``. An ``empty`` one cannot be executed."""

    name: str
    stack_name: str
    stack_id: str
    empty: bool
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Detected:
    """A stack's resources (type by logical id), what DescribeStackResourceDrifts says, and why that failed if so."""

    resources: Mapping[str, str]
    drifts: Sequence[Mapping[str, Any]] = ()
    failed: str = ""


def is_empty(status: str, reason: str) -> bool:
    """Whether a change set ended FAILED only because nothing changes."""
    return status == "FAILED" and any(words in reason for words in _NOTHING)


class CloudFormation:
    """CloudFormation under one session. ClientError as botocore raises it for what no method here decodes."""

    def __init__(self, client: CloudFormationClient, clock: Clock = SYSTEM) -> None:
        self._client, self._clock = client, clock
        self._executed: set[str] = set()

    @classmethod
    def of(cls, session: boto3.Session, clock: Clock = SYSTEM) -> CloudFormation:
        """CloudFormation as a session's role sees it."""
        return cls(session.client("cloudformation"), clock)

    def stack(self, name: str) -> Stack:
        """The stack of this name or id; one with status "" when there is none."""
        raw = next(_present(_listed(self._client.describe_stacks, "Stacks", StackName=name)), None)
        if raw is None:
            return Stack(name)
        given = raw.get("Parameters", [])
        return Stack(
            name=raw["StackName"],
            id=raw.get("StackId", ""),
            status=raw["StackStatus"],
            reason=raw.get("StackStatusReason", ""),
            outputs={one.get("OutputKey", ""): one.get("OutputValue", "") for one in raw.get("Outputs", [])},
            protected=raw.get("EnableTerminationProtection", False),
            tags={tag["Key"]: tag["Value"] for tag in raw.get("Tags", [])},
            parameters={one.get("ParameterKey", ""): one.get("ParameterValue", "") for one in given},
        )

    def names(self) -> list[str]:
        """The names of all stacks that stand, the one made last first."""
        # Deleted ones are listed for 90 days.
        found = [one for one in _listed(self._client.list_stacks, "StackSummaries") if one["StackStatus"] not in _GONE]
        return [one["StackName"] for one in sorted(found, key=lambda one: one["CreationTime"], reverse=True)]

    def resources(self, stack_name: str) -> list[StackResource]:
        """What a stack holds and that has an id by now; empty when there is no stack."""
        return [
            StackResource(one["LogicalResourceId"], one["ResourceType"], one["PhysicalResourceId"])
            for one in self._resources(stack_name)
            if one.get("PhysicalResourceId")
        ]

    def _resources(self, stack_name: str) -> Iterator[Any]:
        found = _listed(self._client.list_stack_resources, "StackResourceSummaries", StackName=stack_name)
        # What the stack deleted stays listed for a while.
        return (one for one in _present(found) if one["ResourceStatus"] != "DELETE_COMPLETE")

    def template(self, stack_name: str) -> str:
        """The text of a stack's template as it was given."""
        body: Any = self._client.get_template(StackName=stack_name, TemplateStage="Original").get("TemplateBody", "")
        # botocore reads a template that was given as JSON.
        return body if isinstance(body, str) else json.dumps(body)

    def protect(self, stack_name: str, on: bool) -> None:
        """Turn termination protection on or off."""
        self._client.update_termination_protection(StackName=stack_name, EnableTerminationProtection=on)

    def delete(self, stack: Stack, service_role: str | None = None) -> None:
        """Begin to delete a stack; ``watch`` sees its end."""
        role: dict[str, Any] = {"RoleARN": service_role} if service_role else {}
        self._client.delete_stack(StackName=stack.id, **role)

    def newest_event(self, stack_id: str) -> str:
        """The id of a stack's latest event, "" when it has none: what comes after it is new."""
        return next((raw["EventId"] for raw in self._raw_events(stack_id)), "")

    def events(self, stack_id: str, after: str) -> list[StackEvent]:
        """Events later than the one with id ``after``, oldest first."""
        fresh = itertools.takewhile(lambda raw: raw["EventId"] != after, self._raw_events(stack_id))
        return [
            StackEvent(
                id=raw["EventId"],
                logical_id=raw.get("LogicalResourceId", ""),
                type=raw.get("ResourceType", ""),
                status=raw.get("ResourceStatus", ""),
                reason=raw.get("ResourceStatusReason", ""),
                physical_id=raw.get("PhysicalResourceId", ""),
            )
            for raw in fresh
        ][::-1]

    def _raw_events(self, stack_id: str) -> Iterator[Any]:
        # The newest come first. A deleted stack keeps its events under its id for 90 days in AWS, not everywhere.
        return _present(_listed(self._client.describe_stack_events, "StackEvents", StackName=stack_id))

    def watch(self, stack_id: str, after: str | None = None) -> Iterator[Seen]:
        """Look at a stack again and again until it settles; the last look is the end.

        ``after`` is the id of the last event before an operation was started: only
        then is the status believed, since it may still be the one of before. With
        None the stack is merely waited for.
        """
        last = self.newest_event(stack_id) if after is None else after
        ended = after is None
        for passed in self._clock.ticks():
            # Asked before the events: when it says settled, the events that follow are complete.
            stack = self.stack(stack_id)
            fresh = self.events(stack_id, last)
            last = fresh[-1].id if fresh else last
            ended = ended or any(event.of_stack and is_settled(event.status) for event in fresh)
            yield Seen(passed, stack, fresh)
            if stack.gone or (ended and stack.settled):
                return

    @contextmanager
    def change_set(self, request: Request) -> Iterator[ChangeSet]:
        """A change set that is deleted again unless it was executed, also when the body is interrupted.

        A never-executed CREATE leaves a stack in REVIEW_IN_PROGRESS: that goes
        too. Raises GitopsError with CloudFormation's reason when it refuses the
        template or parameters.
        """
        # A name of ours (of at most 128 characters) can be deleted even when the answer to its creation never arrived.
        # It begins as the stack's does: the roles read what is named for their environment.
        name = f"{request.stack_name[:100]}-{secrets.token_hex(8)}"
        try:
            self._create(request, name)
            yield self._described(request, name)
        except BaseException as error:
            self._clean_up(request, name, error)
            raise
        self._clean_up(request, name)

    def _clean_up(self, request: Request, name: str, first: BaseException | None = None) -> None:
        """Remove what was not executed. A clean-up that fails never hides the ``first`` error, it is told with it."""
        if name in self._executed:
            return
        try:
            self._remove(request, name)
        except (ClientError, BotoCoreError) as error:
            if first is None:
                raise
            left = f"the change set {name} could not be removed: {aws.answered(error)}"
            first.add_note(left)
            if isinstance(first, GitopsError):
                first.problem += f" (and {left})"

    def execute(self, change_set: ChangeSet) -> None:
        """Start it; ``watch`` sees its end."""
        self._client.execute_change_set(ChangeSetName=change_set.name, StackName=change_set.stack_name)
        self._executed.add(change_set.name)

    def detect(self, stack_names: Iterable[str]) -> dict[str, Detected]:
        """Each stack's drift, detected at once; what is refused or outlasts the limit is a detection that failed."""
        begun: dict[str, str] = {}
        found: dict[str, Detected] = {}
        for name in stack_names:
            try:
                begun[name] = self._client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
            except ClientError as error:
                # One is under way already, or the stack began to change since it was looked at.
                if aws.code(error) not in {"ValidationError", *aws.NOT_OFFERED}:
                    raise
                found[name] = Detected(self._types(name), failed=aws.message(error))
        for name, detection in begun.items():
            ended, failed = self._detection_end(detection)
            asked = self._client.describe_stack_resource_drifts
            # Before it ends, what is answered is that of the detection before.
            drifts = list(_listed(asked, "StackResourceDrifts", StackName=name, MaxResults=100)) if ended else []
            found[name] = Detected(self._types(name), drifts, failed)
        return found

    def _create(self, request: Request, name: str) -> None:
        role: dict[str, Any] = {"RoleARN": request.service_role} if request.service_role else {}
        try:
            self._client.create_change_set(
                StackName=request.stack_name,
                ChangeSetName=name,
                ChangeSetType=request.kind,
                TemplateBody=request.template,
                Parameters=[{"ParameterKey": key, "ParameterValue": it} for key, it in request.parameters.items()],
                Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                **role,
            )
        except ClientError as error:
            if aws.code(error) != "ValidationError":
                raise
            raise _refused(request, aws.message(error)) from None

    def _described(self, request: Request, name: str) -> ChangeSet:
        for _ in self._clock.ticks(limit=CHANGE_SET_LIMIT):
            answer: Any = self._client.describe_change_set(ChangeSetName=name, StackName=request.stack_name)
            if (status := answer.get("Status", "")) not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
        else:
            raise GitopsError(f"CloudFormation did not finish a change set of {request.stack_name}", fix="run it again")
        reason, stack_id = answer.get("StatusReason", ""), answer.get("StackId", request.stack_name)
        if is_empty(status, reason):
            return ChangeSet(name, request.stack_name, stack_id, empty=True)
        if status != "CREATE_COMPLETE":
            raise _refused(request, reason, self._validated(answer.get("ChangeSetId", name)))
        whole = {"ChangeSetName": name, "StackName": request.stack_name, "IncludePropertyValues": True}
        changes = list(_listed(self._client.describe_change_set, "Changes", **whole))
        return ChangeSet(name, request.stack_name, stack_id, empty=False, changes=changes)

    def _validated(self, change_set_id: str) -> list[str]:
        """What validation found in a change set that failed: only DescribeEvents tells, and only of what is there.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
        """
        words = {"ChangeSetName": change_set_id, "Filters": {"FailedEvents": True}}
        try:
            found = list(_listed(self._client.describe_events, "OperationEvents", **words))
        except (ClientError, BotoCoreError) as error:
            # aws/aws-cdk-cli#1298: that nothing more is known must not look like the reason.
            return [f"what exactly is not told: {aws.answered(error)}"]
        return [line for one in found if (line := _refusal(one))]

    def _remove(self, request: Request, name: str) -> None:
        stack = self.stack(request.stack_name)
        if not stack.status:
            return
        try:
            self._client.delete_change_set(ChangeSetName=name, StackName=request.stack_name)
        except ClientError as error:
            if aws.code(error).startswith("InvalidChangeSetStatus"):
                # It was executed after all: the answer to that call did not arrive.
                return
            if not aws.code(error).startswith("ChangeSetNotFound"):
                raise
        if not stack.in_review:
            return
        self.delete(stack)
        for _ in self._clock.ticks(limit=CHANGE_SET_LIMIT):
            if self.stack(stack.id).gone:
                return

    def _detection_end(self, detection: str) -> tuple[bool, str]:
        """Wait for a detection: whether it ended, and why it failed. One that failed has results for some resources."""
        for _ in self._clock.ticks(limit=DETECTION_LIMIT):
            answer = self._client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                failed = answer["DetectionStatus"] == "DETECTION_FAILED"
                return True, answer.get("DetectionStatusReason", "no reason given") if failed else ""
        return False, f"it has not ended after {DETECTION_LIMIT:.0f} s"

    def _types(self, stack_name: str) -> dict[str, str]:
        return {one["LogicalResourceId"]: one["ResourceType"] for one in self._resources(stack_name)}


def is_settled(status: str) -> bool:
    """Whether CloudFormation is done with a stack or a resource of this status."""
    # A stack in review waits for a person, not for CloudFormation.
    return status == _REVIEW or not status.endswith("_IN_PROGRESS")


def _listed(ask: Callable[..., Any], key: str, **words: Any) -> Iterator[Any]:  # noqa: ANN401 (an operation's own)
    """What all pages of an operation hold under ``key``, each page asked for when it is needed.

    botocore has no paginator for DescribeStackResourceDrifts, and one that drops changes for DescribeChangeSet.
    """
    token: dict[str, str] = {}
    while True:
        page = ask(**words, **token)
        yield from page.get(key) or ()
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _present(found: Iterable[Any]) -> Iterator[Any]:
    """What is found; nothing where CloudFormation says that there is no such stack, for which it has no code."""
    try:
        yield from found
    except ClientError as error:
        if "does not exist" not in aws.message(error):
            raise


def _refusal(event: Mapping[str, Any]) -> str:
    """What a failed operation event refuses, whichever members it has; "" for a warning and for other events."""
    if "WARN" in (event.get("ValidationFailureMode"), event.get("HookFailureMode")):
        return ""
    validated, hooked = event.get("EventType") == "VALIDATION_ERROR", "FAILED" in event.get("HookStatus", "")
    if not validated and not hooked:
        return ""
    reason = event.get("HookStatusReason" if hooked else "ValidationStatusReason", "no reason given")
    reason = f"{event.get('HookType', 'a hook')}: {reason}" if hooked else reason
    named = event.get("LogicalResourceId") or event.get("ValidationPath", "")
    kind = f" ({event['ResourceType']})" if event.get("ResourceType") else ""
    return f"{named}{kind}: {reason}".removeprefix(": ")


def _refused(request: Request, reason: str, found: Sequence[str] = ()) -> GitopsError:
    return GitopsError(
        f"CloudFormation refuses the template or parameters of {request.stack_name}: {reason}",
        others=tuple(found),
        fix="correct the template or the environment's file",
    )
