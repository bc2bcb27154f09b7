"""Places in a task definition, spelled with names rather than list positions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitops.taskdefs.documents import NAME_KEYS, Value

# Keys as they are and list elements in brackets: ("containerDefinitions", "[weather]", "image").
Place = tuple[str, ...]


def spell(place: Place) -> str:
    """A place as people write it: ``containerDefinitions[weather].image``."""
    return "".join(step if step.startswith("[") else f".{step}" for step in place).lstrip(".") or "top level"


def children(value: Value, key: str) -> Iterator[tuple[str, Value]]:
    """The steps below a value that stands under ``key``: keys, or list elements by name or position."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        name_key = NAME_KEYS.get(key, "")
        for position, item in enumerate(value):
            named = isinstance(item, dict) and name_key in item
            yield f"[{item[name_key] if named else position}]", item


def leaves(value: Value, place: Place = ()) -> Iterator[tuple[Place, Value]]:
    """Every scalar, empty list and empty object below a value, with its place."""
    below = list(children(value, place[-1] if place else ""))
    if not below:
        yield place, value
    for step, item in below:
        yield from leaves(item, (*place, step))


def at(value: Value, place: Place) -> Value:
    """What a document says at a place, None where it says nothing; the first of two elements of one name counts."""
    key = ""
    for step in place:
        value = next((item for name, item in children(value, key) if name == step), None)
        key = step
    return value


def named(document: Value, indexed: str) -> Place:
    """The place that botocore writes as ``containerDefinitions[0].image``."""
    place: list[str] = []
    value, key = document, ""
    for step in re.findall(r"\[\d+\]|[^.\[\]]+", indexed):
        if isinstance(value, list):
            step, value = list(children(value, key))[int(step.strip("[]"))]
        else:
            value = value.get(step) if isinstance(value, dict) else None
            key = step
        place.append(step)
    return tuple(place)
