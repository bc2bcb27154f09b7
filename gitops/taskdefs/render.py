"""From base, overlay and environment to the task definition that is reviewed and registered."""

from __future__ import annotations

import re

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.taskdefs.documents import Document, Value
from gitops.taskdefs.merge import merge
from gitops.taskdefs.paths import Place, children
from gitops.taskdefs.problems import Problem

IMAGE = "${image}"
VARIABLE = re.compile(r"\$\{([^}]*)\}")


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
            f"infra/environments/{environment.environment}.yaml: variables sets {', '.join(taken)}, which gitops sets",
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
    """The rendered task definition with the image in its one placeholder; all else as it was.

    ``image`` is a whole reference (``registry:5000/weather:<commit>@sha256:…``)
    and is taken as it stands. Raises GitopsError when no container has the placeholder.
    """
    containers = rendered.get("containerDefinitions") or []
    if not any(container.get("image") == IMAGE for container in containers):
        raise GitopsError(f"no container has the image {IMAGE}", fix="gitops render, and commit what it writes")
    filled = [
        {**container, "image": image} if container.get("image") == IMAGE else container for container in containers
    ]
    return {**rendered, "containerDefinitions": filled}


def unfilled(value: Value, place: Place = ()) -> list[Problem]:
    """Each variable that is left, apart from an image that is the placeholder and nothing else."""
    problems: list[Problem] = []
    if isinstance(value, str):
        image_of_container = len(place) == 3 and place[0] == "containerDefinitions" and place[2] == "image"
        if not (image_of_container and value == IMAGE):
            problems += [Problem(place, _unknown(name)) for name in VARIABLE.findall(value)]
        if "${" in VARIABLE.sub("", value):
            problems.append(Problem(place, "a ${ has no closing brace"))
    for step, item in children(value, place[-1] if place else ""):
        problems += unfilled(item, (*place, step))
        if "${" in step and isinstance(value, dict):
            problems.append(Problem((*place, step), "a variable cannot stand in a key"))
    return problems


def _unknown(name: str) -> str:
    if name == "image":
        return f"{IMAGE} may only be the whole image of a container"
    return f"${{{name}}} is no variable of this environment"


def fill(value: Value, values: dict[str, str]) -> Value:
    """The same value with each ``${name}`` that has a value replaced in every string."""
    if isinstance(value, dict):
        return {key: fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: values.get(match[1], match[0]), value)
    return value
