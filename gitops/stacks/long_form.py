"""A template's text as data, with every function in its long form: ``!Ref Vpc`` becomes ``{"Ref": "Vpc"}``.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

# Functions written as !Name stand for Fn::Name, but for these two.
PLAIN = ("Ref", "Condition")


class _Loader(yaml.CSafeLoader):
    """Every scalar stays the text that CloudFormation compares."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}  # type: ignore[assignment]


def _function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in PLAIN else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)


def load(text: str) -> Any:  # noqa: ANN401 (whatever the text is)
    """A template in YAML or JSON; yaml.YAMLError when it is neither."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (it is a safe loader)
