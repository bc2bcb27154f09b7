"""Everything that can be known to be wrong with a rendered task definition, offline and at once.

Its shape is RegisterTaskDefinition's, from the service model that botocore brings along. Only botocore's model,
loader and validator are imported: boto3 would take longer than all of rendering, and a client wants credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from gitops.taskdefs.documents import NAME_KEYS, Document, Place, Problem, Value, children, named, objects
from gitops.taskdefs.fargate import fargate_problems
from gitops.taskdefs.render import IMAGE, unfilled


@cache
def register_input() -> StructureShape:
    """The input of RegisterTaskDefinition: what a task definition may say."""
    description = Loader().load_service_model("ecs", "service-2")
    shape = ServiceModel(description, "ecs").operation_model("RegisterTaskDefinition").input_shape
    if not isinstance(shape, StructureShape):
        raise TypeError("botocore's model has no RegisterTaskDefinition input")
    return shape


def shape_problems(document: Document) -> list[Problem]:
    """Unknown keys, missing keys, wrong types and words outside an enumeration, all at once."""
    report = ParamValidator().validate(document, register_input())
    # The list behind the report: its text repeats values, which may span lines, and the whole list of keys.
    problems = [_explained(named(document, name), reason, detail) for reason, name, detail in report._errors]
    return problems + [
        Problem(named(document, name), message) for name, message in _words(document, register_input(), "")
    ]


def _explained(place: Place, reason: str, detail: dict[str, Value]) -> Problem:
    if reason == "unknown field":
        return Problem((*place, str(detail["unknown_param"])), "unknown key")
    if reason == "missing required field":
        return Problem((*place, str(detail["required_name"])), "is missing")
    if reason == "invalid type":
        wanted = " or ".join(name.split("'")[1] for name in detail["valid_types"])
        return Problem(place, f"is {type(detail['param']).__name__}, must be {wanted}")
    words = [f"{key} {value}" for key, value in detail.items() if key != "param"]
    return Problem(place, " ".join([reason, *words]))


def _words(value: Value, shape: Shape, name: str) -> list[tuple[str, str]]:
    """What ParamValidator lets pass: nulls, true for a number, and words that an enumeration does not have."""
    if value is None:
        return [(name, "is null: leave the key out")]
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        known = [key for key in value if key in shape.members]
        return [found for key in known for found in _words(value[key], shape.members[key], f"{name}.{key}")]
    if isinstance(shape, ListShape) and isinstance(value, list):
        items = enumerate(value)
        return [found for index, item in items for found in _words(item, shape.member, f"{name}[{index}]")]
    if isinstance(shape, StringShape) and shape.enum and isinstance(value, str) and value not in shape.enum:
        return [(name, f'"{value}" is none of {", ".join(shape.enum)}')]
    if shape.type_name == "integer" and isinstance(value, bool):
        return [(name, "is bool, must be int")]
    return []


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
    found = [item for item in objects(document.get("containerDefinitions")) if item.get("name") == name]
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
        names = [_identity(item, key, unique) for item in objects(value) if unique in item]
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
    containers = objects(document.get("containerDefinitions"))
    volumes = _name_set(document.get("volumes"))
    for item in containers:
        place: Place = ("containerDefinitions", f"[{item.get('name')}]")
        for mount in objects(item.get("mountPoints")):
            if mount.get("sourceVolume") not in volumes:
                yield Problem((*place, "mountPoints"), f"{mount.get('sourceVolume')} is no volume of this task")
        for dependency in objects(item.get("dependsOn")):
            if dependency.get("containerName") not in _name_set(containers):
                yield Problem((*place, "dependsOn"), f"{dependency.get('containerName')} is no container of this task")


def _name_set(value: Value) -> set[str]:
    return {str(item["name"]) for item in objects(value) if "name" in item}
