"""The files that a new service starts with, from the starter beside this file."""

from __future__ import annotations

import re
from pathlib import Path

from gitops.newservice.names import Names

STARTER = Path(__file__).parent / "starter"
# In a starter file, `Starter` stands for the service's name, `starter` for its package and "/starter" for its folder.
_PREFIX = '"/starter"'
_TESTS = "starter_tests"
# Under its own name it would count as a part of gunicorn for whoever checks types here.
_RENAMED = {"gunicorn_conf.py": "gunicorn.conf.py"}


def files(names: Names, prefix: str) -> dict[Path, str]:
    """The starter's files by their path below the repository's root, written for a service below ``prefix``."""
    found = {}
    for path in sorted(STARTER.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found[_place(path.relative_to(STARTER), names)] = fill(path.read_text(encoding="utf-8"), names, prefix)
    return found


def fill(text: str, names: Names, prefix: str) -> str:
    """The text of a starter file, written for a service."""
    text = text.replace(_PREFIX, f'"{prefix}"')
    return re.sub(r"\bstarter\b", names.module, re.sub(r"\bStarter\b", names.service, text))


def _place(path: Path, names: Names) -> Path:
    first, *rest = path.parts
    if first == _TESTS:
        return Path("tests/services", names.module, *rest)
    folder = names.module if first == "starter" else _RENAMED.get(first, first)
    return Path("services", names.service, folder, *rest)
