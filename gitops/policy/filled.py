"""A template with one environment's values as its parameters' defaults.

Checkers that read files know a parameter only by its default. A resource whose
Condition is false under the defaults is then dropped without a word (checkov),
and a value that its parameter does not allow is not seen (cfn-lint).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS, TEMPLATES, Checkout, environment_file, template
from gitops.stacks import order, templates
from gitops.stacks.order import SERVICE_ENABLED, Unit

_STRING = "tag:yaml.org,2002:str"
# What stacks are filled from.
_READ = (ENVIRONMENTS.as_posix(), TEMPLATES.as_posix())
# A change elsewhere (how they are filled, a checker's version or settings) may affect every stack.
_APART = (
    "services/",
    "taskdefs/",
    "tests/",
    "docs/",
    "rehearsal/",
    ".github/",
    "LICENSE",
    *(f"{folder}/" for folder in _READ),
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Filled(NamedTuple):
    """One stack of an environment as a checker reads it; ``template`` is the path people know."""

    environment: str
    label: str
    template: Path
    text: str


def every(checkout: Checkout, chosen: Mapping[str, Environment], *, placeholders: bool, base: str = "") -> list[Filled]:
    """Every stack of the chosen environments, or those that the change since the commit ``base`` can affect.

    A checker sees a template's text and its values: a stack that has both from ``base`` is left out.
    ``placeholders`` as in ``values``. Raises GitopsError when a parameter cannot be filled.
    """
    known = environments.load_all(checkout)
    before = _before(checkout, base, placeholders=placeholders)
    filled = []
    for name, environment in chosen.items():
        if environment.registry not in known:
            raise GitopsError(
                f"{environment_file(name)}: registry: there is no environment {environment.registry}",
                fix=f"name one of {', '.join(known)}",
            )
        for unit in order.load(checkout, environment):
            given = values(unit, placeholders=placeholders)
            if _seen(unit, given) not in before:
                text = substitute(unit.template.body, given)
                filled.append(Filled(name, unit.label, unit.template.path, text))
    return filled


def own(checkout: Checkout, base: str = "") -> list[Path]:
    """The templates as they stand, or those that the change since ``base`` can affect; relative to the top folder."""
    paths = [template(name) for name in templates.names(checkout)]
    changed = _changed(checkout, base)
    return paths if changed is None else [path for path in paths if path.as_posix() in changed]


def _changed(checkout: Checkout, base: str) -> list[str] | None:
    """The paths that differ from ``base``; None where the change can affect every template, or there is no base."""
    paths = checkout.changed(base)
    return None if paths is None or not narrows(paths) else paths


def narrows(paths: Iterable[str]) -> bool:
    """Whether a change of these paths can affect no stack but those whose template or values differ.

    ``checks/selection.py`` asks no check of the templates for a path that does not; a test holds both together.
    """
    return all(path.startswith(_APART) or path.endswith(".md") for path in paths)


def _seen(unit: Unit, given: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    """All that a filled template depends on."""
    return unit.template.body, frozenset(given.items())


def _before(checkout: Checkout, base: str, *, placeholders: bool) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """What a checker saw at ``base``; nothing where that does not matter or cannot be read any more."""
    if _changed(checkout, base) is None:
        return set()
    with tempfile.TemporaryDirectory(prefix="gitops-base-") as folder:
        try:
            then = checkout.copy(base, Path(folder), *_READ)
            units = [unit for here in environments.load_all(then).values() for unit in order.load(then, here)]
        except GitopsError:
            return set()
    return {_seen(unit, values(unit, placeholders=placeholders)) for unit in units}


def values(unit: Unit, *, placeholders: bool) -> dict[str, str]:
    """The values of a stack's parameters that are known offline.

    The ECS service counts as enabled: it is what has to be looked at. With
    ``placeholders``, what another stack would give is filled with its name, for
    a checker that ignores a property without a value. Without, it stays open,
    for one that would hold the name against the property's format.
    """
    given = dict(unit.values)
    if placeholders:
        given |= {name: f"{output.label}.{output.name}" for name, output in unit.outputs.items()}
    if unit.asks_service_enabled:
        given[SERVICE_ENABLED] = "true"
    return given


def substitute(text: str, given: Mapping[str, str]) -> str:
    """The template's text with each given value as its parameter's Default; the rest means the same.

    Comments are lost and lines move. ``given`` may name parameters that the
    template does not have: they change nothing.
    """
    document = yaml.compose(text, Loader=yaml.CSafeLoader)
    parameters = _member(document, "Parameters")
    for name, declared in parameters.value if isinstance(parameters, yaml.MappingNode) else []:
        if name.value in given and isinstance(declared, yaml.MappingNode):
            kept = [pair for pair in declared.value if pair[0].value != "Default"]
            default = (yaml.ScalarNode(_STRING, "Default"), _scalar(declared, given[name.value]))
            declared.value = [*kept, default]
    # Wide lines, because some checkers read what a fold leaves of a long string.
    return yaml.serialize(document, width=10_000, allow_unicode=True)


def _scalar(declared: yaml.MappingNode, value: str) -> yaml.ScalarNode:
    # cfn-lint holds MinValue and MaxValue only against a default that YAML reads as a number.
    if getattr(_member(declared, "Type"), "value", "") == "Number" and _NUMBER.fullmatch(value):
        tag = "tag:yaml.org,2002:float" if "." in value else "tag:yaml.org,2002:int"
        return yaml.ScalarNode(tag, value)
    return yaml.ScalarNode(_STRING, value, style="'")


def _member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value if isinstance(value, yaml.Node) else None
    return None
