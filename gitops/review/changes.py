"""What differs between two commits: a change for each rendered task definition, environment and entry of a service."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import yaml

from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS, TASKDEFS, TEMPLATES, entry, environment_file, rendered, template
from gitops.review.risks import task_definition_risks
from gitops.review.settings import Defaults, environment_risks, service_risks
from gitops.stacks import templates
from gitops.stacks.order import group
from gitops.taskdefs.documents import Document, dump, parse
from gitops.text import hide_documents

Kind = Literal["added", "changed", "removed"]
Read = Literal["task definition", "environment", "service", ""]
FOLDERS = (TASKDEFS.as_posix(), ENVIRONMENTS.as_posix(), TEMPLATES.as_posix())
CONTEXT_LINES = 3


class Change(NamedTuple):
    """One thing that differs, ready to be shown: secrets are hidden already."""

    subject: str
    kind: Kind
    risks: tuple[str, ...]
    diff: tuple[str, ...]


def changes(base: dict[str, str], head: dict[str, str]) -> list[Change]:
    """The changes between two states of a repository, each a path's text by path.

    Looks at rendered task definitions and environments' files and at nothing
    else; the order is that of the paths. A file that says the same in other
    bytes is no change. Templates, where they are among the texts, tell what a
    line means that an environment file leaves out. Raises GitopsError for a
    file that cannot be read.
    """
    defaults = template_defaults(base), template_defaults(head)
    environments = {path: document(path, text) or {} for path, text in head.items() if _reader(path) == "environment"}
    here = {PurePosixPath(path).stem for path, one in environments.items() if one.get("aws_config_file")}
    found = (
        _change(path, base.get(path), head.get(path), defaults, here)
        for path in sorted({*base, *head})
        if _reader(path)
    )
    return [change for change in found if change is not None]


def is_read(path: str) -> bool:
    """Whether ``changes`` needs a path's text."""
    return bool(_reader(path)) or _is_template(path)


def template_defaults(texts: dict[str, str]) -> Defaults:
    """What the templates among some texts say themselves, by entry; a template that is none says nothing."""
    found: dict[str, dict[str, str]] = {}
    for path, text in texts.items():
        if _is_template(path):
            found.setdefault(group(PurePosixPath(path).stem), {}).update(_defaults(path, text))
    return found


# Most templates are the same on both sides, and reading one takes a while.
@cache
def _defaults(path: str, text: str) -> dict[str, str]:
    try:
        parameters = templates.parse(text, PurePosixPath(path).stem, Path(path)).parameters
    except GitopsError:
        # Whether it is a template is for the checks of templates to say.
        return {}
    return {name: one.default for name, one in parameters.items() if one.default is not None}


def _is_template(path: str) -> bool:
    return PurePosixPath(path).match(str(template("*")))


def _reader(path: str) -> Read:
    pure = PurePosixPath(path)
    if pure.match(str(rendered("*", "*"))):
        return "task definition"
    if pure.match(str(environment_file("*"))):
        return "environment"
    return "service" if pure.match(str(entry("*", "*"))) else ""


def _change(
    path: str, before_text: str | None, after_text: str | None, defaults: tuple[Defaults, Defaults], here: set[str]
) -> Change | None:
    if before_text == after_text:
        return None
    before, after = hide_documents(document(path, before_text), document(path, after_text))
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    pure = PurePosixPath(path)
    if _reader(path) == "task definition":
        subject = f"{pure.parts[1]} in {pure.stem}"
        risks = task_definition_risks(before, after, here=pure.stem in here)
    elif _reader(path) == "service":
        subject = f"{pure.stem} in environment {pure.parent.name}"
        risks = service_risks(pure.stem, before, after, defaults)
    else:
        subject, risks = f"environment {pure.stem}", environment_risks(before, after, defaults)
    was, now = (_lines(path, one) for one in (before, after))
    lines = tuple(difflib.unified_diff(was, now, path, path, n=CONTEXT_LINES, lineterm=""))
    return Change(subject, kind, tuple(risks), lines) if lines else None


def document(path: str, text: str | None) -> Document | None:
    """A reviewed file's content, None for no text; GitopsError when it cannot be read."""
    if text is None:
        return None
    if _reader(path) == "task definition":
        return parse(text, path)
    try:
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise GitopsError(f"{path} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None
    if not isinstance(content, dict):
        raise GitopsError(f"{path}: holds no mapping", fix="correct the file")
    return content


def _lines(path: str, document: Document | None) -> list[str]:
    if document is None:
        return []
    if _reader(path) == "task definition":
        return dump(document).splitlines()
    return yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, width=1000).splitlines()
