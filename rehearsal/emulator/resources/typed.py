"""A request with the types of the API: CloudFormation turns a template's "8080" into 8080, ministack keeps it."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import create_loader
from botocore.model import ServiceModel, Shape


def typed(service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The request of an operation with numbers and booleans where its input shape has them."""
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
