"""Whether a template's conditions hold, as far as the values known while planning decide it.

cfn-lint's solver is another thing: it asks whether a condition can hold, knows no pseudo parameters, and takes
two references as unequal whatever their values are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.stacks import long_form

# By the region's first letters; every other region is in the partition aws.
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def section(body: str) -> dict[str, Any]:
    """The Conditions of a template's text, functions in their long form; empty when it has none."""
    found = long_form.load(body).get("Conditions")
    return found if isinstance(found, dict) else {}


def holds(conditions: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, bool | None]:
    """Each condition of a template: True, False, or None where the values do not decide it.

    ``conditions`` are what ``section`` gives; ``values`` are parameters and pseudo parameters by name. What
    is not known, and every function but Equals, Not, And, Or, Condition, Ref and Join, leaves open what
    depends on it.
    """
    return {name: _condition({"Condition": name}, conditions, values, ()) for name in conditions}


def pseudo(account: str, region: str, stack_name: str) -> dict[str, str]:
    """The pseudo parameters that are known before a stack is there.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """
    partition = next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")
    return {
        "AWS::AccountId": account,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackName": stack_name,
    }


def _condition(
    said: object, conditions: Mapping[str, Any], values: Mapping[str, str], through: tuple[str, ...]
) -> bool | None:
    """Kleene's three values: what is open stays open unless the rest decides."""
    name, argument = _function(said)
    if name == "Condition":
        # One that leads back to itself is refused by CloudFormation; here it is open.
        if not isinstance(argument, str) or argument not in conditions or argument in through:
            return None
        return _condition(conditions[argument], conditions, values, (*through, argument))
    if not isinstance(argument, list):
        return None
    if name == "Fn::Equals" and len(argument) == 2:
        one, other = (_value(part, values) for part in argument)
        return None if one is None or other is None else one == other
    parts = [_condition(part, conditions, values, through) for part in argument]
    if name == "Fn::Not" and len(parts) == 1:
        return None if parts[0] is None else not parts[0]
    if name == "Fn::And":
        return False if False in parts else None if None in parts else True
    if name == "Fn::Or":
        return True if True in parts else None if None in parts else False
    return None


def _value(said: object, values: Mapping[str, str]) -> str | None:
    """A side of an Equals as text; None where it is not known."""
    if isinstance(said, str):
        return said
    name, argument = _function(said)
    if name == "Ref":
        return values.get(str(argument))
    if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
        return _joined(str(argument[0]), argument[1], values)
    return None


def _joined(separator: str, said: object, values: Mapping[str, str]) -> str | None:
    if not isinstance(said, list):
        # A list parameter: its value is its elements with commas between them.
        whole = _value(said, values)
        return None if whole is None else separator.join(part.strip() for part in whole.split(","))
    parts = [_value(part, values) for part in said]
    known = [part for part in parts if part is not None]
    return separator.join(known) if len(known) == len(parts) else None


def _function(said: object) -> tuple[str, object]:
    """The one key of a function's mapping and what stands under it; ("", None) for what is no function."""
    if isinstance(said, dict) and len(said) == 1:
        [(name, argument)] = said.items()
        return str(name), argument
    return "", None
