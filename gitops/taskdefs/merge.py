"""An overlay laid over a base: objects by key, named lists by name, null removes."""

from __future__ import annotations

from gitops.taskdefs.documents import NAME_KEYS, Document, Value
from gitops.taskdefs.paths import Place
from gitops.taskdefs.problems import Problem

# An element of a named list has no key to set to null, so it says that it goes.
REMOVE = "$remove"


def merge(base: Document, overlay: Document) -> tuple[Document, list[Problem]]:
    """The base with the overlay's say on top, and everything the overlay gets wrong.

    Objects merge by key and null removes a key. Named lists (``NAME_KEYS``)
    merge by name and ``{"name": "X", "$remove": true}`` removes an element.
    Every other list is replaced. Removing what the base does not have is a
    problem: such an overlay was written for another base. Neither argument is changed.
    """
    problems: list[Problem] = []
    return _objects(base, overlay, (), problems), problems


def _objects(base: Document, overlay: Document, place: Place, problems: list[Problem]) -> Document:
    merged = dict(base)
    for key, value in overlay.items():
        here = (*place, key)
        if value is not None:
            merged[key] = _values(base.get(key), value, here, problems)
        elif merged.pop(key, None) is None:
            problems.append(Problem(here, "null removes what the base does not have"))
    return merged


def _values(base: Value, overlay: Value, place: Place, problems: list[Problem]) -> Value:
    name_key = NAME_KEYS.get(place[-1])
    if name_key and isinstance(overlay, list):
        return _named_lists(base if isinstance(base, list) else [], overlay, name_key, place, problems)
    if isinstance(overlay, dict):
        return _objects(base if isinstance(base, dict) else {}, overlay, place, problems)
    return overlay


def _named_lists(
    base: list[Value], overlay: list[Value], name_key: str, place: Place, problems: list[Problem]
) -> list[Value]:
    for items, whose in ((base, "the base"), (overlay, "the overlay")):
        broken = _unnamed_or_twice(items, name_key)
        if broken:
            problems.append(Problem(place, f"{whose} {broken}, so the two cannot be merged"))
            return base
    merged = {item[name_key]: item for item in base}
    for item in overlay:
        name = item[name_key]
        here = (*place, f"[{name}]")
        if REMOVE not in item:
            merged[name] = _objects(merged.get(name, {}), item, here, problems)
        elif item != {name_key: name, REMOVE: True}:
            problems.append(Problem(here, f'removal is written {{"{name_key}": …, "{REMOVE}": true}} and no more'))
        elif merged.pop(name, None) is None:
            problems.append(Problem(here, f"{REMOVE} names what the base does not have"))
    return list(merged.values())


def _unnamed_or_twice(items: list[Value], name_key: str) -> str:
    names = [item.get(name_key) if isinstance(item, dict) else None for item in items]
    if not all(isinstance(name, str | int) for name in names):
        return f"has an element without {name_key}"
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    return f"names {', '.join(twice)} twice" if twice else ""
