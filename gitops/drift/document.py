"""Where two documents differ, by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

# What names an element of a list, so that one that moved is not two that changed.
_NAMES = ("name", "key", "Key", "Name", "PolicyName", "Sid", "containerName")


class Difference(NamedTuple):
    """A path, and the value on each side; None where it has none."""

    path: str
    expected: Any
    actual: Any


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[Difference]:  # noqa: ANN401 (any JSON)
    """Every place in which two documents differ, as deep as both have the same shape."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted({*expected, *actual}):
            yield from differences(expected.get(key), actual.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(expected, list) and isinstance(actual, list):
        ours, theirs = _named(expected), _named(actual)
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{path}[{key}]")
    elif expected != actual:
        yield Difference(path, expected, actual)


def text(value: Any) -> str:  # noqa: ANN401 (any JSON)
    """A value as a person reads it; "" for none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _named(items: list[Any]) -> dict[str, Any]:
    """The elements by their name, else by their position."""
    found: dict[str, Any] = {}
    for position, item in enumerate(items):
        names = (str(item[key]) for key in _NAMES if isinstance(item, dict) and isinstance(item.get(key), str))
        name = next(names, str(position))
        found[name if name not in found else f"{name}#{position}"] = item
    return found
