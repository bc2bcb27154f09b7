"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html"""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator.change_sets import made
from tests.rehearsal.emulator.account import Account, eventually

TEMPLATE: dict[str, Any] = {
    "Parameters": {"Wanted": {"Type": "String", "Default": "no"}},
    "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
    "Resources": {
        "Always": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "always"}},
        "Sometimes": {
            "Type": "AWS::Logs::LogGroup",
            "Condition": "IsWanted",
            "Properties": {"LogGroupName": "sometimes"},
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Always"}}},
}


def test_only_what_the_conditions_allow_is_compared() -> None:
    template = {
        "Resources": {
            "Always": {"Type": "A"},
            "On": {"Type": "B", "Condition": "Yes"},
            "Off": {"Type": "C", "Condition": "No"},
        },
        "Outputs": {"X": {"Value": "1"}, "Y": {"Value": "2", "Condition": "No"}},
    }
    result = made(template, {"Yes": True, "No": False})
    assert sorted(result["Resources"]) == ["Always", "On"]
    assert result["Outputs"] == {"X": {"Value": "1"}}


def change_set(cfn: Any, name: str, template: dict[str, Any], **parameters: str) -> Any:
    cfn.create_change_set(
        StackName="sets",
        ChangeSetName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    described: list[Any] = []

    def made_up() -> bool:
        described.append(cfn.describe_change_set(StackName="sets", ChangeSetName=name))
        return described[-1]["Status"] in ("CREATE_COMPLETE", "FAILED")

    assert eventually(made_up)
    return described[-1]


def test_a_change_set_for_a_condition_or_an_output_alone_can_be_executed(account: Account) -> None:
    cfn = account.client("cloudformation")
    cfn.create_stack(StackName="sets", TemplateBody=json.dumps(TEMPLATE))
    cfn.get_waiter("stack_create_complete").wait(StackName="sets", WaiterConfig={"Delay": 1})

    nothing = change_set(cfn, "nothing", TEMPLATE)
    assert (nothing["Status"], nothing["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")

    condition = change_set(cfn, "condition", TEMPLATE, Wanted="yes")
    [change] = [one["ResourceChange"] for one in condition["Changes"]]
    assert (change["Action"], change["LogicalResourceId"]) == ("Add", "Sometimes")

    more = {**TEMPLATE, "Outputs": {**TEMPLATE["Outputs"], "More": {"Value": "told"}}}
    output = change_set(cfn, "output", more)
    assert (output["Status"], output["ExecutionStatus"], output["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    cfn.execute_change_set(StackName="sets", ChangeSetName="output")
    cfn.get_waiter("stack_update_complete").wait(StackName="sets", WaiterConfig={"Delay": 1})
    outputs = cfn.describe_stacks(StackName="sets")["Stacks"][0]["Outputs"]
    assert {one["OutputKey"]: one["OutputValue"] for one in outputs} == {"Name": "always", "More": "told"}
    cfn.delete_stack(StackName="sets")
