"""A template with one environment's values as its parameters' defaults.

Checkers that read files know a parameter only by its default. A resource whose
Condition is false under the defaults is then dropped without a word (checkov),
and a value that its parameter does not allow is not seen (cfn-lint).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks import order
from gitops.stacks.order import SERVICE_ENABLED, Unit

_STRING = "tag:yaml.org,2002:str"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Filled(NamedTuple):
    """One stack of an environment as a checker reads it; ``template`` is the path people know."""

    environment: str
    label: str
    template: Path
    text: str


def every(root: Path, chosen: Mapping[str, Environment], *, placeholders: bool) -> list[Filled]:
    """Every stack of the chosen environments; GitopsError when a parameter cannot be filled.

    ``placeholders`` as in ``values``.
    """
    known = environments.load_all(root)
    filled = []
    for name, environment in chosen.items():
        registry = known.get(environment.registry)
        if registry is None:
            raise GitopsError(
                f"{environments.FOLDER}/{name}.yaml: registry: there is no environment {environment.registry}",
                fix=f"name one of {', '.join(known)}",
            )
        filled += [
            Filled(
                name,
                unit.label,
                unit.template.path,
                substitute(unit.template.body, values(unit, placeholders=placeholders)),
            )
            for unit in order.load(root, environment, registry.account)
        ]
    return filled


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


def substitute(template: str, given: Mapping[str, str]) -> str:
    """The template's text with each given value as its parameter's Default; the rest means the same.

    Comments are lost and lines move. ``given`` may name parameters that the
    template does not have: they change nothing.
    """
    document = yaml.compose(template, Loader=yaml.CSafeLoader)
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
