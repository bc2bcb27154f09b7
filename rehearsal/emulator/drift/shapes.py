"""What a service keeps, in the shape in which a template writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


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


def attributes(kept: Iterable[Mapping[str, Any]], expected: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
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
