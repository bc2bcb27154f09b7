"""CloudFormation's calls: who may make them, what a change set has, and which resource types there are.

ministack compares the templates with every resource in them, whatever its
Condition says, so that a condition that turns true "didn't contain changes".
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
Nor does it look at outputs, which are a change of the stack without a change of a resource.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rehearsal.emulator.cloudformation import drift, operations, validation
from rehearsal.emulator.cloudformation.resource_types import Reader, ResourceType
from rehearsal.emulator.iam.authorization import cloudformation_refusal, form_of
from rehearsal.emulator.seams import CHANGE_SETS, STACK_TAGS, enter, handle, original, replace

# How ministack begins the reason of a change set that it cannot execute.
NOTHING: Final = "The submitted information didn't contain changes."
# CloudFormation hands the stack's tags on to these.
TAGGED: Final = ("AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::FlowLog", "AWS::IAM::OIDCProvider")


def made(template: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    """The template with only those resources and outputs that CloudFormation would make under these conditions."""
    sections = {
        section: {
            name: one for name, one in template[section].items() if conditions.get(one.get("Condition", ""), True)
        }
        for section in ("Resources", "Outputs")
        if section in template
    }
    return {**template, **sections}


def _resolve_props_for_diff(
    template: dict[str, Any], params: dict[str, Any], stack_name: str, stack_id: str
) -> dict[str, Any]:
    from ministack.services.cloudformation import engine

    resolve = original("services.cloudformation.changesets", "_resolve_props_for_diff")
    resolved: dict[str, Any] = resolve(template, params, stack_name, stack_id)
    return made(resolved, engine._evaluate_conditions(template, params)) if resolved else resolved


def _create_change_set(params: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
    """CreateChangeSet: ministack's, then available for what changes outputs alone, then validated."""
    from ministack.services.cloudformation import changesets

    answer = changesets._create_change_set(params)
    if answer[0] >= 400:
        return answer
    _, change_set = changesets._find_change_set(
        changesets._p(params, "ChangeSetName"), changesets._p(params, "StackName")
    )
    if change_set["StatusReason"].startswith(NOTHING) and _outputs_change(change_set):
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
    resolved = _resolve_props_for_diff(
        change_set["_template"], change_set["_resolved_params"], change_set["StackName"], change_set["StackId"]
    )
    found = tuple(validation.conflicts(change_set["Changes"], resolved.get("Resources", {})))
    if found:
        validation.FOUND[change_set["ChangeSetId"]] = found
        change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=validation.FAILED)
    return answer


def _outputs_change(change_set: Mapping[str, Any]) -> bool:
    """Whether executing a change set would change what the stack tells others."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import engine

    stack = cloudformation._stacks[change_set["StackName"]]
    if change_set["ChangeSetType"] != "UPDATE":
        return False
    sides = [
        made(template, engine._evaluate_conditions(template, parameters)).get("Outputs", {})
        for template, parameters in (
            (stack["_template"], stack["_resolved_params"]),
            (change_set["_template"], change_set["_resolved_params"]),
        )
    ]
    return bool(sides[0] != sides[1])


async def _handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:  # noqa: ANN401 (ministack's response)
    """Every call: remember who drift detection reads for, refuse what the caller lacks, then answer."""
    from ministack.core.router import extract_access_key_id

    caller = extract_access_key_id(headers, query_params)
    drift.CALLER.set(caller)
    request = form_of(body)
    refused = cloudformation_refusal(caller, request)
    if refused is not None:
        return refused
    operations.remember_role(request)
    return await original("services.cloudformation", "handle_request")(method, path, headers, body, query_params)


def _runs_on_worker_thread(resource_type: str) -> bool:
    """A service's end is awaited, which must not block the server."""
    if resource_type == "AWS::ECS::Service":
        return True
    return bool(original("services.cloudformation.stacks", "_runs_on_worker_thread")(resource_type))


def install(types: Mapping[str, ResourceType], readers: Mapping[str, Reader]) -> None:
    """Answer for these resource types and read these for drift detection, by their names."""
    for kind, resource in types.items():
        handle(kind, create=resource.create, update=resource.update, delete=resource.delete)
        if kind in TAGGED:
            enter(STACK_TAGS, kind, ("Tags", "list"))
    drift.install(readers)
    operations.install()
    enter(CHANGE_SETS, "CreateChangeSet", _create_change_set)
    enter(CHANGE_SETS, "DescribeEvents", validation.describe_events)
    replace("services.cloudformation", "handle_request", _handle_request)
    replace("services.cloudformation.changesets", "_resolve_props_for_diff", _resolve_props_for_diff)
    replace("services.cloudformation.stacks", "_runs_on_worker_thread", _runs_on_worker_thread)
