"""Task definition files: read with the place of a mistake, written the same way each time, their places by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gitops.errors import GitopsError
from gitops.repository import Checkout

Document = dict[str, Any]
# Anything that JSON may hold, checked where it is looked at.
Value = Any

# A list that ECS treats as a set of named things, and the key that holds the name.
NAME_KEYS = {
    "containerDefinitions": "name",
    "dependsOn": "containerName",
    "environment": "name",
    "extraHosts": "hostname",
    "mountPoints": "sourceVolume",
    "portMappings": "containerPort",
    "secretOptions": "name",
    "secrets": "name",
    "systemControls": "namespace",
    "tags": "key",
    "tmpfs": "containerPath",
    "ulimits": "name",
    "volumes": "name",
}


def parse(text: str, where: str) -> Document:
    """The object in a JSON text; ``where`` names the file in errors.

    Raises GitopsError with line and column when it is not JSON, and when a key
    stands twice (JSON would silently keep the last one).
    """

    def unique(pairs: list[tuple[str, Any]]) -> Document:
        document = dict(pairs)
        if len(document) != len(pairs):
            twice = sorted({key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1})
            raise GitopsError(f"{where}: the key {', '.join(twice)} stands twice in one object", fix="keep one")
        return document

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise GitopsError(
            f"{where}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}", fix="correct the file"
        ) from None
    if not isinstance(document, dict):
        raise GitopsError(f"{where}: holds a {type(document).__name__}, not an object", fix="correct the file")
    return document


def read(checkout: Checkout, where: Path) -> Document:
    """The object in a JSON file of the repository; GitopsError as ``parse``, or when it cannot be read."""
    try:
        text = (checkout.root / where).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GitopsError(f"{where}: not UTF-8 at byte {error.start}", fix="save it as UTF-8") from None
    except OSError as error:
        raise GitopsError(f"{where}: cannot be read: {error.strerror}", fix="restore the file") from None
    return parse(text, str(where))


def dump(document: Document) -> str:
    """The text of a rendered file: two spaces, a newline at the end, the order of ``ordered``."""
    return json.dumps(ordered(document), indent=2, ensure_ascii=False) + "\n"


def ordered(value: Value, key: str = "", first: str = "family") -> Value:
    """The same value in the order that a reviewer's diff is stable in.

    Keys stand in alphabetical order after the one that names the object; named
    lists are sorted by name. Every other list keeps its order.
    """
    if isinstance(value, dict):
        keys = sorted(value, key=lambda name: (name != first, name))
        return {name: ordered(value[name], name, "") for name in keys}
    if not isinstance(value, list):
        return value
    name_key = NAME_KEYS.get(key, "")
    items = [ordered(item, "", name_key) for item in value]
    if name_key and all(isinstance(item, dict) and name_key in item for item in items):
        items.sort(key=lambda item: _natural(item[name_key]))
    return items


def _natural(name: Value) -> tuple[int, str]:
    # Ports are numbers: 80 before 8080 before 9000, whatever their digits.
    return (name, "") if isinstance(name, int) else (0, str(name))


def mapping(value: Value) -> Document:
    """The object that a value is, an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def objects(value: Value) -> list[Document]:
    """The objects in the list that a value is; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# Keys as they are and list elements in brackets: ("containerDefinitions", "[shop]", "image").
Place = tuple[str, ...]


def spell(place: Place) -> str:
    """A place as people write it: ``containerDefinitions[shop].image``."""
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


class Problem(NamedTuple):
    """One mistake and its place."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{spell(self.place)}: {self.message}"
