"""What CloudFormation needs from a resource type: to create, update and delete one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

Properties = Mapping[str, Any]
# What Ref answers, and the values Fn::GetAtt knows.
Created = tuple[str, dict[str, str]]


class ResourceType(Protocol):
    """One CloudFormation resource type over the emulator's own state."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Make the resource; raise ValueError with the reason when that is impossible."""
        ...

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Change it in place, or make another one and answer with its id."""
        ...

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Remove it; a resource that is gone already is no error."""
        ...


def without_tags(properties: Properties) -> dict[str, Any]:
    """The properties whose change means more than writing tags."""
    return {name: value for name, value in properties.items() if name != "Tags"}


def answered(response: tuple[int, Any, Any], element: str) -> str:
    """The text of ``element`` in a service's XML answer; ValueError with its message on an error."""
    status, _, body = response
    text = body.decode() if isinstance(body, bytes) else str(body)
    if status >= 400:
        message = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
        raise ValueError(message[1] if message else text)
    found = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    if found is None:
        raise ValueError(f"the emulator's answer has no {element}: {text[:200]}")
    return found[1]


def members(name: str, values: list[str]) -> dict[str, list[str]]:
    """``values`` as the numbered parameters of an EC2 call."""
    return {f"{name}.{number}": [value] for number, value in enumerate(values, 1)}
