"""Task definition files: read with the place of a mistake, written the same way each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gitops.errors import GitopsError

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


def read(root: Path, where: Path) -> Document:
    """The object in a JSON file under ``root``; GitopsError as ``parse``, or when it cannot be read."""
    try:
        text = (root / where).read_text(encoding="utf-8")
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
