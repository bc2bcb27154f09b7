"""Everything that can be known to be wrong with a rendered task definition, offline and at once."""

from __future__ import annotations

from collections.abc import Iterator

from gitops.taskdefs.documents import NAME_KEYS, Document, Value
from gitops.taskdefs.fargate import fargate_problems
from gitops.taskdefs.model import shape_problems
from gitops.taskdefs.paths import Place, children
from gitops.taskdefs.problems import Problem
from gitops.taskdefs.render import IMAGE, unfilled


def validate(document: Document, family: str, container: str) -> list[Problem]:
    """The problems of a rendered task definition, in the order of their places.

    ``family`` and ``container`` are the names that the service's stack and the
    deploy expect. An empty list means that ECS has no reason known here to refuse it.
    """
    problems = [
        *shape_problems(document),
        *fargate_problems(document),
        *unfilled(document),
        *_names(document, ()),
        *_references(document),
        *_essential(document, container),
    ]
    if document.get("family") != family:
        problems.append(Problem(("family",), f"must be {family}"))
    return sorted(set(problems))


def _essential(document: Document, name: str) -> Iterator[Problem]:
    place: Place = ("containerDefinitions", f"[{name}]")
    found = [item for item in _objects(document.get("containerDefinitions")) if item.get("name") == name]
    if not found:
        yield Problem(("containerDefinitions",), f"no container is named {name}")
    for item in found:
        if item.get("essential", True) is not True:
            yield Problem((*place, "essential"), "must be true: the task is this container")
        if item.get("image") != IMAGE:
            yield Problem((*place, "image"), f"must be {IMAGE}, which the deploy fills with the commit's image")


def _names(value: Value, place: Place) -> Iterator[Problem]:
    key = place[-1] if place else ""
    name_key = NAME_KEYS.get(key, "")
    if name_key and isinstance(value, list):
        # One volume may be mounted at two paths; two volumes at one path hide one another.
        unique = "containerPath" if key == "mountPoints" else name_key
        names = [_identity(item, key, unique) for item in _objects(value) if unique in item]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem(place, f"{name} stands here twice")
    if isinstance(value, dict):
        both = _name_set(value.get("environment")) & _name_set(value.get("secrets"))
        for name in sorted(both):
            yield Problem((*place, "secrets"), f"{name} is in environment too: ECS refuses both")
    for step, item in children(value, key):
        yield from _names(item, (*place, step))


def _identity(item: Document, key: str, unique: str) -> str:
    # A port may be open for tcp and udp.
    return f"{item[unique]}/{item.get('protocol', 'tcp')}" if key == "portMappings" else str(item[unique])


def _references(document: Document) -> Iterator[Problem]:
    containers = _objects(document.get("containerDefinitions"))
    volumes = _name_set(document.get("volumes"))
    for item in containers:
        place: Place = ("containerDefinitions", f"[{item.get('name')}]")
        for mount in _objects(item.get("mountPoints")):
            if mount.get("sourceVolume") not in volumes:
                yield Problem((*place, "mountPoints"), f"{mount.get('sourceVolume')} is no volume of this task")
        for dependency in _objects(item.get("dependsOn")):
            if dependency.get("containerName") not in _name_set(containers):
                yield Problem((*place, "dependsOn"), f"{dependency.get('containerName')} is no container of this task")


def _objects(value: Value) -> list[Document]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _name_set(value: Value) -> set[str]:
    return {str(item["name"]) for item in _objects(value) if "name" in item}
