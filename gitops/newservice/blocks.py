"""Entries of a YAML file as lines of text, so that comments, quotes and order stay as people wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from gitops.errors import GitopsError


def entry(text: str, section: str, key: str, where: Path) -> list[str]:
    """The lines of ``section``'s entry ``key``; GitopsError when ``where`` (the file's name for people) has none."""
    for name, value in _section(text, section, where).value:
        if name.value == key:
            return text.splitlines()[name.start_mark.line : _end(text, value)]
    raise GitopsError(f"{where} has no {key} under {section}", fix="restore it, or give another service as --from")


def append(text: str, section: str, lines: Sequence[str], where: Path) -> str:
    """The text with ``lines`` as the last entry of ``section``, whose own lines keep their place."""
    entries = _section(text, section, where).value
    end = _end(text, entries[-1][1])
    every = text.splitlines()
    return "\n".join([*every[:end], *lines, *every[end:]]) + "\n"


def without_comments(lines: Sequence[str]) -> list[str]:
    """The lines apart from those that only comment."""
    return [line for line in lines if not line.lstrip().startswith("#")]


def _section(text: str, section: str, where: Path) -> yaml.MappingNode:
    document = yaml.compose(text, Loader=yaml.CSafeLoader)
    for key, value in document.value if isinstance(document, yaml.MappingNode) else []:
        if key.value == section and isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
            return value
    raise GitopsError(f"{where} has no {section} with an entry on lines of its own", fix="write the first one by hand")


def _end(text: str, value: yaml.Node) -> int:
    """The number of the line after an entry's last, from 0."""
    # A block ends for the parser where the next thing begins: what stands between belongs to that.
    block = isinstance(value, yaml.CollectionNode) and not value.flow_style
    lines = text.splitlines()
    end = value.end_mark.line if block else value.end_mark.line + 1
    while end > value.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end
