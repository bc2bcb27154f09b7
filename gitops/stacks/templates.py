"""CloudFormation templates: read as data, what they declare, and what their functions and conditions come to.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gitops.errors import GitopsError
from gitops.repository import TEMPLATES, Checkout
from gitops.repository import template as template_path

# CloudFormation's quota "Template body size in a request".
INLINE_LIMIT = 51_200
# Functions written as !Name stand for Fn::Name, but for these two.
PLAIN = ("Ref", "Condition")
# By the region's first letters; every other region is in the partition aws.
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")


@dataclass(frozen=True)
class Parameter:
    """A template's parameter; ``default`` is None when it has none, ``no_echo`` hides its value."""

    name: str
    type: str
    default: str | None
    no_echo: bool
    line: int


@dataclass(frozen=True)
class Resource:
    """A resource a template declares, and the condition it stands under ("" for none)."""

    logical_id: str
    type: str
    condition: str


@dataclass(frozen=True)
class Template:
    """A template; ``path`` is relative to the root, ``content`` what ``read`` gives of its text."""

    name: str
    path: Path
    body: str
    parameters: Mapping[str, Parameter]
    outputs: tuple[str, ...]
    resources: tuple[Resource, ...]
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def conditions(self) -> Mapping[str, Any]:
        """Its conditions by name, as ``holds`` takes them."""
        found = self.content.get("Conditions")
        return found if isinstance(found, dict) else {}

    @property
    def digest(self) -> str:
        """The sha256 of the template's text, in hex."""
        return hashlib.sha256(self.body.encode()).hexdigest()


class _Loader(yaml.CSafeLoader):
    """Every scalar stays the text that CloudFormation compares, and every function takes its long form."""

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


