"""What a stack was made of, against the template in git: what CloudFormation would act on, and nothing else.

A change set for a comment, a description or a checkov skip is empty, so the deployed text keeps the old one.
Were the texts compared, that would be drift for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from gitops.drift.document import Difference, differences

# Parameters are compared by their values. An update cannot be of Description or Metadata alone.
SECTIONS: Final = ("Conditions", "Mappings", "Resources", "Outputs", "Rules", "Transform")
# Of a resource: where it stands in the order, and notes of other tools.
_NO_EFFECT: Final = {"Resources": {"DependsOn", "Metadata"}, "Outputs": {"Description"}}


class _Loader(yaml.SafeLoader):
    """Short forms become long ones; every scalar stays a string, as CloudFormation converts them anyway."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}  # type: ignore[assignment]


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def effective(body: str) -> dict[str, Any]:
    """What a template's text (YAML or JSON) makes, without what makes nothing; yaml.YAMLError when it is neither."""
    document = yaml.load(body, Loader=_Loader)  # noqa: S506 (a safe loader)
    found: dict[str, Any] = {}
    for section in SECTIONS:
        content = document.get(section)
        if isinstance(content, dict) and section in _NO_EFFECT:
            content = {
                name: {key: value for key, value in one.items() if key not in _NO_EFFECT[section]}
                for name, one in content.items()
            }
        if content:
            found[section] = content
    return found


def compare(in_git: str, deployed: str) -> list[Difference]:
    """Where what is deployed would act otherwise than what git says."""
    return list(differences(effective(in_git), effective(deployed)))
