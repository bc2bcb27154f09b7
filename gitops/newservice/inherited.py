"""What a new service takes from one that runs already: Dockerfile, task definition, repository, sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from gitops.errors import GitopsError
from gitops.images import dockerfile
from gitops.newservice import blocks
from gitops.newservice.names import Names
from gitops.taskdefs.documents import Document, Value

REGISTRY = Path("infra/cloudformation/registry.yaml")
DEVELOPMENT = Path("requirements/dev.in")
# Every service's own; the rest of its parameters it takes over.
_PLACE = ("ListenerPriority", "PathPatterns")
# Objects and lists up to this width stand on one line.
_WIDTH = 100
# Text that YAML may take for a number, a boolean or a sign of its own is quoted.
_PLAIN = re.compile(r"[A-Za-z/][\w/.,*:-]*")
_LABEL = r'org\.opencontainers\.image\.{}="[^"]*"'


def docker_file(text: str, source: Names, new: Names) -> str:
    """The source's Dockerfile for the new service.

    Raises GitopsError when its command is not gunicorn with the source's application.
    """
    text = re.sub(_LABEL.format("title"), f'org.opencontainers.image.title="{new.service}"', text)
    text = re.sub(
        _LABEL.format("description"), f'org.opencontainers.image.description="The {new.service} service"', text
    )
    text = renamed(text, source, new)
    command = dockerfile.final_stage(text, {}).command
    if command != ("gunicorn", f"{new.module}:create_app()"):
        raise GitopsError(
            f'services/{source.service}/Dockerfile does not run "gunicorn {source.module}:create_app()"',
            fix="give another service as --from",
        )
    return text


def renamed(text: str, source: Names, new: Names) -> str:
    """A text that names the source's package, with the new one's name in its place."""
    return re.sub(rf"(?<![\w.-]){re.escape(source.module)}(?![\w-])", new.module, text)


def task_definition(base: Document, source: str) -> str:
    """The source's base.json with what only its code needs left out: its variables and its secrets.

    Raises GitopsError when it has no container ``${service}``.
    """
    containers = base.get("containerDefinitions") or []
    own = [container for container in containers if container.get("name") == "${service}"]
    if not own:
        raise GitopsError(
            f"taskdefs/{source}/base.json has no container named ${{service}}", fix="give another service as --from"
        )
    kept = {key: value for key, value in own[0].items() if key != "secrets"}
    kept["environment"] = [{"name": "LOG_LEVEL", "value": "INFO"}]
    containers = [kept if container is own[0] else container for container in containers]
    return _pretty({**base, "containerDefinitions": containers}) + "\n"


def _pretty(value: Value, indent: int = 0) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH and "\n" not in line and indent:
        return line
    inner, outer = " " * (indent + 2), " " * indent
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{outer}}}"
    if isinstance(value, list):
        items = [f"{inner}{_pretty(item, indent + 2)}" for item in value]
        return "[\n" + ",\n".join(items) + f"\n{outer}]"
    return line


def registry(text: str, source: Names, new: Names) -> str:
    """The registry's template with a repository and its output for the new service.

    Raises GitopsError when it has none for the source, or has one of the new name.
    """
    if re.search(rf"^\s+{new.repository}(Uri)?:", text, re.MULTILINE):
        raise GitopsError(f"{REGISTRY} has a {new.repository} already", fix="choose another name")
    for section, key in (("Resources", source.repository), ("Outputs", f"{source.repository}Uri")):
        lines = blocks.without_comments(blocks.entry(text, section, key, REGISTRY))
        lines = [_renamed(line, source, new) for line in lines]
        if section == "Resources":
            lines = ["", f"  # As {source.repository}, where the reasons stand.", *lines]
        text = blocks.append(text, section, lines, REGISTRY)
    return text


def _renamed(line: str, source: Names, new: Names) -> str:
    line = line.replace(source.repository, new.repository)
    return re.sub(rf"(?<![\w-]){re.escape(source.service)}(?![\w-])", new.service, line)


def environment(
    text: str, source: str, new: str, place: Mapping[str, str], given: Mapping[str, str], where: Path
) -> str:
    """An environment's file with the new service: its place on the load balancer, the rest as ``source`` has it."""
    values = {**place, **{key: value for key, value in given.items() if key not in _PLACE}}
    lines = [f"  {new}:", *(f"    {key}: {_scalar(value)}" for key, value in values.items())]
    blocks.entry(text, "services", source, where)
    return blocks.append(text, "services", lines, where)


def _scalar(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and yaml.safe_load(value) == value else json.dumps(value)


def development(text: str, source: str, new: str) -> str:
    """The requirements of work on this repository with the new service's; GitopsError without the source's."""
    ours = f"-c ../services/{source}/requirements.txt"
    if ours not in text.splitlines():
        raise GitopsError(f'{DEVELOPMENT} has no line "{ours}"', fix="restore it")
    lines = [line.replace(f"/{source}/", f"/{new}/") for line in (f"-r ../services/{source}/requirements.in", ours)]
    return text.replace(f"{ours}\n", "\n".join([ours, *lines, ""]))
