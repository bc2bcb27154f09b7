"""A stack's operation: whose permissions make its resources, and what goes when it is rolled back.

CloudFormation works under the stack's service role, which stays with the stack, and a call that the role may not make
fails the resource. Here it is asked whether the role may make the call at all, not on which resource.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html

ministack forgets a resource whose creation fails, and leaves it behind. CloudFormation has its id, and deletes it:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from rehearsal.emulator.cloudformation.needs import ONLY_WITH, Step, needs
from rehearsal.emulator.cloudformation.resource_types import Created, NotStabilisedError, Properties, schema
from rehearsal.emulator.cloudformation.validation import EXISTS, owned
from rehearsal.emulator.seams import original, replace

STACKS: Final = "services.cloudformation.stacks"
# kubernetes-sigs/aws-load-balancer-controller#3917 has what IAM says; the frame is that of every handler.
DENIED: Final = (
    'Resource handler returned message: "User: arn:aws:sts::{account}:assumed-role/{role}/AWSCloudFormation is not '
    'authorized to perform: {action} because no identity-based policy allows the {action} action (Status Code: 403)" '
    "(RequestToken: {token}, HandlerErrorCode: AccessDenied)"
)
TAKEN: Final = 'Resource handler returned message: "{exists}" (RequestToken: {token}, HandlerErrorCode: AlreadyExists)'
# aws/copilot-cli#2118
TOO_LONG: Final = (
    "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have length "
    "less than or equal to {most}"
)
Key = tuple[str, ...]
# Account, region, stack and logical id of what was made and did not become steady.
_LEFT: Final[dict[Key, tuple[str, Properties, Created]]] = {}
# Account, region and stack → the name of its service role; "" where it has none.
_ROLES: Final[dict[Key, str]] = {}


def remember_role(request: Mapping[str, str]) -> None:
    """Keep the service role that a call gives a stack; a stack that is made without one has none."""
    name = request.get("StackName", "")
    # A stack's ARN has its name between slashes.
    key = _key(name.split("/")[1] if name.startswith("arn:") else name)
    makes = request.get("Action") == "CreateStack" or request.get("ChangeSetType") == "CREATE"
    if makes or request.get("RoleARN"):
        _ROLES[key] = request.get("RoleARN", "").rpartition("/")[2]


def _granted(role: str) -> Iterator[str]:
    """The patterns of the actions that a role allows, on whatever; of one with a policy beside its own, every one."""
    from ministack.services import iam

    record = iam._roles.get(role) or {}
    if record.get("AttachedPolicies"):
        yield "*"
    for document in record.get("InlinePolicies", {}).values():
        policy = json.loads(document) if isinstance(document, str) else document
        for statement in policy["Statement"]:
            actions = statement.get("Action", []) if statement["Effect"] == "Allow" else []
            yield from [actions] if isinstance(actions, str) else actions


def _require(stack_name: str | None, kind: str, step: Step, properties: Mapping[str, Any]) -> None:
    """Raise ValueError, in CloudFormation's words, where the stack's service role lacks what a step takes."""
    from ministack.core.responses import get_account_id

    role = _ROLES.get(_key(stack_name or ""))
    if not role:
        return
    granted = [pattern.lower() for pattern in _granted(role)]
    for action in needs(kind, step, properties):
        if not any(fnmatchcase(action.lower(), pattern) for pattern in granted):
            raise ValueError(DENIED.format(account=get_account_id(), role=role, action=action, token=uuid.uuid4()))


def _key(*names: str) -> Key:
    from ministack.core.responses import get_account_id, get_region

    return (get_account_id(), get_region(), *names)


def _provision_resource(resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str) -> Any:  # noqa: ANN401 (ministack's answer)
    _LEFT.pop(_key(stack_name, logical_id), None)
    _require(stack_name, resource_type, "create", props)
    _require_lengths(resource_type, props)
    if name := owned(resource_type, props):
        raise ValueError(TAKEN.format(exists=EXISTS.format(kind=resource_type, name=name), token=uuid.uuid4()))
    try:
        return original(STACKS, "_provision_resource")(resource_type, logical_id, props, stack_name)
    except NotStabilisedError as error:
        _LEFT[_key(stack_name, logical_id)] = resource_type, props, error.made
        raise


def _require_lengths(kind: str, properties: Properties) -> None:
    """Raise ValueError, as the service says it, where a property is longer than its type allows."""
    for name, declared in schema(kind)["properties"].items() if kind in ONLY_WITH else ():
        most, value = declared.get("maxLength"), properties.get(name)
        if most and isinstance(value, str) and len(value) > most:
            raise ValueError(TOO_LONG.format(value=value, name=name[0].lower() + name[1:], most=most))


def _delete_resource(
    resource_type: str,
    physical_id: str,
    props: dict[str, Any],
    stack_name: str | None = None,
    logical_id: str | None = None,
) -> None:
    _require(stack_name, resource_type, "delete", props)
    original(STACKS, "_delete_resource")(resource_type, physical_id, props, stack_name, logical_id)


async def _roll_back_operation(
    stack_name: str, stack_id: str, stack: dict[str, Any], operation: dict[str, Any], reason_override: str = ""
) -> None:
    failed = str(operation.get("failed_logical_id"))
    if left := _LEFT.pop(_key(stack_name, failed), None):
        kind, properties, (physical_id, attributes) = left
        stack.setdefault("_resources", {})[failed] = {
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "ResourceStatus": "CREATE_FAILED",
            "LogicalResourceId": failed,
            "Properties": properties,
            "Attributes": attributes,
        }
        operation["created"].append(failed)
    await original(STACKS, "_roll_back_operation")(stack_name, stack_id, stack, operation, reason_override)


def _sends_back_failed_update(resource_type: str) -> bool:
    """A service whose update failed is given its former properties again, like all that was updated."""
    return resource_type == "AWS::ECS::Service" or bool(original(STACKS, "_sends_back_failed_update")(resource_type))


def install() -> None:
    """Hold each step to the stack's role, and remember what did not become steady until it is rolled back."""
    replace(STACKS, "_provision_resource", _provision_resource)
    replace(STACKS, "_delete_resource", _delete_resource)
    replace(STACKS, "_roll_back_operation", _roll_back_operation)
    replace(STACKS, "_sends_back_failed_update", _sends_back_failed_update)