def read(text: str) -> Any:  # noqa: ANN401 (whatever the text is)
    """A template's text (YAML or JSON) as data: ``!Ref Vpc`` becomes ``{"Ref": "Vpc"}``.

    Raises yaml.YAMLError when it is neither.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (it is a safe loader)


def names(checkout: Checkout) -> list[str]:
    """The templates that the repository has, sorted."""
    return sorted(path.stem for path in (checkout.root / TEMPLATES).glob("*.yaml"))


def load(checkout: Checkout, name: str) -> Template:
    """Read one template of the repository.

    Raises GitopsError, with file and line, when the file is missing, is no
    YAML, is larger than a request takes, or its sections are malformed.
    """
    path = template_path(name)
    try:
        body = (checkout.root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(names(checkout)) or "none"
        raise GitopsError(
            f"there is no template {path} (there are: {known})", fix="correct stacks in the environment's file"
        ) from None
    except UnicodeDecodeError as error:
        raise GitopsError(f"{path} is not UTF-8 text: {error}", fix="correct the file") from None
    return parse(body, name, path)


def parse(body: str, name: str, path: Path) -> Template:
    """A template from its text; GitopsError as for ``load``."""
    size = len(body.encode())
    if size > INLINE_LIMIT:
        raise GitopsError(
            f"{path} has {size} bytes; CloudFormation takes {INLINE_LIMIT} in a request", fix="split the template"
        )
    loader = _Loader(body)
    try:
        node = loader.get_single_node()
        document = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        raise GitopsError(
            f"{path}:{mark.line + 1 if mark else 1}: not YAML: {problem}", fix="correct the file"
        ) from None
    finally:
        loader.dispose()
    if not isinstance(node, yaml.MappingNode) or not isinstance(document, dict):
        raise GitopsError(f"{path}:1: a template is a mapping with Resources", fix="correct the file")
    lines = _lines(node)
    resources = _section(document, "Resources", path, lines)
    if not resources:
        raise GitopsError(f"{path}:1: a template is a mapping with Resources", fix="correct the file")
    return Template(
        name=name,
        path=path,
        body=body,
        parameters={
            key: _parameter(key, value, lines[("Parameters", key)])
            for key, value in _section(document, "Parameters", path, lines).items()
        },
        outputs=tuple(sorted(_section(document, "Outputs", path, lines))),
        resources=tuple(
            Resource(key, str(value.get("Type", "")), str(value.get("Condition", "")))
            for key, value in sorted(resources.items())
        ),
        content=document,
    )


def _section(
    document: dict[str, Any], section: str, path: Path, lines: dict[tuple[str, str], int]
) -> dict[str, dict[str, Any]]:
    content = document.get(section) or {}
    if not isinstance(content, dict):
        raise GitopsError(f"{path}:{lines[(section, '')]}: {section} is not a mapping", fix="correct the file")
    for key, value in content.items():
        if not isinstance(value, dict):
            raise GitopsError(
                f"{path}:{lines[(section, str(key))]}: {section}.{key} is not a mapping", fix="correct the file"
            )
    return content


def _lines(node: yaml.MappingNode) -> dict[tuple[str, str], int]:
    """The line (from 1) of each section, keyed (section, ""), and of each of its entries."""
    lines: dict[tuple[str, str], int] = {}
    for section, content in node.value:
        lines[(str(section.value), "")] = section.start_mark.line + 1
        if isinstance(content, yaml.MappingNode):
            for key, _ in content.value:
                lines[(str(section.value), str(key.value))] = key.start_mark.line + 1
    return lines


def _parameter(name: str, declared: dict[str, Any], line: int) -> Parameter:
    default = declared.get("Default")
    return Parameter(
        name=name,
        type=str(declared.get("Type", "String")),
        default=None if default is None else str(default),
        # All that YAML 1.1 reads as true.
        no_echo=str(declared.get("NoEcho", "")).lower() in {"true", "yes", "on"},
        line=line,
    )


def holds(conditions: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, bool | None]:
    """Each condition of a template: True, False, or None where the values do not decide it.

    ``conditions`` are a template's; ``values`` are parameters and pseudo parameters by name. What is not known,
    and every function but Equals, Not, And, Or, Condition and those of ``value``, leaves open what depends on it.
    cfn-lint's solver is another thing: it asks whether a condition can hold, knows no pseudo parameters, and takes
    two references as unequal whatever their values are.
    """
    return {name: _condition({"Condition": name}, conditions, values, ()) for name in conditions}


def pseudo(account: str, region: str, stack_name: str) -> dict[str, str]:
    """The pseudo parameters that are known before a stack is there.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """
    partition = next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")
    return {
        "AWS::AccountId": account,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackName": stack_name,
    }


def _condition(
    said: object, conditions: Mapping[str, Any], values: Mapping[str, str], through: tuple[str, ...]
) -> bool | None:
    """Kleene's three values: what is open stays open unless the rest decides."""
    name, argument = _called(said)
    if name == "Condition":
        # One that leads back to itself is refused by CloudFormation; here it is open.
        if not isinstance(argument, str) or argument not in conditions or argument in through:
            return None
        return _condition(conditions[argument], conditions, values, (*through, argument))
    if not isinstance(argument, list):
        return None
    if name == "Fn::Equals" and len(argument) == 2:
        one, other = (value(part, values) for part in argument)
        return None if one is None or other is None else one == other
    parts = [_condition(part, conditions, values, through) for part in argument]
    if name == "Fn::Not" and len(parts) == 1:
        return None if parts[0] is None else not parts[0]
    if name == "Fn::And":
        return False if False in parts else None if None in parts else True
    if name == "Fn::Or":
        return True if True in parts else None if None in parts else False
    return None


def value(said: object, values: Mapping[str, str]) -> str | None:
    """What a plain value, a Ref, a Sub or a Join comes to with these values by name; None where they do not tell it."""
    if isinstance(said, str):
        return said
    name, argument = _called(said)
    if name == "Ref":
        return values.get(str(argument))
    if name == "Fn::Sub" and isinstance(argument, str):
        known = all(variable in values for variable in _VARIABLE.findall(argument))
        return _VARIABLE.sub(lambda found: values[found[1]], argument).replace("${!", "${") if known else None
    if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
        return _joined(str(argument[0]), argument[1], values)
    return None


def written(said: object) -> str:
    """A plain value, or what a Sub says with its variables left open; "" for what is neither."""
    name, argument = _called(said)
    text = argument if name == "Fn::Sub" else said
    return text if isinstance(text, str) else ""


def _joined(separator: str, said: object, values: Mapping[str, str]) -> str | None:
    if not isinstance(said, list):
        # A list parameter: its value is its elements with commas between them.
        whole = value(said, values)
        return None if whole is None else separator.join(part.strip() for part in whole.split(","))
    parts = [value(part, values) for part in said]
    known = [part for part in parts if part is not None]
    return separator.join(known) if len(known) == len(parts) else None


def _called(said: object) -> tuple[str, object]:
    """The one key of a function's mapping and what stands under it; ("", None) for what is no function."""
    if isinstance(said, dict) and len(said) == 1:
        [(name, argument)] = said.items()
        return str(name), argument
    return "", None
