"""A change set has what a condition brings in or takes out, and can be executed for an output alone.

ministack compares the templates with every resource in them, whatever its
Condition says, so that a condition that turns true "didn't contain changes".
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
Nor does it look at outputs, which are a change of the stack without a change of a resource.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# How ministack begins the reason of a change set that it cannot execute.
NOTHING: Final = "The submitted information didn't contain changes."


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


def install() -> None:
    """Compare only what each side of a change set makes, and its outputs too."""
    from ministack.services.cloudformation import changesets, engine, handlers

    resolve = changesets._resolve_props_for_diff

    def resolve_props_for_diff(
        template: dict[str, Any], params: dict[str, Any], stack_name: str, stack_id: str
    ) -> dict[str, Any]:
        resolved: dict[str, Any] = resolve(template, params, stack_name, stack_id)
        return made(resolved, engine._evaluate_conditions(template, params)) if resolved else resolved

    changesets._resolve_props_for_diff = resolve_props_for_diff
    create = changesets._create_change_set

    def create_change_set(params: dict[str, Any]) -> Any:  # noqa: ANN401 (ministack's response)
        answer = create(params)
        _, change_set = changesets._find_change_set(
            changesets._p(params, "ChangeSetName"), changesets._p(params, "StackName")
        )
        if change_set and change_set["StatusReason"].startswith(NOTHING) and _outputs_change(change_set):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
        return answer

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_change_set


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
