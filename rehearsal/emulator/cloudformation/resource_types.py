"""What CloudFormation needs from a resource type, and the shapes between a template and the services' own records.

A type is made, changed and deleted by ``ResourceType``, and read for drift detection by a ``Reader``. Handlers run in
the server's own loop: they call the services' functions, for a call over HTTP back to the server would never end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Protocol

from botocore.loaders import create_loader
from botocore.model import ServiceModel, Shape

Properties = Mapping[str, Any]
# A physical id and the template's own properties → what is there now, in the template's shape; None when it is gone.
Read = Callable[[str, Properties], dict[str, Any] | None]
# How a type is read, and the properties that are.
Reader = tuple[Read, frozenset[str]]
# What Ref answers, and the values Fn::GetAtt knows.
Created = tuple[str, dict[str, str]]


class NotStabilisedError(ValueError):
    """A resource was made, or changed, and did not become what was wanted: ``made`` is its id and attributes."""

    def __init__(self, reason: str, made: Created) -> None:
        super().__init__(reason)
        self.made = made


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


@cache
def schema(kind: str) -> dict[str, Any]:
    """A type's schema as CloudFormation's registry has it, from the data of cfn-lint.

    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
    The data is read as files: to import cfn-lint takes as long as the emulator's whole start.
    """
    data = Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas")))
    every = json.loads((data / "providers/us-east-1.json").read_text(encoding="utf-8"))
    read: dict[str, Any] = json.loads((data / f"resources/{every[kind]}.json").read_text(encoding="utf-8"))
    return read


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


def typed(service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The request of an operation with numbers and booleans where its input shape has them.

    CloudFormation turns a template's "8080" into 8080, ministack keeps it.
    """
    shape = _model(service).operation_model(operation).input_shape
    converted: dict[str, Any] = _converted(request, shape) if shape else request
    return converted


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(create_loader().load_service_model(service, "service-2"), service)


def _converted(value: Any, shape: Shape) -> Any:  # noqa: ANN401 (any JSON)
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            members = shape.members  # type: ignore[attr-defined]
            return {key: _converted(one, members[key]) if key in members else one for key, one in value.items()}
        case "list" if isinstance(value, list):
            return [_converted(one, shape.member) for one in value]  # type: ignore[attr-defined]
        case "integer" | "long" if isinstance(value, str):
            return int(value)
        case "boolean" if isinstance(value, str):
            return value.lower() == "true"
    return value


def pascal(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """``{"desiredCount": 1}`` as ``{"DesiredCount": 1}``, at every depth."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def explicit(actual: Any, expected: Any) -> Any:  # noqa: ANN401 (any JSON)
    """What a template sets explicitly, and no more: nothing else is compared (using-cfn-stack-drift.html)."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return {key: explicit(actual[key], expected[key]) for key in expected if key in actual}
    return actual


def set_attributes(kept: Iterable[Mapping[str, Any]], expected: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The attributes that the template sets, with their values now; the others keep a default of their own."""
    values = {str(one["Key"]): str(one["Value"]) for one in kept}
    return [{"Key": one["Key"], "Value": values[one["Key"]]} for one in expected if one["Key"] in values]


def parsed(text: Any) -> Any:  # noqa: ANN401 (any JSON)
    """A document that a service keeps as text."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def same_document(text: Any, expected: Any) -> Any:  # noqa: ANN401 (any JSON)
    """The template's own text where the document says the same in other whitespace."""
    return expected if parsed(text) == parsed(expected) else text
