"""Everything that can be known to be wrong with a rendered task definition, offline and at once.

Its shape is RegisterTaskDefinition's, from the service model that botocore brings along. Only botocore's model,
loader and validator are imported: boto3 would take longer than all of rendering, and a client wants credentials.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from gitops.taskdefs import rules
from gitops.taskdefs.documents import NAME_KEYS, Document, Place, Problem, Value, children, named, objects
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
    found = [
        *shape_problems(document),
        *rules.problems(document),
        *unfilled(document),
        *_names(document, ()),
        *_conventions(document, family, container),
    ]
    return sorted(set(found))


def _conventions(document: Document, family: str, name: str) -> Iterator[Problem]:
    """What this tool asks for: ECS would take another."""
    if document.get("family") != family:
        yield Problem(("family",), f"must be {family}")
    if not document.get("taskRoleArn"):
        yield Problem(("taskRoleArn",), "is missing")
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
    """Two elements of one name in a list that overlays merge by name."""
    key = place[-1] if place else ""
    name_key = NAME_KEYS.get(key, "")
    # Of these a rule of AWS's speaks; and one volume may be mounted at two paths, while two at one hide one another.
    if name_key and isinstance(value, list) and key not in ("containerDefinitions", "portMappings"):
        unique = "containerPath" if key == "mountPoints" else name_key
        names = Counter(str(item[unique]) for item in objects(value) if unique in item)
        yield from (Problem(place, f"{name} stands here twice") for name, number in names.items() if number > 1)
    for step, item in children(value, key):
        yield from _names(item, (*place, step))
