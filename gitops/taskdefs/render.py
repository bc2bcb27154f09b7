"""From base, overlay and environment to the task definition that is reviewed and registered.

An overlay is laid over a base: objects by key, named lists by name, null removes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import environment_file
from gitops.taskdefs.documents import NAME_KEYS, Document, Place, Problem, Value, children

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


IMAGE = "${image}"
# How CloudFormation's Fn::Sub writes a ${ that is none of its variables:
# docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html
LITERAL = "${!"
VARIABLE = re.compile(r"\$\{(?!!)([^}]*)\}")


def variables(environment: Environment, service: str) -> dict[str, str]:
    """What ``${name}`` stands for in one environment.

    Raises GitopsError when the environment's own variables name one that gitops sets.
    """
    ours = {
        "environment": environment.environment,
        "region": environment.region,
        "account": environment.account,
        "service": service,
        "project": environment.project,
    }
    taken = sorted(environment.variables.keys() & {*ours, "image"})
    if taken:
        raise GitopsError(
            f"{environment_file(environment.environment)}: variables sets {', '.join(taken)}, which gitops sets",
            fix="choose another name",
        )
    return {**environment.variables, **ours}


def render(base: Document, overlay: Document, values: dict[str, str]) -> tuple[Document, list[Problem]]:
    """The merged task definition with every variable filled in except the image, and the merge's problems.

    Variables are filled in first, so that base and overlay may name a thing
    either way, and once: a variable inside a variable's value stays and is
    found by ``gitops.taskdefs.validate``, like one that has no value.
    """
    return merge(fill(base, values), fill(overlay, values))


def with_image(rendered: Document, image: str) -> Document:
    """The rendered task definition as ECS gets it: the image in its placeholder, and ``${`` for each ``${!``.

    ``image`` is a whole reference (``registry:5000/shop:<commit>@sha256:…``)
    and is taken as it stands. Raises GitopsError when no container has the placeholder.
    """
    containers = rendered.get("containerDefinitions") or []
    if not any(container.get("image") == IMAGE for container in containers):
        raise GitopsError(f"no container has the image {IMAGE}", fix="gitops render, and commit what it writes")
    filled = [
        {**container, "image": image} if container.get("image") == IMAGE else container for container in containers
    ]
    sent: Document = _mapped({**rendered, "containerDefinitions": filled}, lambda text: text.replace(LITERAL, "${"))
    return sent


def unfilled(value: Value, place: Place = ()) -> list[Problem]:
    """Each variable that is left, apart from an image that is the placeholder and nothing else."""
    problems: list[Problem] = []
    if isinstance(value, str):
        image_of_container = len(place) == 3 and place[0] == "containerDefinitions" and place[2] == "image"
        if not (image_of_container and value == IMAGE):
            problems += [Problem(place, _unknown(name)) for name in VARIABLE.findall(value)]
        if "${" in VARIABLE.sub("", value.replace(LITERAL, "")):
            problems.append(Problem(place, "a ${ has no closing brace"))
    for step, item in children(value, place[-1] if place else ""):
        problems += unfilled(item, (*place, step))
        if "${" in step and isinstance(value, dict):
            problems.append(Problem((*place, step), "a variable cannot stand in a key"))
    return problems


def _unknown(name: str) -> str:
    if name == "image":
        return f"{IMAGE} may only be the whole image of a container"
    return f"${{{name}}} is no variable of this environment (a literal is written {LITERAL}{name}}})"


def fill(value: Value, values: dict[str, str]) -> Value:
    """The same value with each ``${name}`` that has a value replaced in every string."""
    return _mapped(value, lambda text: VARIABLE.sub(lambda match: values.get(match[1], match[0]), text))


def _mapped(value: Value, change: Callable[[str], str]) -> Value:
    """The same value with every string in it changed, keys apart."""
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value) if isinstance(value, str) else value
