"""What a CloudFormation template declares: its parameters, outputs and resources."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops.errors import GitopsError

FOLDER = Path("infra/cloudformation")
# CloudFormation's quota "Template body size in a request".
INLINE_LIMIT = 51_200


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
    """A template as far as ordering and planning its stack needs it; ``path`` is relative to the root."""

    name: str
    path: Path
    body: str
    parameters: Mapping[str, Parameter]
    outputs: tuple[str, ...]
    resources: tuple[Resource, ...]

    @property
    def digest(self) -> str:
        """The sha256 of the template's text, in hex."""
        return hashlib.sha256(self.body.encode()).hexdigest()


class _Loader(yaml.SafeLoader):
    """Reads !Ref, !Sub and the like as their plain values and keeps the line of each mapping."""


def _tagged(loader: _Loader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("!", _tagged)


def load(root: Path, name: str) -> Template:
    """Read one template of the repository.

    Raises GitopsError, with file and line, when the file is missing, is no
    YAML, is larger than a request takes, or its sections are malformed.
    """
    path = FOLDER / f"{name}.yaml"
    try:
        body = (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in (root / FOLDER).glob("*.yaml"))) or "none"
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
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise GitopsError(f"{path}:{line}: not YAML: {error.problem}", fix="correct the file") from None
    except yaml.YAMLError as error:
        raise GitopsError(f"{path}:1: not YAML: {error}", fix="correct the file") from None
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
    )


def document(template: Template) -> dict[str, Any]:
    """All that a template says; !Ref, !Sub and the like as their plain values."""
    content: dict[str, Any] = yaml.load(template.body, Loader=_Loader)  # noqa: S506 (it is a safe loader)
    return content


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
        default=None if default is None else _text(default),
        no_echo=_text(declared.get("NoEcho", False)) == "true",
        line=line,
    )


def _text(value: object) -> str:
    # CloudFormation's parameter values are strings; YAML's booleans are written as it writes them.
    return str(value).lower() if isinstance(value, bool) else str(value)
